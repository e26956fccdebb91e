"""The report of a check of two environments: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.upgrade import labels
from bench.records.metrics import metric
from bench.report.document import bridges, numbers, steadiness
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import hardware
from bench.report.document.parts import Paragraph
from bench.report.document.text import code, escape, folded, listed, plural
from bench.report.document.verdict_tables import counted, measured, where
from bench.report.kinds.machine import calibration
from bench.report.kinds.run.quality import UNSEEN
from bench.report.kinds.upgrade import charts
from bench.report.kinds.upgrade.packages import conflicts, differs, unasked
from bench.report.kinds.upgrade.sentences import answer, by_cell, failures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bench.records.schema import Environment, Summary

SHOWN_WARNINGS = 10
EXACT = "Counts need no quiet machine: they repeat exactly."
HOW_TO_READ = (
    "- **ratio**: candidate over baseline, from pairs measured in the same block. Each bound is wrong with a "
    "probability of 0.3 % a look, so that the interval is one of 99.4 %.",
    "- **margin**: how much worse is too much, by `--margin`, by default or, for time, by a calibration of this "
    "machine. No verdict is against a wider one.",
    "- **regressed**: surely worse, and not surely by less than the margin. What a screening calls so is measured "
    "again on fresh blocks, at a stricter level.",
    "- **not regressed**: surely not worse by the margin. `~` stands where no difference shows.",
    "- **undecided**: the blocks were too few, or too unlike, to say either. How much worse they rule out all the same "
    "stands beside it.",
    "- **resolves**: the smallest change that these blocks find four times in five, by the clone of the baseline. It "
    "changes no verdict.",
)


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; the same summary always gives the same text."""
    del folder  # a check is repeated by its command, not by its folder
    both = sides(summary)
    parts = [
        f"# {escape(title(summary))}",
        escape(setting(summary)),
        *bridges.bold(summary.run),
        escape(differs(*both)),
        *(f"**{escape(line)}**" for line in unasked(*both)),
        *map(escape, conflicts(*both)),
        "## The verdict",
        f"**{escape(answer(summary))}**",
        _bullets([*by_cell(summary), *failures(summary)]),
        *charts.images(summary),
        folded("How to read this report", "\n".join(HOW_TO_READ)),
        *measured(summary),
        *counted(summary),
        "## Are they equivalent?",
        escape(equivalence(summary)),
        "## What this check can resolve",
        _resolution(summary),
        "## How to repeat it",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the verdict as plain text: the report's first lines."""
    both = sides(summary)
    around = [setting(summary), differs(*both), *unasked(*both), *calibration.changed(summary.run.settings)]
    found = Paragraph(lead=answer(summary), lines=(*by_cell(summary), *failures(summary)), answers=True)
    return [*(Paragraph(lead=each) for each in around), found]


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    return f"{' → '.join(labels(*sides(summary)))}: {answer(summary)}"


def title(summary: Summary) -> str:
    """The question that the report answers."""
    return f"{' → '.join(labels(*sides(summary)))}: did it get worse?"


def sides(summary: Summary) -> tuple[Environment, Environment]:
    """The baseline and the candidate."""
    baseline, candidate, *_ = summary.run.settings.environments
    return baseline, candidate


def setting(summary: Summary) -> str:
    """Say what was checked, when, and on what."""
    blocks = max((cell.blocks for cell in summary.cells), default=0)
    timed = "timing" in summary.run.settings.passes
    done = f"in {plural(blocks, 'block')}" if timed else "counted, not timed"
    runners = listed(list(dict.fromkeys(cell.runner for cell in summary.cells)))
    told = f"Checked {runners} on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, {done}."
    return steadiness.after(told, summary)


def equivalence(summary: Summary) -> str:
    """Say whether both sides are proven to do the same arithmetic."""
    unlike = [cell for cell in summary.cells if not cell.equivalence.proven]
    if not unlike:
        return (
            "Yes: in every cell the candidate's losses and final weights are those of the baseline "
            f"({listed(sorted({cell.equivalence.verdict for cell in summary.cells} - {'baseline'}))})."
            f"{_changed(summary)}{'' if summary.run.settings.scripts else f' {UNSEEN}'}"
        )
    told = [f"{where(cell.cell)} in the {cell.environment}: {cell.equivalence.detail}" for cell in unlike]
    return f"Not proven, so that a difference in time may be a difference in work: {listed(told)}.{_changed(summary)}"


def _changed(summary: Summary) -> str:
    """What a script trains with in the candidate that it did not in the baseline."""
    changed = dict.fromkeys(reason for cell in summary.cells for reason in getattr(cell.equivalence, "reasons", []))
    return f" What the script trains with has changed: {'; '.join(changed)}." if changed else ""


def resolvable(summary: Summary) -> list[str]:
    """How small a change of the step time would have been found, and what a calibration made of the margin."""
    by = summary.run.settings.by_calibration
    found = [
        f"{where(v.cell)}: a change of the step time of {numbers.percent(v.minimum_detectable_effect)} is found "
        "four times in five."
        for v in summary.verdicts
        if v.metric == "step_time_us" and v.minimum_detectable_effect is not None
    ]
    return [*found, *([calibration.sentence(by)] if by is not None else [])]


def warned(summary: Summary) -> list[str]:
    """What to be wary of: of single verdicts, then of the run."""
    of_verdicts = [
        f"{metric(v.metric).name} of {where(v.cell)}: {doubt}" for v in summary.verdicts for doubt in v.warnings
    ]
    return of_verdicts + summary.warnings


def _resolution(summary: Summary) -> str:
    lines, warnings = resolvable(summary), warned(summary)
    if not lines and not warnings:
        return EXACT
    shown, others = warnings[:SHOWN_WARNINGS], warnings[SHOWN_WARNINGS:]
    parts = [_bullets(lines), f"**{plural(len(warnings), 'warning')}:**" if warnings else "", _bullets(shown)]
    parts += [folded(plural(len(others), "more warning"), _bullets(others))] if others else []
    return "\n\n".join(part for part in parts if part)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
