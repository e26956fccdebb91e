"""The report of several runs side by side."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from bench.report.charts import Drawing
from bench.report.document import bridges
from bench.report.document.blocks import (
    Bullets,
    CellTable,
    Commands,
    Document,
    Facets,
    Figure,
    Paragraph,
    Part,
    Section,
    facets_of,
)
from bench.report.document.columns import COUNTERS, MEMORY, TIME, Column
from bench.report.document.environment import machine_and_packages
from bench.report.document.glossary import entries, how_to_read
from bench.report.document.groups import groups
from bench.report.document.verdict_tables import KEYS, key_columns
from bench.report.kinds.run import sentences
from bench.report.kinds.side_by_side.sides import Side, ordered

TITLE = "What does a training loop cost here and there?"
CAUTION = (
    "Step times of different machines differ by the machines. What a loop costs is its ratio and its overhead, each "
    "against the hand-written loop of the same run."
)
TABLES: tuple[tuple[str, str, tuple[Column, ...]], ...] = (
    ("Time", "time", TIME),
    ("Memory and start-up", "memory and start-up", MEMORY),
    ("Counts of one steady step", "exact counts", COUNTERS),
)
PERCENTILES = tuple(column.key for column in TIME if column.header.startswith("p9"))
"""With a column for the run, they would be too much for a screen: each run's own report has them."""


def document(told: Sequence[Side], out: str, drawn: Sequence[tuple[Side, Drawing]] = ()) -> Document:
    """Say everything; the same runs and folder always give the same document."""
    return Document(
        title=TITLE,
        blocks=(
            *bridges.bold(*(side.summary.run for side in told)),
            Bullets(lines=tuple(side.made for side in told)),
            Paragraph(text=CAUTION, told="setting"),
            Section(title="What each loop costs", blocks=tuple(_answers(told)), answers=True),
            Section(title="Side by side", blocks=tuple(_tables(told))),
            *_charts(told, drawn),
            how_to_read(entries(told[0].summary.run.settings)),
            Section(title="How to repeat it", blocks=(Commands(text=command(told, out)),)),
            *(machine_and_packages(side.summary, f" of {_name(side)}") for side in told),
        ),
    )


def _name(side: Side) -> str:
    return f"{side.letter}, {side.summary.run.name}"


def _run(side: Side) -> Facets:
    return {"run": _name(side)}


def _answers(told: Sequence[Side]) -> list[Part]:
    return [
        Part(
            title=title,
            facets=_run(side),
            blocks=(Paragraph(text=title, strong=True, told="answer"), Bullets(lines=tuple(lines), told="answer")),
        )
        for side, title, lines in answers(told)
    ]


def _tables(told: Sequence[Side]) -> list[CellTable]:
    rows, keys = ordered(told), names(told)
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


def _charts(told: Sequence[Side], drawn: Sequence[tuple[Side, Drawing]]) -> list[Section]:
    own = {
        side.letter: [Figure(file=e.file, alt=e.alt, facets=_run(side)) for owner, e in drawn if owner is side]
        for side in told
    }
    return [
        Section(title=f"Charts of {_name(side)}", blocks=tuple(own[side.letter])) for side in told if own[side.letter]
    ]


def answers(told: Sequence[Side]) -> list[tuple[Side, str, list[str]]]:
    """What each run says of its groups, one workload after the other, at the middle of the batch sizes of all runs."""
    rows = [(side, group) for side in told for group in groups(side.summary)]
    workloads = list(dict.fromkeys(group.cells[0].workload for _, group in rows))
    rows.sort(key=lambda row: workloads.index(row[1].cells[0].workload))
    return [
        (side, f"{side.letter}: {sentences.representative(group)}", sentences.answers(group)) for side, group in rows
    ]


def names(told: Sequence[Side]) -> list[str]:
    """Which columns tell rows apart, beside the run and its device."""
    return [key for key in key_columns([cell for _, cell in ordered(told)]) if key != "device"]


def command(told: Sequence[Side], out: str) -> str:
    """What writes this report again."""
    return shlex.join(["python", "-m", "bench.report", "--together", out, *(side.folder for side in told)])
