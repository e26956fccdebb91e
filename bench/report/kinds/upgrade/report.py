"""The report of a check of two environments: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.cells.equivalence import UNKNOWN
from bench.analyse.verdicts.metrics import GROUPS
from bench.plan.upgrade import BASELINE, CANDIDATE, labels
from bench.report.document import blocks, bridges, numbers, steadiness
from bench.report.document.blocks import Paragraph, Warnings, bullets, paragraphs, section
from bench.report.document.environment import how_to_repeat
from bench.report.document.glossary import how_to_read, of_device
from bench.report.document.groups import hardware
from bench.report.document.text import listed, plural
from bench.report.document.verdict_tables import by_doubt, counted, measured, where
from bench.report.kinds.machine import calibration
from bench.report.kinds.run import defaults
from bench.report.kinds.run.proof import UNSEEN
from bench.report.kinds.upgrade import charts
from bench.report.kinds.upgrade.packages import conflicts, differs, pulled_in
from bench.report.kinds.upgrade.sentences import answer, by_cell, failures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Environment, Summary, Verdict
    from bench.report.document.blocks import Document, Section

EXACT = "Counts need no quiet machine: they repeat exactly."
HOW_TO_READ = (
    "**ratio**: candidate over baseline, from pairs measured in the same block. Each bound is wrong with a "
    "probability of 0.3 % per look, so it is a 99.4 % interval.",
    "**margin**: how much worse is too much, by `--margin`, by default or, for time, by a calibration of this "
    "machine. No verdict is against a wider one.",
    "**regressed**: certainly worse, and not certainly by less than the margin. What a screening calls so is "
    "measured again on fresh blocks, at a stricter level.",
    "**not regressed**: certainly not worse by the margin. `~` stands where no difference shows.",
    "**undecided**: the blocks were too few, or too unlike, to say either. How much worse they still rule out "
    "stands next to it.",
    "**resolves**: the smallest change that these blocks find with 80 % power, by the clone of the baseline. It "
    "changes no verdict.",
)


def document(summary: Summary, folder: str) -> Document:
    """Say everything."""
    del folder  # a check is repeated by its command, not by its folder
    both = sides(summary)
    return blocks.document(
        f"{both_labels(summary)}: did it get worse?",
        Paragraph(setting(summary), role="setting"),
        bridges.bold(summary.run),
        Paragraph(differs(*both), role="note"),
        paragraphs(pulled_in(*both), strong=True, role="note"),
        paragraphs(conflicts(*both), role="note"),
        _verdict(summary),
        how_to_read((*HOW_TO_READ, *of_device(summary.run.settings))),
        measured(summary),
        counted(summary, "the baseline"),
        section("Are they equivalent?", Paragraph(equivalence(summary))),
        _what_is_set(summary),
        _resolution(summary),
        how_to_repeat(summary),
    )


def _verdict(summary: Summary) -> Section:
    return section(
        "The verdict",
        Paragraph(answer(summary), strong=True, role="answer"),
        bullets([*by_cell(summary), *failures(summary)], role="answer"),
        charts.figures(summary),
        answers=True,
    )


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    return f"{both_labels(summary)}: {answer(summary)}"


def both_labels(summary: Summary) -> str:
    """`transformers==4.57.1 → transformers==5.3.0`."""
    return " → ".join(labels(*sides(summary)))


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
    sentence = f"Checked {runners} on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, {done}."
    return steadiness.after(sentence, summary)


def equivalence(summary: Summary) -> str:
    """Say whether both sides are proven to do the same arithmetic."""
    unlike = [c for c in summary.cells if not c.equivalence.proven or c.equivalence.verdict == "unlike"]
    if unlike and all(cell.equivalence.proven and cell.profile == "stock" for cell in unlike):
        names = listed(list(dict.fromkeys(where(cell.cell) for cell in unlike)))
        return f"Not claimed in the stock profile: {names} did other arithmetic than before.{_changed(summary)}"
    what = "losses and final weights"
    if summary.run.settings.scripts is not None:
        what = "losses, batches and parameters in its first steps"
    if not unlike:
        return (
            f"Yes: in every cell the candidate's {what} are those of the baseline "
            f"({listed(sorted({cell.equivalence.verdict for cell in summary.cells} - {'baseline'}))})."
            f"{_changed(summary)}{'' if summary.run.settings.scripts else f' {UNSEEN}'}"
        )
    lines = [f"{where(cell.cell)} in the {cell.environment}: {cell.equivalence.detail}" for cell in unlike]
    return f"Not proven, so a difference in time may be a difference in work: {listed(lines)}.{_changed(summary)}"


def _changed(summary: Summary) -> str:
    """What a script or a framework's defaults have in the candidate that they had not in the baseline."""
    changed = dict.fromkeys(reason for cell in summary.cells for reason in getattr(cell.equivalence, "reasons", []))
    what = "What the script trains with has" if summary.run.settings.scripts else "Defaults have"
    return f" {what} changed: {'; '.join(changed)}." if changed else ""


def _what_is_set(summary: Summary) -> Section | None:
    """What each loop sets up by itself on either side; None where nothing is left to defaults."""
    pairs = {
        cell.runner: (cell, twin)
        for cell in reversed(summary.cells)
        if cell.profile == "stock" and cell.environment == BASELINE
        for twin in summary.cells
        if twin.cell == cell.cell.model_copy(update={"environment": CANDIDATE})
    }
    rows = [(runner, *fact) for runner, (old, new) in reversed(pairs.items()) for fact in defaults.facts(old, new)]
    if not rows:
        return None
    changed = [
        f"{what} of {runner}"
        for runner, what, before, after in rows
        if before != after and UNKNOWN not in (before, after)
    ]
    statement = f"Other than before: {listed(changed)}." if changed else "Every default is what it was."
    table = blocks.table(("runner", "what", "baseline", "candidate"), rows, names=4)
    return section(
        "What the defaults are", Paragraph(statement, strong=True, role="note"), Paragraph(defaults.UNSEEN), table
    )


def _resolution(summary: Summary) -> Section:
    """How small a change of the step time would have been found, and what a calibration made of the margin."""
    effects = [
        f"{where(v.cell)}: a change of the step time of {numbers.percent(v.minimum_detectable_effect)} is found "
        "with 80 % power."
        for v in summary.verdicts
        if v.metric == "step_time_us" and v.minimum_detectable_effect is not None
    ]
    warnings, lines = _warnings(summary), calibration.bullets(summary.run.settings.by_calibration, effects)
    nothing = None if lines or warnings.lines else Paragraph(EXACT)
    return section("What this check can resolve", lines, warnings, nothing)


def _warnings(summary: Summary) -> Warnings:
    """Of single verdicts, then of the run; the gravest are of the machine, then of what the check fails on."""
    doubts = _doubts(summary.verdicts)
    watched = _doubts([v for v in summary.verdicts if GROUPS[v.metric] in summary.run.settings.fail_on])
    gravest = (*summary.machine_warnings, *watched, *summary.warnings)
    return Warnings(lines=(*doubts, *summary.warnings), gravest=gravest)


def _doubts(verdicts: Sequence[Verdict]) -> list[str]:
    return [f"{figures} of {where(cell)}: {doubt}" for (cell, doubt), figures in by_doubt(verdicts).items()]
