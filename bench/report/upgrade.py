"""The report of a check of two environments: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.check import labels
from bench.report import calibration, numbers
from bench.report.answers.parts import Paragraph
from bench.report.environment import machine_and_packages
from bench.report.groups import hardware
from bench.report.sides import conflicts, differs, unasked
from bench.report.text import code, escape, folded, listed, plural
from bench.report.units import NAMES
from bench.report.verdict_sentences import answer, by_cell, failures
from bench.report.verdicts import counted, measured, where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.records.schema import Environment, Summary

SHOWN_WARNINGS = 10
HOW_TO_READ = (
    "- **ratio**: candidate over baseline, from pairs measured in the same block. Each bound is wrong with a "
    "probability of 0.3 % a look, so that the interval is one of 99.4 %.",
    "- **margin**: how much worse is too much. It is raised to what this machine can resolve where that is more.",
    "- **regressed**: surely worse, and not surely by less than the margin. What a screening calls so is measured "
    "again on fresh blocks, at a stricter level.",
    "- **not regressed**: surely not worse by the margin. `~` stands where no difference shows.",
    "- **undecided**: the blocks were too few, or too unlike, to say either.",
    "- **resolves**: the smallest change that these blocks find four times in five, by the clone of the baseline.",
)


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; the same summary always gives the same text."""
    del folder  # a check is repeated by its command, not by its folder
    sides = _sides(summary)
    first, second = labels(*sides)
    parts = [
        f"# {escape(first)} → {escape(second)}: did it get worse?",
        escape(_setting(summary)),
        escape(differs(*sides)),
        *(f"**{escape(line)}**" for line in unasked(*sides)),
        *map(escape, conflicts(*sides)),
        "## The verdict",
        f"**{escape(answer(summary))}**",
        _bullets([*by_cell(summary), *failures(summary)]),
        folded("How to read this report", "\n".join(HOW_TO_READ)),
        *measured(summary),
        *counted(summary),
        "## Are they equivalent?",
        escape(_equivalence(summary)),
        "## What this check can resolve",
        _resolution(summary),
        "## How to repeat it",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary.run)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the verdict as plain text: the report's first lines."""
    sides = _sides(summary)
    setting = [_setting(summary), differs(*sides), *unasked(*sides)]
    found = Paragraph(lead=answer(summary), lines=(*by_cell(summary), *failures(summary)), answers=True)
    return [*(Paragraph(lead=each) for each in setting), found]


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    return f"{' → '.join(labels(*_sides(summary)))}: {answer(summary)}"


def _sides(summary: Summary) -> tuple[Environment, Environment]:
    baseline, candidate, *_ = summary.run.settings.environments
    return baseline, candidate


def _setting(summary: Summary) -> str:
    blocks = max((cell.blocks for cell in summary.cells), default=0)
    timed = "timing" in summary.run.settings.passes
    done = f"in {plural(blocks, 'block')}" if timed else "counted, not timed"
    runners = listed(list(dict.fromkeys(cell.runner for cell in summary.cells)))
    return f"Checked {runners} on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, {done}."


def _equivalence(summary: Summary) -> str:
    unlike = [cell for cell in summary.cells if not cell.equivalence.proven]
    if not unlike:
        return (
            "Yes: in every cell the candidate's losses and final weights are those of the baseline "
            f"({listed(sorted({cell.equivalence.verdict for cell in summary.cells} - {'baseline'}))})."
        )
    told = [f"{where(cell.cell)} in the {cell.environment}: {cell.equivalence.detail}" for cell in unlike]
    return f"Not proven, so that a difference in time may be a difference in work: {listed(told)}."


def _resolution(summary: Summary) -> str:
    lines = [
        f"{where(v.cell)}: a change of the step time of {numbers.percent(v.minimum_detectable_effect)} is found "
        "four times in five."
        for v in summary.verdicts
        if v.metric == "step_time_us" and v.minimum_detectable_effect is not None
    ]
    by = summary.run.settings.by_calibration
    lines += [calibration.sentence(by)] if by is not None else []
    warned = [f"{NAMES[v.metric]} of {where(v.cell)}: {doubt}" for v in summary.verdicts for doubt in v.warnings]
    warned += summary.warnings
    if not lines and not warned:
        return "Counts need no quiet machine: they repeat exactly."
    shown, others = warned[:SHOWN_WARNINGS], warned[SHOWN_WARNINGS:]
    parts = [_bullets(lines), f"**{plural(len(warned), 'warning')}:**" if warned else "", _bullets(shown)]
    parts += [folded(plural(len(others), "more warning"), _bullets(others))] if others else []
    return "\n\n".join(part for part in parts if part)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
