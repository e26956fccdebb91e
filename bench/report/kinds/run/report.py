"""The report: a summary as markdown, in the order in which a reader asks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bench.report.charts import Picture, pictures, shown
from bench.report.document import bridges, glossary, steadiness
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import FLOOR, Group, baseline_of, groups, hardware, shared_conditions
from bench.report.document.parts import Paragraph
from bench.report.document.tables import collector_table, import_table, memory_table, pivot, time_table
from bench.report.document.text import code, escape, folded, listed, plural
from bench.report.kinds.machine import calibration
from bench.report.kinds.run import counters, phases, quality, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Summary

MAIN_PACKAGES = ("torch", "transformers", "accelerate", "pytorch-lightning", "lightning")

SHOWN_WARNINGS = 10


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; `folder` is the path of the run, such as `results/20260102T030405Z-quick`.

    The same summary and folder always give the same text, byte for byte.
    """
    told, passes = groups(summary), summary.run.settings.passes
    drawn = pictures(summary)
    parts = [
        f"# {escape(title(summary))}",
        escape(setting(summary)),
        *bridges.bold(summary.run),
        *map(escape, quality.quality(summary)),
        _answers(summary, told, drawn),
        folded("How to read this report", "\n".join(glossary.entries(summary.run.settings))),
        _equivalence(summary),
        *([_tables(summary, told, drawn)] if "timing" in passes else []),
        *([counters.section(summary, told, drawn)] if "counting" in passes else []),
        *([_arithmetic(told)] if "timing" in passes and summary.run.settings.scripts is None else []),
        *([phases.section(told, drawn)] if "phases" in passes else []),
        *([_traces()] if "trace" in passes else []),
        *([_resolution(summary, told)] if "timing" in passes else []),
        _repeat(summary, folder),
    ]
    return "\n\n".join(parts) + "\n"


def _traces() -> str:
    return "\n\n".join(
        [
            "## Traces",
            "Ten steady steps of each cell are in [traces/](traces/): open them at <https://ui.perfetto.dev>, "
            "which reads them in the browser, or in chrome://tracing.",
        ]
    )


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the answer as plain text: the report's first lines."""
    told = [
        Paragraph(lead=sentences.representative(group), lines=tuple(sentences.answers(group)), answers=True)
        for group in groups(summary)
    ]
    others = [*sentences.failures(summary), *quality.equivalence(summary)[:1]]
    opening = [setting(summary), *quality.quality(summary)]
    return [*(Paragraph(lead=each) for each in opening), *told, *(Paragraph(lead=each) for each in others)]


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


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def _answers(summary: Summary, told: list[Group], drawn: Sequence[Picture]) -> str:
    parts = ["## What each loop costs"]
    for group in told:
        parts += [f"**{escape(sentences.representative(group))}**", _bullets(sentences.answers(group))]
        parts += shown(drawn, group.title, "ratios", "throughput", "overhead")
    return "\n\n".join([*parts, *map(escape, sentences.failures(summary))])


def _equivalence(summary: Summary) -> str:
    first, *others = quality.equivalence(summary)
    return "\n\n".join(["## Are they equivalent?", f"**{escape(first)}**", _bullets(others)]).rstrip()


def _tables(summary: Summary, told: list[Group], drawn: Sequence[Picture]) -> str:
    equal = [*shared_conditions(summary), plural(summary.run.settings.threads, "thread")]
    parts = ["## Tables", escape(f"Equal in all rows: {', '.join(equal)}.")]
    for group in told:
        parts += [f"### {escape(group.title)}: time", time_table(group).markdown()]
        parts += map(escape, quality.noise_floors(summary, group))
        parts += [folded("How step times are spread", image) for image in shown(drawn, group.title, "distribution")]
        if any(cell.collector_us_per_step is not None for cell in group.cells):
            parts += [folded("Full collections of Python's garbage", collector_table(group).markdown())]
        parts += [f"### {escape(group.title)}: memory and start-up", memory_table(group).markdown()]
        parts += [quality.WITHOUT_WORKERS] if any(cell.workers for cell in group.cells) else []
    return "\n\n".join([*parts, "### Imports", import_table(summary).markdown()])


def _arithmetic(told: list[Group]) -> str:
    parts = ["## How much of the step is arithmetic?", _bullets([sentences.arithmetic(group) for group in told])]
    for group in told:
        if FLOOR in group.runners and len(group.batch_sizes) > 1:
            runners = [runner for runner in group.runners if runner != FLOOR]
            shares = pivot(group, runners, sentences.arithmetic_share).markdown()
            parts += [f"Arithmetic as a share of the step, {escape(group.title)}:", shares]
    return "\n\n".join(parts)


def resolvable(summary: Summary) -> list[str]:
    """How small a difference the run can tell, and what a calibration made of its plan."""
    by = summary.run.settings.by_calibration
    return [
        *quality.resolvable(summary),
        *quality.added_blocks(summary),
        *([calibration.sentence(by)] if by is not None else []),
    ]


def _resolution(summary: Summary, told: list[Group]) -> str:
    parts = ["## What this machine can resolve", _bullets(resolvable(summary)), _warnings(summary.warnings)]
    return "\n\n".join([*parts, folded("Cell by cell", "\n\n".join(map(_cell_by_cell, told)))])


def _warnings(warnings: list[str]) -> str:
    if not warnings:
        return "No warnings."
    first, more = warnings[:SHOWN_WARNINGS], warnings[SHOWN_WARNINGS:]
    parts = [f"**{plural(len(warnings), 'warning')}:**", _bullets(first)]
    return "\n\n".join(parts + ([folded(f"{plural(len(more), 'more warning')}", _bullets(more))] if more else []))


def _cell_by_cell(group: Group) -> str:
    compared = [cell.runner for cell in group.cells if quality.smallest_difference(cell) is not None]
    parts = [
        f"Spread of the step time between blocks (coefficient of variation), {escape(group.title)}:",
        pivot(group, group.runners, quality.spread).markdown(),
    ]
    if compared:
        parts += [
            f"Smallest difference from {baseline_of(group.cells)} that shows, {escape(group.title)}:",
            pivot(group, list(dict.fromkeys(compared)), quality.shown_difference).markdown(),
        ]
    return "\n\n".join(parts)


def again(folder: str) -> str:
    """The command that repeats the run in `folder` exactly."""
    return f"python -m bench.run --like {shlex.quote(folder)}"


def _repeat(summary: Summary, folder: str) -> str:
    parts = [
        "## How to repeat it",
        "The same cells, lengths, seeds and settings again:",
        code(again(folder)),
        "This run was started by:",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary)),
    ]
    return "\n\n".join(parts)
