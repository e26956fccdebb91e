"""How trials were started, where that is not what a reader expects: as forks, all alike."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bench.analyse.caution import Caution

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.analyse.cells.seen import Seen
    from bench.records.schema import Cell, Comparison, Launch


def warnings_of(trials: Sequence[Seen]) -> Iterator[Caution]:
    """Which trials were fresh interpreters because of their device, and where those of a comparison are unlike."""
    reasons: dict[str, str] = {}
    launches: dict[Comparison, dict[Launch, set[str]]] = defaultdict(lambda: defaultdict(set))
    by_cell: dict[Cell, set[Launch]] = defaultdict(set)
    for trial in trials:
        if trial.interpreter is None:
            continue
        if trial.interpreter.no_fork is not None:
            reasons.setdefault(trial.cell.device_name, trial.interpreter.no_fork)
        if trial.phase == "timing":
            by_cell[trial.cell].add(trial.interpreter.launch)
    for cell, used in by_cell.items():
        for launch in used:
            launches[cell.comparison.without_environment][launch].add(cell.runner)
    for device, reason in reasons.items():
        yield Caution(
            f"every trial on {device} is an interpreter of its own", f", since a fork could not use it ({reason})"
        )
    for comparison, by_launch in launches.items():
        if len(by_launch) > 1:
            forks, spawned = (", ".join(sorted(by_launch[launch])) for launch in ("fork", "spawn"))
            place = f"{comparison.workload} on {comparison.device_name}"
            yield Caution(
                f"at batch {comparison.batch_size} of {place} trials of {forks} are forks and of {spawned} fresh "
                "interpreters",
                ": their first steps, start-up and host memory are not comparable",
            )
