"""The report of a bisection: the release that moved the metric, and every release that was looked at."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from bench.analyse.cells.attribution import sentence
from bench.plan.bisect import STEP_TIME, figure_of
from bench.plan.upgrade import changed
from bench.report.document import bridges, machine, numbers, steadiness
from bench.report.document.environment import machine_and_packages
from bench.report.document.groups import hardware
from bench.report.document.inconclusive import ruled_out
from bench.report.document.metrics import figure
from bench.report.document.parts import Paragraph
from bench.report.document.text import code, escape, folded, listed, plural, table
from bench.report.document.verdict_tables import WORDS, counted, measured, ratio, rows_of
from bench.report.kinds.bisect.sentences import (
    answer,
    environment,
    metric,
    name,
    newer_cell,
    package,
    timed,
    told,
    usable_probes,
    value,
)
from bench.report.kinds.machine import calibration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Move, Probe, Run, Summary

AROUND = "Stepped around, because they cannot be used here:"
MOVES = "Every move between unlike releases"
SIDE_BY_SIDE = "The two neighbours side by side"
HOW_TO_READ = (
    "- A release is **like the first end** or **like the last end** by which of their values its own is nearer to. "
    "The release that is named is the one where this changes, so that there is a move at it even if there are "
    "others: every release that was looked at is in the table, `--all` finds every move between unlike ones, and "
    "`python -m bench.history` looks at all releases.",
    "- What is **counted** repeats exactly and needs no quiet machine. The two neighbours of the move were counted "
    "twice, in fresh interpreters.",
    "- A **step time** is judged by its ratio to both ends, measured beside it in the same blocks; one that is not "
    "surely nearer to either is undecided, and ends the search.",
    "- All packages but the one that is bisected are what they are in this environment, except for what a release "
    "itself requires.",
)


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; the same summary always gives the same text."""
    del folder  # a bisection is repeated by its command, not by its folder
    parts = [
        f"# {escape(title(summary))}",
        f"**{escape(answer(summary))}**",
        escape(setting(summary)),
        *bridges.bold(summary.run),
        _bullets(besides(summary)),
        *_all_moves(summary),
        "## What was looked at",
        _probes(summary),
        *_stepped_around(summary),
        *_side_by_side(summary),
        *machine.section(summary),
        folded("How to read this report", "\n".join(HOW_TO_READ)),
        "## How to repeat it",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the answer as plain text: the report's first lines."""
    unusable = [f"stepped around {line}" for line in stepped_around(summary)]
    found = Paragraph(lead=answer(summary), lines=(*besides(summary), *unusable), answers=True)
    around = [setting(summary), *calibration.changed(summary.run.settings)]
    return [*(Paragraph(lead=each) for each in around), found]


def one_line(summary: Summary) -> str:
    """What was bisected, and where the metric moved, for a list of runs."""
    return f"{_ends(summary)}, {name(summary)}: {answer(summary)}"


def seen(run: Run, probe: Probe) -> str:
    """One line of progress: what a release that was just looked at has."""
    assert run.settings.bisection is not None
    if probe.status != "ok":
        return f"{probe.release}: stepped around, {probe.reason}"
    told = figure(figure_of(run.settings.bisection.metric).key, probe.value)
    beside = "" if probe.ratio is None else f", {numbers.ratio(probe.ratio)} of the first end's"
    like = {"first": ", like the first end", "last": ", like the last end", "undecided": ", undecided", None: ""}
    return f"{probe.release}: {told}{beside}{like[probe.like]}"


def besides(summary: Summary) -> list[str]:
    """What else is to be said of the answer, one sentence each."""
    lines = [_ends_told(summary)]
    if not summary.moves or summary.moves[0].untested:
        return [line for line in lines if line]
    move = summary.moves[0]
    lines += [_calls(summary, move), *_step_time(summary), _equivalence(move), *_beside(summary, move)]
    return [line for line in [*lines, _others(summary)] if line]


def _ends_told(summary: Summary) -> str:
    usable = usable_probes(summary)
    if not summary.moves:
        unseen = (
            "What moved between the ends and moved back is not seen; python -m bench.history looks at all releases."
        )
        return unseen if len(usable) > 1 else ""
    first, last = usable[0], usable[-1]
    beside = "" if last.ratio is None else f", ratio {numbers.ratio(last.ratio)}"
    return (
        f"The ends: {name(summary)} {value(summary, first)} with {first.release}, "
        f"{value(summary, last)} with {last.release}{beside}."
    )


def _calls(summary: Summary, move: Move) -> str:
    """By which functions the Python calls differ, unless that is the answer itself."""
    if metric(summary) == "python_calls":
        return ""
    rows = rows_of(summary, newer_cell(summary.run.settings, move), "python_calls")
    return f"Between the two: {sentence(rows, 'python_calls', files=3)}" if rows else "Their Python calls are the same."


def _step_time(summary: Summary) -> list[str]:
    """What the neighbours' step times say side by side, and how far that may be relied on."""
    verdict = timed(summary)
    if verdict is None:
        return []
    confirmed = {True: ", confirmed on fresh blocks", False: ", not found again on fresh blocks", None: ""}
    found = f"step time {WORDS[verdict.verdict]}, ratio {ratio(verdict)}{confirmed[verdict.confirmed]}"
    parts = [f"Timed side by side: {found}", plural(verdict.pairs, "pair"), ruled_out(verdict)]
    told = ", ".join(part for part in parts if part)
    return [f"{told}.", *(f"To be wary of: {doubt}." for doubt in verdict.warnings)]


def _equivalence(move: Move) -> str:
    if move.equivalence is None or move.equivalence.proven:
        return ""
    return f"They are not proven to do the same arithmetic: {move.equivalence.detail}."


def _beside(summary: Summary, move: Move) -> list[str]:
    """Which other packages differ between the two, since the move may be theirs."""
    sides = [environment(summary, release) for release in (move.older, move.newer)]
    others = [
        f"{other} {old or 'absent'} → {new or 'absent'}"
        for other, (old, new) in changed(*sides).items()
        if other != package(summary)
    ]
    told = f"Other packages differ too, because the releases require it, and the move may be theirs: {listed(others)}."
    return [told] if others else []


def _others(summary: Summary) -> str:
    """Which more moves the table shows; a step time has an end it is like, which moves once."""
    if metric(summary) == STEP_TIME or len(summary.moves) > 1:
        return ""
    move, probes = summary.moves[0], usable_probes(summary)
    unlike = [(a, b) for a, b in pairwise(probes) if a.value != b.value and b.release != move.newer]
    if not unlike:
        return ""
    steps = [f"{value(summary, a)} → {value(summary, b)} after {a.release} up to {b.release}" for a, b in unlike]
    return f"It is not the only move: {listed(steps)}. --all finds their releases."


def _ends(summary: Summary) -> str:
    assert summary.run.settings.bisection is not None
    releases = summary.run.settings.bisection.releases
    return f"{package(summary)} {releases[0].version} → {releases[-1].version}"


def title(summary: Summary) -> str:
    """The question that the report answers."""
    return f"{_ends(summary)}: which release moved the {name(summary)}?"


def setting(summary: Summary) -> str:
    """Say what was followed, through how many releases, when and on what."""
    settings = summary.run.settings
    assert settings.bisection is not None
    of, runner = settings.comparisons[0], settings.runners[0]
    machine = listed(hardware(summary))
    told = (
        f"Followed {runner}{of.at_batch} of {of.workload} on {of.device} through "
        f"{plural(len(settings.bisection.releases), 'release')}, of which {len(summary.probes)} were looked at, on "
        f"{summary.run.started_at:%Y-%m-%d} on {machine}."
    )
    return steadiness.after(told, summary)


def all_moves(summary: Summary) -> list[str]:
    """A sentence for each move, in the order of the releases, where there are several."""
    if len(summary.moves) < 2:
        return []
    order = {probe.release: place for place, probe in enumerate(summary.probes)}
    return [told(summary, move) for move in sorted(summary.moves, key=lambda m: order[m.newer])]


def _all_moves(summary: Summary) -> list[str]:
    lines = all_moves(summary)
    return [f"## {MOVES} ({len(lines)})", _bullets(lines)] if lines else []


def probe_rows(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """What was seen of each release: the headers, and a row of text for each."""
    timing = metric(summary) == STEP_TIME
    headers = ["release", "released", "", name(summary), *(["ratio to the first end"] if timing else [])]
    rows = [
        [
            probe.release,
            f"{probe.uploaded:%Y-%m-%d}" if probe.uploaded else "",
            _remark(summary, probe),
            value(summary, probe) if probe.value is not None else "",
            *(["" if probe.ratio is None else numbers.ratio(probe.ratio)] if timing else []),
        ]
        for probe in summary.probes
    ]
    return headers, rows


def _probes(summary: Summary) -> str:
    return table(*probe_rows(summary), names=3)


def _remark(summary: Summary, probe: Probe) -> str:
    if probe.status != "ok":
        return "stepped around"
    moved = [move for move in summary.moves if move.newer == probe.release and not move.untested]
    like = {"first": "like the first end", "last": "like the last end", "undecided": "undecided", None: "not timed"}
    if moved:
        return f"moved here, {like[probe.like]}" if not moved[0].between else f"moved after {moved[0].older}"
    return like[probe.like]


def stepped_around(summary: Summary) -> list[str]:
    """Which releases cannot be used here, and why."""
    return [f"{probe.release}: {probe.reason or ''}" for probe in summary.probes if probe.status != "ok"]


def _stepped_around(summary: Summary) -> list[str]:
    lines = stepped_around(summary)
    return [AROUND, _bullets(lines)] if lines else []


def neighbours(summary: Summary) -> str:
    """Which two releases were compared side by side."""
    move = summary.moves[0]
    return f"Baseline: {package(summary)} {move.older}. Candidate: {package(summary)} {move.newer}."


def _side_by_side(summary: Summary) -> list[str]:
    if not summary.verdicts:
        return []
    tables = [part.replace("## What was", "### What was") for part in (*measured(summary), *counted(summary))]
    return [f"## {SIDE_BY_SIDE}", escape(neighbours(summary)), *tables]


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)
