"""The report of a run, in the order in which a reader asks."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from bench.records.cells import FLOOR
from bench.records.schema import MAIN_PACKAGES
from bench.report.charts import Picture, pictures
from bench.report.document import blocks, bridges, glossary, steadiness
from bench.report.document.blocks import Commands, Paragraph, Warnings, bullets, folded, paragraphs, section
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import Group, baseline_of, groups, hardware
from bench.report.document.tables import pivot
from bench.report.document.text import Link, Text, listed, plural
from bench.report.kinds.machine import calibration
from bench.report.kinds.run import counters, defaults, max_batch, phases, proof, quality, scaling, sentences, tables
from bench.report.kinds.run.tables import figures, of_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Summary
    from bench.report.document.blocks import Document, Part, Section


def document(summary: Summary, folder: str) -> Document:
    """Say everything; `folder` is the path of the run, such as `results/20260102T030405Z-quick`."""
    all_groups, passes = groups(summary), summary.run.settings.passes
    drawn, timed = pictures(summary), "timing" in passes
    return blocks.document(
        f"{summary.run.name}: {_question(summary)}",
        Paragraph(setting(summary), role="setting"),
        bridges.bold(summary.run),
        paragraphs(quality.quality(summary), role="note"),
        max_batch.section(summary) if max_batch.is_searched(summary) else _answers(summary, all_groups, drawn),
        defaults.section(summary),
        scaling.section(summary),
        glossary.how_to_read(glossary.entries(summary.run.settings)),
        _equivalence(summary),
        tables.section(summary, all_groups, drawn) if timed else None,
        counters.section(summary, all_groups, drawn) if "counting" in passes else None,
        _arithmetic(all_groups) if timed and summary.run.settings.scripts is None else None,
        phases.section(all_groups, drawn) if "phases" in passes else None,
        _traces() if "trace" in passes else None,
        _resolution(summary, all_groups) if timed else None,
        _repeat(summary, folder),
    )


def _question(summary: Summary) -> str:
    if max_batch.is_searched(summary):
        return "how large a batch does each loop train?"
    scripts = summary.run.settings.scripts
    if scripts is None:
        return "what does your training loop cost?"
    return f"what does a step of {scripts.each[0].name if len(scripts.each) == 1 else 'each script'} cost?"


def _traces() -> Section:
    perfetto = "https://ui.perfetto.dev"
    sentence: Text = (
        "Ten steady steps of each cell are in ",
        Link("traces/", "traces/"),
        ": open them at ",
        Link(perfetto, perfetto),
        ", which reads them in the browser, or in chrome://tracing.",
    )
    return section("Traces", Paragraph(sentence))


def setting(summary: Summary) -> str:
    """Say when and where the run was made, with which versions of what it compares, and how much of it there is."""
    strategies = {cell.strategy for cell in summary.cells}  # of which one is by the package of its name
    named = [*MAIN_PACKAGES, *sorted(strategies)]
    versions = [f"{name} {summary.packages[name]}" for name in named if name in summary.packages]
    sentence = (
        f"Measured on {summary.run.started_at:%Y-%m-%d} on {_where(summary)}, with {', '.join(versions)}: "
        f"{plural(len(summary.cells), _noun(summary))}{_blocks(summary)}."
    )
    return steadiness.after(sentence, summary)


def _where(summary: Summary) -> str:
    """The hardware, or of a cluster each node, with its own."""
    if not summary.nodes:
        return listed(hardware(summary))
    if len(summary.nodes) == 1:
        return f"one node of a Ray cluster, {next(iter(summary.nodes))}"
    nodes = listed([f"{plural(blocks, 'block')} on {description}" for description, blocks in summary.nodes.items()])
    on_one = "of them" if not summary.run.machines else "of each accelerator type"
    return f"{len(summary.nodes)} nodes of a Ray cluster, each block on one {on_one} ({nodes})"


def _noun(summary: Summary) -> str:
    """What a cell is called: a script on the one device is just that."""
    settings = summary.run.settings
    return "script" if settings.scripts is not None and len(settings.comparisons) == 1 else "cell"


def _blocks(summary: Summary) -> str:
    most, planned = max((cell.blocks for cell in summary.cells), default=0), summary.run.settings.blocks
    if not most:
        return ", not timed"
    if most > planned:
        return f" in {plural(planned, 'block')}, and in up to {most} where a ratio needed more"
    return f" in {plural(most, 'block')}"


def _answers(summary: Summary, all_groups: Sequence[Group], drawn: Sequence[Picture]) -> Section:
    failures = paragraphs(sentences.failures(summary), role="note")
    title = "What each loop costs" if summary.run.settings.scripts is None else "What each script costs"
    return section(title, [_answer(group, drawn) for group in all_groups], failures, answers=True)


def _answer(group: Group, drawn: Sequence[Picture]) -> Part:
    return of_group(
        group,
        Paragraph(sentences.representative(group), strong=True, role="answer"),
        bullets(sentences.answers(group), role="answer"),
        figures(drawn, group, "ratios", "throughput", "overhead"),
    )


def _equivalence(summary: Summary) -> Section:
    first, *others = proof.equivalence(summary)
    return section("Are they equivalent?", Paragraph(first, strong=True, role="note"), bullets(others))


def _arithmetic(all_groups: Sequence[Group]) -> Section:
    several = [group for group in all_groups if FLOOR in group.runners and len(group.batch_sizes) > 1]
    lines = bullets(map(sentences.arithmetic, all_groups))
    return section("How much of the step is arithmetic?", lines, map(_shares, several))


def _shares(group: Group) -> Part:
    loops = [name for name in group.runners if name != FLOOR]
    return of_group(
        group,
        Paragraph(f"Arithmetic as a share of the step, {group.title}:"),
        pivot(group, loops, sentences.arithmetic_share),
    )


def _resolution(summary: Summary, all_groups: Sequence[Group]) -> Section:
    by = summary.run.settings.by_calibration
    return section(
        "What this machine can resolve",
        calibration.bullets(by, [*quality.resolvable(summary), *quality.added_blocks(summary)]),
        Warnings(lines=tuple(summary.warnings), nothing="No warnings."),
        folded("Cell by cell", map(_cell_by_cell, all_groups)),
    )


def _cell_by_cell(group: Group) -> Part:
    compared = [cell.runner for cell in group.cells if quality.smallest_difference(cell) is not None]
    spread = Paragraph(f"Spread of the step time between blocks (coefficient of variation), {group.title}:")
    smallest = Paragraph(f"Smallest difference from {baseline_of(group.cells)} that shows, {group.title}:")
    shown = (smallest, pivot(group, list(dict.fromkeys(compared)), quality.shown_difference)) if compared else ()
    return of_group(group, spread, pivot(group, group.runners, quality.spread), shown)


def _repeat(summary: Summary, folder: str) -> Section:
    return section(
        "How to repeat it",
        Paragraph("The same cells, lengths, seeds and settings again:"),
        Commands(f"python -m bench.run --like {shlex.quote(folder)}"),
        Paragraph("This run was started by:"),
        Commands(summary.run.command),
        machine_and_packages(summary),
    )
