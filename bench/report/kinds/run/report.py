"""The report of a run, in the order in which a reader asks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bench.report.charts import Picture, pictures
from bench.report.document import bridges, glossary, steadiness
from bench.report.document.blocks import (
    Block,
    Bullets,
    Commands,
    Document,
    Folded,
    Paragraph,
    Part,
    Section,
    Warnings,
)
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import FLOOR, Group, groups, hardware, shared_conditions
from bench.report.document.tables import import_table, pivot
from bench.report.document.text import Link, Text, listed, plural
from bench.report.kinds.machine import calibration
from bench.report.kinds.run import counters, phases, quality, sentences
from bench.report.kinds.run.parts import collector_table, figures, memory_table, part, time_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Summary

MAIN_PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning", "lightning")


def document(summary: Summary, folder: str) -> Document:
    """Say everything; `folder` is the path of the run, such as `results/20260102T030405Z-quick`."""
    told, passes = groups(summary), summary.run.settings.passes
    drawn, timed = pictures(summary), "timing" in passes
    blocks: list[Block] = [
        Paragraph(text=setting(summary), told="setting"),
        *bridges.bold(summary.run),
        *(Paragraph(text=line, told="note") for line in quality.quality(summary)),
        _answers(summary, told, drawn),
        glossary.how_to_read(glossary.entries(summary.run.settings)),
        _equivalence(summary),
        *([_tables(summary, told, drawn)] if timed else []),
        *([counters.section(summary, told, drawn)] if "counting" in passes else []),
        *([_arithmetic(told)] if timed else []),
        *([phases.section(told, drawn)] if "phases" in passes else []),
        *([_traces()] if "trace" in passes else []),
        *([_resolution(summary, told)] if timed else []),
        _repeat(summary, folder),
    ]
    return Document(title=title(summary), blocks=tuple(blocks))


def _traces() -> Section:
    perfetto = "https://ui.perfetto.dev"
    told: Text = (
        "Ten steady steps of each cell are in ",
        Link("traces/", "traces/"),
        ": open them at ",
        Link(perfetto, perfetto),
        ", which reads them in the browser, or in chrome://tracing.",
    )
    return Section(title="Traces", blocks=(Paragraph(text=told),))


def title(summary: Summary) -> str:
    """The question that the report answers."""
    return f"{summary.run.name}: what does your training loop cost?"


def setting(summary: Summary) -> str:
    """Say when and where the run was made, with which versions of what it compares, and how much of it there is."""
    versions = [f"{name} {summary.packages[name]}" for name in MAIN_PACKAGES if name in summary.packages]
    told = (
        f"Measured on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, with {', '.join(versions)}: "
        f"{plural(len(summary.cells), 'cell')}{_blocks(summary)}."
    )
    return steadiness.after(told, summary)


def _blocks(summary: Summary) -> str:
    most, planned = max((cell.blocks for cell in summary.cells), default=0), summary.run.settings.blocks
    if not most:
        return ", not timed"
    if most > planned:
        return f" in {plural(planned, 'block')}, and in up to {most} where a ratio needed more"
    return f" in {plural(most, 'block')}"


def _answers(summary: Summary, told: Sequence[Group], drawn: Sequence[Picture]) -> Section:
    parts = [
        part(
            group,
            [
                Paragraph(text=sentences.representative(group), strong=True, told="answer"),
                Bullets(lines=tuple(sentences.answers(group)), told="answer"),
                *figures(drawn, group, "ratios", "throughput", "overhead"),
            ],
        )
        for group in told
    ]
    failures = (Paragraph(text=line, told="note") for line in sentences.failures(summary))
    return Section(title="What each loop costs", blocks=(*parts, *failures), answers=True)


def _equivalence(summary: Summary) -> Section:
    first, *others = quality.equivalence(summary)
    blocks = (Paragraph(text=first, strong=True, told="note"), Bullets(lines=tuple(others)))
    return Section(title="Are they equivalent?", blocks=blocks)


def _tables(summary: Summary, told: Sequence[Group], drawn: Sequence[Picture]) -> Section:
    equal = [*shared_conditions(summary), plural(summary.run.settings.threads, "thread")]
    blocks: list[Block] = [
        Paragraph(text=f"Equal in all rows: {', '.join(equal)}."),
        *(_tables_of(summary, group, drawn) for group in told),
        import_table(summary),
    ]
    return Section(title="Tables", blocks=tuple(blocks))


def _tables_of(summary: Summary, group: Group, drawn: Sequence[Picture]) -> Part:
    collected = any(cell.collector_us_per_step is not None for cell in group.cells)
    return part(
        group,
        [
            time_table(group),
            *(Paragraph(text=line) for line in quality.noise_floors(summary, group)),
            *(
                Folded(title="How step times are spread", blocks=(one,))
                for one in figures(drawn, group, "distribution")
            ),
            *([collector_table(group)] if collected else []),
            memory_table(group),
            *([Paragraph(text=quality.WITHOUT_WORKERS)] if any(cell.workers for cell in group.cells) else []),
        ],
    )


def _arithmetic(told: Sequence[Group]) -> Section:
    shares = [
        part(
            group,
            [
                Paragraph(text=f"Arithmetic as a share of the step, {group.title}:"),
                pivot(group, [name for name in group.runners if name != FLOOR], sentences.arithmetic_share),
            ],
        )
        for group in told
        if FLOOR in group.runners and len(group.batch_sizes) > 1
    ]
    lines = Bullets(lines=tuple(map(sentences.arithmetic, told)))
    return Section(title="How much of the step is arithmetic?", blocks=(lines, *shares))


def _resolution(summary: Summary, told: Sequence[Group]) -> Section:
    by = summary.run.settings.by_calibration
    lines = [*quality.resolvable(summary), *quality.added_blocks(summary)]
    return Section(
        title="What this machine can resolve",
        blocks=(
            Bullets(lines=tuple(lines)) if by is None else calibration.bullets(by, lines),
            Warnings(lines=tuple(summary.warnings), nothing="No warnings."),
            Folded(title="Cell by cell", blocks=tuple(map(_cell_by_cell, told))),
        ),
    )


def _cell_by_cell(group: Group) -> Part:
    compared = [cell.runner for cell in group.cells if quality.smallest_difference(cell) is not None]
    smallest = "Smallest difference from the hand-written loop that shows"
    blocks: list[Block] = [
        Paragraph(text=f"Spread of the step time between blocks (coefficient of variation), {group.title}:"),
        pivot(group, group.runners, quality.spread),
    ]
    if compared:
        blocks += [
            Paragraph(text=f"{smallest}, {group.title}:"),
            pivot(group, list(dict.fromkeys(compared)), quality.shown_difference),
        ]
    return part(group, blocks)


def _repeat(summary: Summary, folder: str) -> Section:
    return Section(
        title="How to repeat it",
        blocks=(
            Paragraph(text="The same cells, lengths, seeds and settings again:"),
            Commands(text=f"python -m bench.run --like {shlex.quote(folder)}"),
            Paragraph(text="This run was started by:"),
            Commands(text=summary.run.command),
            machine_and_packages(summary),
        ),
    )
