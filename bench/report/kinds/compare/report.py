"""The report of two runs: did it get worse, on what evidence, and which functions did more."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from bench.analyse.statistics.sequential import GAMMA, two_sided
from bench.records.schema import Control, FigureGroup, TwoRuns, Verdict
from bench.report.document import blocks, bridges, numbers
from bench.report.document.blocks import (
    Document,
    Paragraph,
    Row,
    Section,
    Table,
    Warnings,
    bullets,
    facets_of,
    folded,
    paragraphs,
    section,
)
from bench.report.document.text import plural
from bench.report.document.verdict_tables import is_exact
from bench.report.kinds.compare import counts
from bench.report.kinds.compare.opening import headline, opening
from bench.report.kinds.compare.tables import change, place, table_of_others, value, verdict_tables, where

MAX_UPGRADES = 6
"""Packages that a suggested command names."""


def document(two_runs: TwoRuns) -> Document:
    """Say everything; the same runs and command always give the same document."""
    first, *others = headline(two_runs)
    return blocks.document(
        f"Did it get worse from {two_runs.folders[0]} to {two_runs.folders[1]}?",
        Paragraph(first, strong=True, role="answer"),
        paragraphs(others, role="answer"),
        bridges.bold(two_runs.baseline, two_runs.candidate),
        bullets([*opening(two_runs), _weaker(two_runs)]),
        _verdicts(two_runs),
        _controls(two_runs.controls),
        counts.section(two_runs),
        _informational(two_runs),
        section("Warnings", _trust(two_runs)),
    )


def _shown(two_runs: TwoRuns) -> list[FigureGroup | None]:
    """The groups of the chief table; counts have a section of their own."""
    return ["time", "memory", *(group for group in two_runs.fail_on if group == "start")]


def _verdicts(two_runs: TwoRuns) -> Section:
    verdicts = two_runs.of(_shown(two_runs))
    if not verdicts:
        return section("Verdicts", Paragraph("None: the runs share no cell with time or memory figures."))
    everywhere = place([verdict.cell for verdict in verdicts])
    return section(
        "Verdicts" if everywhere is None else f"Verdicts: {everywhere}",
        Paragraph(_how(two_runs)),
        verdict_tables(verdicts, everywhere),
        paragraphs(_small_print(verdicts)),
    )


def _how(two_runs: TwoRuns) -> str:
    time = (
        "Time is judged by its ratio to the hand-written loop in the same blocks of the same run, so a machine that "
        "was slower on one day cancels."
        if two_runs.controlled
        else "Time is judged as it was measured, with nothing to cancel a machine that was slower on one day."
    )
    level = f"{100 * two_sided():.3g} %"
    return f"{time} B / A has its {level} interval in brackets, from the blocks of both runs, unpaired (rank-sum)."


def _small_print(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Say what limits the verdicts: too few blocks, how finely these resolve, chance."""
    measured = [verdict for verdict in verdicts if not is_exact(verdict) and verdict.ratio is not None]
    bounded = [verdict for verdict in measured if verdict.ratio is not None and verdict.ratio.low is not None]
    doubts = Counter(verdict.warnings[0] for verdict in verdicts if verdict.warnings and verdict not in bounded)
    yield from (f"In {plural(count, 'figure')}: {doubt}." for doubt, count in doubts.items())
    if any(verdict.verdict == "undecided" for verdict in bounded):
        yield (
            "Undecided: the interval is too wide to compare with the margin. More blocks in both runs (--blocks) "
            "narrow it; --margin allows more."
        )
    effects = [effect for effect in (verdict.minimum_detectable_effect for verdict in bounded) if effect]
    if effects:
        yield f"A change of {_span(effects)} is found with 80 % power, by how the blocks of each figure spread."
    if bounded:
        judged = plural(len(bounded), "measured verdict")
        yield (
            f"Each of these {judged} says regressed by chance in {numbers.percent(GAMMA)} of cases at most in which "
            f"nothing differs, any of them in {numbers.percent(min(GAMMA * len(bounded), 1))} at most; nothing was "
            "measured again to confirm one."
        )


def _span(fractions: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys([numbers.percent(min(fractions)), numbers.percent(max(fractions))]))


def _controls(controls: Sequence[Control]) -> Section | None:
    if not controls:
        return None
    ratios = [control.machine.ratio.value for control in controls if control.machine.ratio is not None]
    span = f"between {_percent(min(ratios))} and {_percent(max(ratios))}, in the middle " if len(ratios) > 1 else ""
    explained = (
        "The hand-written loop ran the same code in both runs: its step time changed only by what the machine did, "
        f"here by {span}{_percent(median(ratios))}. The floor is as unchanged, so its ratio should not move at all."
    )
    headers = ("hand-written loop", "A", "B", "B / A", "floor ÷ it, B / A")
    table = Table(headers=headers, rows=tuple(map(_control, controls)), names=1)
    return section("What did not change", Paragraph(explained), table)


def _control(control: Control) -> Row:
    machine = control.machine
    sides = [value(machine, machine.baseline), value(machine, machine.candidate)]
    floor = "unavailable" if control.floor is None else change(control.floor)
    return Row(texts=(where([machine.cell]), *sides, change(machine), floor), facets=facets_of(machine.cell))


def _percent(ratio: float) -> str:
    return f"{numbers.signed(100 * (ratio - 1), -1)} %"


def _informational(two_runs: TwoRuns) -> Section | None:
    shown = _shown(two_runs)
    others = [
        judged.verdict for judged in two_runs.judged if judged.group in (None, "start") and judged.group not in shown
    ]
    if not others:
        return None
    explained = (
        "Raw times, first steps and imports, in which a change may be the machine's; imports are those of the blocks, "
        "where others import at the same time."
    )
    table = table_of_others(others, place([verdict.cell for verdict in others]))
    title = f"{plural(len(others), 'figure')} with the drift of the machine in them"
    return section("Informational (no verdict)", folded(title, Paragraph(explained), table))


def _weaker(two_runs: TwoRuns) -> str:
    return (
        "Two runs made at different times are weaker evidence than bench.upgrade, which measures both sides in turn, "
        "block by block: what changed between the runs and is no package, such as clocks, neighbours and temperature, "
        f"cannot cancel in raw times.{_better(two_runs)}"
    )


def _trust(two_runs: TwoRuns) -> Warnings:
    lines = [f"{doubt}." for doubt in two_runs.warnings]
    if any(two_runs.own_warnings):
        own = f"A has {plural(two_runs.own_warnings[0], 'warning')} of its own, B {two_runs.own_warnings[1]:,}"
        lines.append(f"{own}; see their reports.")
    return Warnings(lines=tuple(lines), nothing="No warnings.", counted=False)


def _better(two_runs: TwoRuns) -> str:
    """Name the command that measures the same question side by side; there is none for torch."""
    both = {name: pair for name, pair in two_runs.packages.items() if None not in pair}
    if not both or "torch" in two_runs.packages or len(both) > MAX_UPGRADES:
        return ""
    sides = (" ".join(f"{name}=={pair[side]}" for name, pair in both.items()) for side in (0, 1))
    baseline, candidate = map(shlex.quote, sides)
    return f" Here: python -m bench.upgrade --baseline {baseline} --candidate {candidate}"
