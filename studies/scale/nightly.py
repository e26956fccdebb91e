"""On paper: what a nightly check over many releases costs, with counters first and with everything timed.

A stored history tells what a release's counters and its step time did, and how long its trials took. Counters first
means: every pair of neighbours is counted, and timed only where an exact figure moved, or where it is drawn into the
sample. The sample is drawn again and again, so that what is missed is a share.
"""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import numpy as np

from bench.cli.reports import stored
from bench.records import store
from bench.records.schema import CellSummary, ReleaseFigures
from studies.evidence.table import section

RELEASES, RUNNERS, DEVICES = 200, 10, 8
CELLS = RELEASES * RUNNERS * DEVICES
SAMPLED = (0.0, 0.1)
THRESHOLDS = (0.0, 0.01)
NIGHTS = 10_000
REAL_CHANGE = 1.03
"""A change of step time that a check of upgrades fails on by default."""


@dataclass(frozen=True)
class History:
    """What a stored history says of its releases, and what one of them cost in seconds."""

    folder: str
    releases: list[ReleaseFigures]
    moves: np.ndarray
    """Of each release but the first, the largest share by which an exact figure moved from the one before."""
    seconds: dict[str, float]
    """Of a release by pass; `timing` has the hand-written loop's trials beside it."""

    @classmethod
    def of(cls, folder: Path) -> History:
        summary = stored(folder)
        seconds: Counter[str] = Counter()
        for trial in store.each_trial(folder):
            seconds[trial.phase] += trial.wall_s
        rows = {row.cell: row for row in summary.cells}
        return cls(
            folder=folder.name,
            releases=summary.releases,
            moves=np.array([_moved(release, rows[release.cell]) for release in summary.releases[1:]]),
            seconds={phase: total / len(summary.releases) for phase, total in seconds.items()},
        )

    @property
    def changed(self) -> np.ndarray:
        """Of each release but the first, whether step time changed there, by the change points of all of them timed."""
        return np.array([_is_real(release.change) for release in self.releases[1:]])


def _moved(release: ReleaseFigures, row: CellSummary) -> float:
    now = {**(row.counters.model_dump() if row.counters else {}), "tensor_bytes": row.tensor_bytes}
    return max((abs(delta) / max(now[key], 1) for key, delta in release.more.items()), default=0.0)


def _is_real(change: float | None) -> bool:
    return change is not None and max(change, 1 / change) > REAL_CHANGE


def nightly(args: Namespace) -> str:
    """What each way of checking costs a night, and which changes of the stored histories it would have missed."""
    histories = [History.of(folder) for folder in args.run]
    rows = [_row(histories, threshold, share) for threshold in THRESHOLDS for share in SAMPLED]
    changes = sum(int(history.changed.sum()) for history in histories)
    return section(
        "A nightly check on paper",
        ["timed", "of all", "device hours a night", f"changes missed of {changes}"],
        [*rows, ["everything, and nothing is counted", "100 %", _hours(histories, 1.0, counted=False), "0.00"]],
        f"{RELEASES} releases, {RUNNERS} runners and {DEVICES} devices are {CELLS:,} cells, each at the cost that one "
        f"had in the history. What is missed is the mean over {NIGHTS:,} samples.",
        *map(_of_history, histories),
        f"That none of {changes} was missed excludes, with 95 % confidence, only that more than "
        f"{100 * (1 - 0.05 ** (1 / changes)):.0f} % of changes leave every counter as it was.",
    )


def _row(histories: Sequence[History], threshold: float, share: float) -> list[str]:
    timed = mean(float(np.mean(np.where(history.moves > threshold, 1.0, share))) for history in histories)
    missed = sum(_missed(history, threshold, share) for history in histories)
    name = "where a counter moved" + (f" by more than {100 * threshold:.0f} %" if threshold else "")
    sample = f", and a sample of {100 * share:.0f} % of the others" if share else ""
    return [name + sample, f"{100 * timed:.0f} %", _hours(histories, timed), f"{missed:.2f}"]


def _hours(histories: Sequence[History], timed: float, *, counted: bool = True) -> str:
    """Everything is proven equal, since a ratio of loops that differ says nothing."""
    always = ["equivalence", *(["counting"] if counted else [])]
    each_s = (
        sum(history.seconds[name] for name in always) + timed * history.seconds["timing"] for history in histories
    )
    return f"{mean(each_s) * CELLS / 3600:.1f}"


def _missed(history: History, threshold: float, share: float) -> float:
    """How many of its changes are neither where counters moved nor in the sample, on average."""
    random = np.random.default_rng(0)
    hidden = int((history.changed & (history.moves <= threshold)).sum())
    return float(np.mean((random.random((NIGHTS, hidden)) >= share).sum(axis=1)))


def _of_history(history: History) -> str:
    moved, changed = history.moves > 0, history.changed
    which = f" ({', '.join(_changes(history))}), {(moved & changed).sum()} of them where counters had moved"
    cost_s = ", ".join(f"{history.seconds[name]:.2f} s of {name}" for name in ("equivalence", "counting", "timing"))
    return (
        f"`{history.folder}`: {len(moved)} steps from a release to the next. Counters moved in {moved.sum()}, step "
        f"time changed in {changed.sum()}{which if changed.any() else ''}. A release took {cost_s}."
    )


def _changes(history: History) -> Iterator[str]:
    for release in history.releases:
        if _is_real(release.change):
            yield f"{release.cell.environment} by {100 * (release.change or 1) - 100:+.0f} %"
