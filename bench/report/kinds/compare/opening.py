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


def headline(found: TwoRuns) -> list[str]:
    """Say what was found, the chief finding first, as plain text."""
    watched = found.of(found.fail_on)
    others = found.of([group for group in ("time", "memory", "counters") if group not in found.fail_on])
    answers = [
        _told("Regressed", watched, "regressed"),
        _failed(found),
        _undecided(found, watched),
        _told("Improved", watched, "improved"),
        _told("Also regressed (not in --fail-on)", others, "regressed"),
    ]
    told = [answer for answer in answers if answer]
    return told if told and told[0] in answers[:3] else [_fine(found, watched), *told]


def _told(opening: str, verdicts: Sequence[Verdict], outcome: str) -> str:
    """Name the largest changes of one kind, one a cell, then the counts that changed."""
    chosen = [verdict for verdict in verdicts if verdict.verdict == outcome]
    measured = sorted((each for each in chosen if not is_exact(each)), key=_size, reverse=True)
    one_a_cell = list({each.cell: each for each in reversed(measured)}.values())[::-1]
    named = [_named(each) for each in one_a_cell] + _counts([each for each in chosen if is_exact(each)])
    more = len(named) - MAX_LISTED
    told = "; ".join(named[:MAX_LISTED])
    return About(opening, f": {told}{f'; and {more:,} more below' if more > 0 else ''}.") if chosen else ""


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
    for (_, told), cells in changes.items():
        by_cells.setdefault(tuple(cells), []).append(told)
    return [f"{where(cells)}, {listed(told)}" for cells, told in by_cells.items()]


def _failed(found: TwoRuns) -> str:
    count = len(found.failures)
    return f"Not judged: {plural(count, 'cell')} of A or B without figures or not equivalent." if count else ""


def _undecided(found: TwoRuns, watched: Sequence[Verdict]) -> str:
    missing = found.unanswered
    nothing = f"no cell in common has {listed(missing)} figures" if missing else ""
    told = [part for part in (inconclusive(watched, found.fail_on), nothing) if part]
    return f"Inconclusive: {'; '.join(told)}." if told else ""


def _fine(found: TwoRuns, watched: Sequence[Verdict]) -> str:
    cells = len({each.cell for each in watched})
    judged = f"{plural(len(watched), 'verdict')} on {listed(found.fail_on)} of {plural(cells, 'cell')}"
    return f"Not regressed: none of {judged} is worse by the margin of {numbers.percent(found.margin)}."


def opening(found: TwoRuns) -> Iterator[Text]:
    """Say what was compared with what, one line each."""
    a, b = found.baseline, found.candidate
    first, second = found.folders
    sides = f"A, the baseline: {first}, {_made(a)}. B, the candidate: {second}, {_made(b)}, {_apart(a, b)}."
    yield f"{sides} {_machines(a, b)}."
    yield _packages(found)
    if not found.controlled:
        yield (Strong(_uncontrolled(found)),)
    if found.unlike:
        unlike = "; ".join(found.unlike)
        yield (Strong(f"Warning: the runs are not comparable (compared because of --force): {unlike}."),)
    if found.also_differs:
        yield f"Besides packages, these differ: {'; '.join(found.also_differs)}."
    yield from filter(None, (_only("A", found.only_in_baseline), _only("B", found.only_in_candidate)))
    yield from (f"{failure.rstrip('.')}." for failure in found.failures[:MAX_FAILURES])
    if len(found.failures) > MAX_FAILURES:
        yield f"And {plural(len(found.failures) - MAX_FAILURES, 'more cell')} like these."


def _made(run: Run) -> str:
    return f"measured on {run.started_at:%Y-%m-%d at %H:%M %Z}"


def _machines(baseline: Run, candidate: Run) -> str:
    first, second = baseline.machine.cpu, candidate.machine.cpu
    return f"Both on {first}" if first == second else f"A on {first}, B on {second}"


def _apart(baseline: Run, candidate: Run) -> str:
    seconds = (candidate.started_at - baseline.started_at).total_seconds()
    days = abs(seconds) / 86_400
    gap = plural(round(days), "day") if days >= 1 else numbers.duration(abs(seconds))
    return f"{gap} {'later' if seconds >= 0 else 'earlier'}"


def _packages(found: TwoRuns) -> str:
    if not found.packages:
        return "No package differs between the runs."
    told = [f"{name} {before or 'absent'} → {after or 'absent'}" for name, (before, after) in found.packages.items()]
    more = f" and {len(told) - MAX_PACKAGES} more" if len(told) > MAX_PACKAGES else ""
    return f"Packages that differ: {', '.join(told[:MAX_PACKAGES])}{more}."


def _uncontrolled(found: TwoRuns) -> str:
    """Say why the hand-written loop is no control, and what follows."""
    why = comparability.other_hand_written_loop(found.baseline, found.candidate)
    return (
        f"{why}, so the hand-written loop is no control: raw times are judged, and whatever "
        "happened to the machine between the runs looks like a change of the software."
    )


def _only(run: str, cells: Sequence[Cell]) -> str:
    by_place: dict[str | None, list[Cell]] = {}
    for cell in cells:
        by_place.setdefault(place([cell]), []).append(cell)
    told = [phrase for own in by_place.values() for phrase in _together(own)]
    return f"Only {run} has {'; '.join(told)}: not compared." if told else ""


def _together(cells: Sequence[Cell]) -> list[str]:
    """Name cells of one place, in one phrase where every runner has the same batch sizes."""
    by_runner: dict[str, list[Cell]] = {}
    for cell in cells:
        by_runner.setdefault(cell.runner, []).append(cell)
    if len({tuple(cell.batch_size for cell in own) for own in by_runner.values()}) > 1:
        return [where(own) for own in by_runner.values()]
    return [f"{listed(list(by_runner))}{at(next(iter(by_runner.values())))}"]
