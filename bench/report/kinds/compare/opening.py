"""The first lines of a report on two runs: what was found, in words, and what it was found on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bench.analyse.verdicts import comparability
from bench.records.metrics import metric
from bench.records.schema import Cell, Run, TwoRuns, Verdict
from bench.report.document import numbers
from bench.report.document.inconclusive import inconclusive
from bench.report.document.text import About, Strong, Text, listed, plural
from bench.report.document.verdict_tables import is_exact
from bench.report.kinds.compare.tables import at, change, gathered, label, place, where, without_batch

MAX_LISTED = 3
MAX_PACKAGES = 8
MAX_FAILURES = 8


def headline(two_runs: TwoRuns) -> list[str]:
    """Say what was found, the chief finding first, as plain text."""
    watched = two_runs.of(two_runs.fail_on)
    others = two_runs.of([group for group in ("time", "memory", "counters") if group not in two_runs.fail_on])
    answers = [
        _by_outcome("Regressed", watched, "regressed"),
        _failed(two_runs),
        _undecided(two_runs, watched),
        _by_outcome("Improved", watched, "improved"),
        _by_outcome("Also regressed (not in --fail-on)", others, "regressed"),
    ]
    sentences = [answer for answer in answers if answer]
    return sentences if sentences and sentences[0] in answers[:3] else [_fine(two_runs, watched), *sentences]


def _by_outcome(opening: str, verdicts: Sequence[Verdict], outcome: str) -> str:
    """Name the largest changes of one kind, one a cell, then the counts that changed."""
    chosen = [verdict for verdict in verdicts if verdict.verdict == outcome]
    measured = sorted((verdict for verdict in chosen if not is_exact(verdict)), key=_size, reverse=True)
    one_a_cell = list({verdict.cell: verdict for verdict in reversed(measured)}.values())[::-1]
    named = [_named(verdict) for verdict in one_a_cell] + _counts([verdict for verdict in chosen if is_exact(verdict)])
    more = len(named) - MAX_LISTED
    names = "; ".join(named[:MAX_LISTED])
    return About(opening, f": {names}{f'; and {more:,} more below' if more > 0 else ''}.") if chosen else ""


def _size(verdict: Verdict) -> tuple[bool, float]:
    """By how much it changed; what nobody waits for comes last, since it is mostly another figure once more."""
    size = 0.0 if verdict.ratio is None else abs(math.log(verdict.ratio.value))
    return metric(verdict.metric).awaited, size


def _named(verdict: Verdict) -> str:
    return f"{where([verdict.cell])}, {label(verdict.metric)} {change(verdict)} times what it was"


def _counts(verdicts: Sequence[Verdict]) -> list[str]:
    """Name changes of counts, once for all batch sizes of a loop that share them."""
    changes = gathered(((without_batch(v.cell), f"{label(v.metric)} {change(v)}"), v.cell) for v in verdicts)
    by_cells: dict[tuple[Cell, ...], list[str]] = {}
    for (_, phrases), cells in changes.items():
        by_cells.setdefault(tuple(cells), []).append(phrases)
    return [f"{where(cells)}, {listed(phrases)}" for cells, phrases in by_cells.items()]


def _failed(two_runs: TwoRuns) -> str:
    count = len(two_runs.failures)
    return f"Not judged: {plural(count, 'cell')} of A or B without figures or not equivalent." if count else ""


def _undecided(two_runs: TwoRuns, watched: Sequence[Verdict]) -> str:
    missing = two_runs.unanswered
    nothing = f"no cell in common has {listed(missing)} figures" if missing else ""
    sentences = [part for part in (inconclusive(watched, two_runs.fail_on), nothing) if part]
    return f"Inconclusive: {'; '.join(sentences)}." if sentences else ""


def _fine(two_runs: TwoRuns, watched: Sequence[Verdict]) -> str:
    cells = len({verdict.cell for verdict in watched})
    judged = f"{plural(len(watched), 'verdict')} on {listed(two_runs.fail_on)} of {plural(cells, 'cell')}"
    return f"Not regressed: none of {judged} is worse by the margin of {numbers.percent(two_runs.margin)}."


def opening(two_runs: TwoRuns) -> Iterator[Text]:
    """Say what was compared with what, one line each."""
    a, b = two_runs.baseline, two_runs.candidate
    first, second = two_runs.folders
    sides = f"A, the baseline: {first}, {_made(a)}. B, the candidate: {second}, {_made(b)}, {_apart(a, b)}."
    yield f"{sides} {_machines(a, b)}."
    yield _packages(two_runs)
    if not two_runs.controlled:
        yield (Strong(_uncontrolled(two_runs)),)
    if two_runs.unlike:
        unlike = "; ".join(two_runs.unlike)
        yield (Strong(f"Warning: the runs are not comparable (compared because of --force): {unlike}."),)
    if two_runs.also_differs:
        yield f"Besides packages, these differ: {'; '.join(two_runs.also_differs)}."
    yield from filter(None, (_only("A", two_runs.only_in_baseline), _only("B", two_runs.only_in_candidate)))
    yield from (f"{failure.rstrip('.')}." for failure in two_runs.failures[:MAX_FAILURES])
    if len(two_runs.failures) > MAX_FAILURES:
        yield f"And {plural(len(two_runs.failures) - MAX_FAILURES, 'more cell')} like these."


def _made(run: Run) -> str:
    return f"measured on {run.started_at:%Y-%m-%d at %H:%M %Z}"


def _machines(baseline: Run, candidate: Run) -> str:
    first, second = (listed(list(dict.fromkeys(m.cpu for m in run.all_machines))) for run in (baseline, candidate))
    return f"Both on {first}" if first == second else f"A on {first}, B on {second}"


def _apart(baseline: Run, candidate: Run) -> str:
    seconds = (candidate.started_at - baseline.started_at).total_seconds()
    days = abs(seconds) / 86_400
    gap = plural(round(days), "day") if days >= 1 else numbers.duration(abs(seconds))
    return f"{gap} {'later' if seconds >= 0 else 'earlier'}"


def _packages(two_runs: TwoRuns) -> str:
    if not two_runs.packages:
        return "No package differs between the runs."
    changed = two_runs.packages.items()
    packages = [f"{name} {before or 'absent'} → {after or 'absent'}" for name, (before, after) in changed]
    more = f" and {len(packages) - MAX_PACKAGES} more" if len(packages) > MAX_PACKAGES else ""
    return f"Packages that differ: {', '.join(packages[:MAX_PACKAGES])}{more}."


def _uncontrolled(two_runs: TwoRuns) -> str:
    """Say why the hand-written loop is no control, and what follows."""
    why = comparability.other_hand_written_loop(two_runs.baseline, two_runs.candidate)
    return (
        f"{why}, so the hand-written loop is no control: raw times are judged, and whatever "
        "happened to the machine between the runs looks like a change of the software."
    )


def _only(run: str, cells: Sequence[Cell]) -> str:
    by_place: dict[str | None, list[Cell]] = {}
    for cell in cells:
        by_place.setdefault(place([cell]), []).append(cell)
    phrases = [phrase for own in by_place.values() for phrase in _together(own)]
    return f"Only {run} has {'; '.join(phrases)}: not compared." if phrases else ""


def _together(cells: Sequence[Cell]) -> list[str]:
    """Name cells of one place, in one phrase where every runner has the same batch sizes."""
    by_runner: dict[str, list[Cell]] = {}
    for cell in cells:
        by_runner.setdefault(cell.runner, []).append(cell)
    if len({tuple(cell.batch_size for cell in own) for own in by_runner.values()}) > 1:
        return [where(own) for own in by_runner.values()]
    return [f"{listed(list(by_runner))}{at(next(iter(by_runner.values())))}"]
