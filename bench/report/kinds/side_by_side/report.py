"""The report of several runs side by side."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from bench.records.metrics import metrics_of
from bench.report.charts import Drawing
from bench.report.document import blocks, bridges
from bench.report.document.blocks import (
    CellTable,
    Commands,
    Document,
    Facets,
    Figure,
    Paragraph,
    Part,
    Section,
    bullets,
    facets_of,
    part,
    section,
)
from bench.report.document.columns import COUNTERS, MEMORY, TIME, Column
from bench.report.document.environment import machine_and_packages
from bench.report.document.glossary import entries, how_to_read
from bench.report.document.groups import groups
from bench.report.document.verdict_tables import KEYS, key_columns
from bench.report.kinds.run import sentences
from bench.report.kinds.side_by_side.sides import Side, ordered

CAUTION = (
    "Step times of different machines differ by the machines. What a loop costs is its ratio and its overhead, each "
    "against the hand-written loop of the same run."
)
TABLES: tuple[tuple[str, str, tuple[Column, ...]], ...] = (
    ("Time", "time", TIME),
    ("Memory and start-up", "memory and start-up", MEMORY),
    ("Counts of one steady step", "exact counts", COUNTERS),
)
PERCENTILES = tuple(metric.key for metric in metrics_of("step_p95_us", "step_p99_us"))
"""With a column for the run, they would be too much for a screen: each run's own report has them."""


def document(sides: Sequence[Side], out: str, drawn: Sequence[tuple[Side, Drawing]] = ()) -> Document:
    """Say everything; the same runs and folder always give the same document."""
    return blocks.document(
        "What does a training loop cost here and there?",
        bridges.bold(*(side.summary.run for side in sides)),
        bullets(side.made for side in sides),
        Paragraph(CAUTION, role="setting"),
        section("What each loop costs", _answers(sides), answers=True),
        section("Side by side", _tables(sides)),
        [_charts(side, [drawing for owner, drawing in drawn if owner is side]) for side in sides],
        how_to_read(entries(sides[0].summary.run.settings)),
        section("How to repeat it", Commands(_command(sides, out))),
        [machine_and_packages(side.summary, f" of {_name(side)}") for side in sides],
    )


def _name(side: Side) -> str:
    return f"{side.letter}, {side.summary.run.name}"


def _run(side: Side) -> Facets:
    return {"run": _name(side)}


def _answers(sides: Sequence[Side]) -> Iterator[Part]:
    """What each run says of its groups, one workload after the other, at the middle of the batch sizes of all runs."""
    rows = [(side, group) for side in sides for group in groups(side.summary)]
    workloads = list(dict.fromkeys(group.cells[0].workload for _, group in rows))
    for side, group in sorted(rows, key=lambda row: workloads.index(row[1].cells[0].workload)):
        title = f"{side.letter}: {sentences.representative(group)}"
        lines = bullets(sentences.answers(group), role="answer")
        yield part(title, _run(side), Paragraph(title, strong=True, role="answer"), lines)


def _tables(sides: Sequence[Side]) -> list[CellTable]:
    rows = ordered(sides)
    keys = [key for key in key_columns([cell for _, cell in rows]) if key != "device"]
    owners = {id(cell): side for side, cell in rows}
    return [
        CellTable(
            title=title,
            cells=tuple(cell for _, cell in rows),
            columns=columns,
            metric=metric,
            names=lambda cell: {key: KEYS[key](cell) for key in keys} | {"on": owners[id(cell)].on(cell)},
            facets=lambda cell: {**facets_of(cell), **_run(owners[id(cell)])},
            wide=PERCENTILES,
        )
        for title, metric, columns in TABLES
        if columns is not COUNTERS or any(cell.counters is not None for _, cell in rows)
    ]


def _charts(side: Side, drawn: Sequence[Drawing]) -> Section | None:
    charts = (Figure(file=drawing.file, alt=drawing.alt, facets=_run(side)) for drawing in drawn)
    return section(f"Charts of {_name(side)}", charts) if drawn else None


def _command(sides: Sequence[Side], out: str) -> str:
    """What writes this report again."""
    return shlex.join(["python", "-m", "bench.report", "--together", out, *(side.folder for side in sides)])
