"""The report of a check of two environments: the verdict first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.attribution import sentence
from bench.analyse.figures_judged import DECIDING, GROUPS
from bench.plan.check import changed, label
from bench.report import numbers, sentences
from bench.report.environment import machine_and_packages
from bench.report.groups import hardware
from bench.report.text import code, escape, folded, listed, plural
from bench.report.units import NAMES, figure
from bench.report.verdicts import WORDS, counted, measured, ratio, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.records.schema import Cell, Environment, Summary, Verdict

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
    baseline, candidate = _sides(summary)
    parts = [
        f"# {escape(label(baseline))} → {escape(label(candidate))}: did it get worse?",
        escape(_setting(summary)),
        *_moved(baseline, candidate),
        "## The verdict",
        f"**{escape(answer(summary))}**",
        "\n".join(f"- {escape(line)}" for line in _by_cell(summary)),
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


def headline(summary: Summary, folder: str) -> str:
    """Write the verdict as plain text, for the end of a check in a terminal."""
    baseline, candidate = _sides(summary)
    moved = _differences(baseline, candidate)
    lines = [_setting(summary), f"Differs: {listed(moved) or 'nothing'}.", "", answer(summary)]
    lines += [f"  {line}" for line in _by_cell(summary)]
    lines += ["", *sentences.failures(summary), f"The report: {folder}/report.md"]
    return "\n".join(lines)


def answer(summary: Summary) -> str:
    """Say in one sentence whether the candidate is worse, and in a second what else it does more of."""
    fail_on = summary.run.settings.fail_on
    watched = [v for v in summary.verdicts if GROUPS[v.metric] in fail_on]
    groups = listed(list(fail_on))
    worse = _names(v for v in watched if v.verdict == "regressed")
    unknown = _names(v for v in watched if v.verdict == "undecided" and v.metric in DECIDING)
    told = f"Not worse: no figure of {groups} regressed."
    if worse:
        told = f"Worse: {worse} regressed."
    elif unknown:
        told = f"Not known: {unknown} could not be decided; no other figure of {groups} regressed."
    others = [v for v in summary.verdicts if GROUPS[v.metric] not in fail_on and v.verdict == "regressed"]
    return f"{told}{_besides(others, fail_on)}"


def one_line(summary: Summary) -> str:
    """What was compared, and the verdict, for a list of runs."""
    baseline, candidate = _sides(summary)
    return f"{label(baseline)} → {label(candidate)}: {answer(summary)}"


def _names(verdicts: Iterable[Verdict]) -> str:
    return listed(list(dict.fromkeys(NAMES[v.metric] for v in verdicts)))


def _besides(others: Sequence[Verdict], fail_on: Sequence[str]) -> str:
    """What regressed without being something that the check fails on."""
    if not others:
        return ""
    groups = ",".join([*fail_on, *dict.fromkeys(GROUPS[v.metric] for v in others)])
    return f" Also worse: {_names(others)}, on which this check does not fail (--fail-on {groups} would)."


def _sides(summary: Summary) -> tuple[Environment, Environment]:
    baseline, candidate, *_ = summary.run.settings.environments
    return baseline, candidate


def _setting(summary: Summary) -> str:
    blocks = max((cell.blocks for cell in summary.cells), default=0)
    done = f"in {plural(blocks, 'block')}" if blocks else "counted, not timed"
    runners = listed(list(dict.fromkeys(cell.runner for cell in summary.cells)))
    return f"Checked {runners} on {summary.run.started_at:%Y-%m-%d} on {listed(hardware(summary))}, {done}."


def _differences(baseline: Environment, candidate: Environment) -> list[str]:
    return [
        f"{name} {old or 'absent'} → {new or 'absent'}" for name, (old, new) in changed(baseline, candidate).items()
    ]


def _moved(baseline: Environment, candidate: Environment) -> list[str]:
    told = [f"Differs: {listed(_differences(baseline, candidate)) or 'nothing: both sides have the same packages'}."]
    for side in (baseline, candidate):
        if side.unasked:
            moves = [f"{name} {_move(side, name)}" for name in side.unasked]
            told.append(f"**Moved in {escape(label(side))} without being asked for: {escape(listed(moves))}.**")
        told += [f"{escape(label(side))}: {escape(conflict)}" for conflict in side.conflicts]
    return [escape(told[0]), *told[1:]]


def _move(side: Environment, name: str) -> str:
    before, now = side.moved[name]
    return f"{before or 'absent'} → {now}"


def _by_cell(summary: Summary) -> list[str]:
    """One line a cell: its time first, then whatever else is not as it was."""
    cells = dict.fromkeys(verdict.cell for verdict in summary.verdicts)
    return [_line(cell, [v for v in summary.verdicts if v.cell == cell], summary) for cell in cells]


def _line(cell: Cell, verdicts: Sequence[Verdict], summary: Summary) -> str:
    told = [_told(v) for v in verdicts if v.metric == "step_time_us" or v.verdict in ("regressed", "improved")]
    where = f"{cell.runner} at batch {cell.batch_size:,} of {cell.workload} on {cell.device}"
    origin = _origin(cell, verdicts, summary)
    return f"{where}: {'; '.join(told) or 'every figure is what it was'}.{f' {origin}' if origin else ''}"


def _told(verdict: Verdict) -> str:
    name = NAMES[verdict.metric]
    if verdict.ratio is None:
        return f"{name} {figure(verdict.metric, verdict.baseline)} → {figure(verdict.metric, verdict.candidate)}"
    confirmed = {True: ", confirmed on fresh blocks", False: ", not found again on fresh blocks", None: ""}
    return f"{name} {WORDS[verdict.verdict]} ({ratio(verdict)}{confirmed[verdict.confirmed]})"


def _origin(cell: Cell, verdicts: Sequence[Verdict], summary: Summary) -> str:
    """Name the functions behind more syncs, or else behind more ops, or else behind more Python calls."""
    more = {v.metric for v in verdicts if v.verdict == "regressed"}
    for counter in ("syncs", "ops", "python_calls"):
        rows = rows_of(summary, cell, counter)
        if counter in more and rows:
            return sentence(rows, counter, files=2)
    return ""


def _equivalence(summary: Summary) -> str:
    unlike = [cell for cell in summary.cells if not cell.equivalence.proven]
    if not unlike:
        return (
            "Yes: in every cell the candidate's losses and final weights are those of the baseline "
            f"({listed(sorted({cell.equivalence.verdict for cell in summary.cells} - {'baseline'}))})."
        )
    told = [
        f"{cell.runner} at batch {cell.batch_size:,} with the {cell.environment}: {cell.equivalence.detail}"
        for cell in unlike
    ]
    return f"Not proven, so that a difference in time may be a difference in work: {listed(told)}."


def _resolution(summary: Summary) -> str:
    found = [v for v in summary.verdicts if v.metric == "step_time_us" and v.minimum_detectable_effect is not None]
    lines = [
        f"{v.cell.runner} at batch {v.cell.batch_size:,}: {v.pairs} pairs find a change of the step time of "
        f"{numbers.percent(v.minimum_detectable_effect or 0)} four times in five."
        for v in found
    ]
    warned = [
        f"{NAMES[v.metric]} of {v.cell.runner} at batch {v.cell.batch_size:,}: {w}"
        for v in summary.verdicts
        for w in v.warnings
    ]
    told = lines or ["Counts need no quiet machine: they repeat exactly."] if not warned else [*lines, *warned]
    return "\n".join(f"- {escape(line)}" for line in told)
