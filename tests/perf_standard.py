"""What a standard run tells of itself: how long it took, how narrow its intervals are, what a trial costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.analyse import statistics
from bench.analyse.comparison import summarise
from bench.execute.interpreter import base_environment
from bench.records import store
from bench.records.schema import CellSummary, Run, Trial
from tests.perf_row import Row
from trainloops.runners import BASELINE


def standard_rows(folder: Path | None) -> list[Row]:
    """The rows of the run in `folder`; without one, of a standard run made now, which takes some 8 minutes."""
    if folder is not None:
        return rows_of(folder, wall_s=None)
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        started = perf_counter()
        command = [sys.executable, "-m", "bench.run", "--preset", "standard", "--device", "cpu", "--out", out]
        subprocess.run(command, stdout=sys.stderr, env=base_environment(), check=False)
        wall_s = perf_counter() - started
        (run,) = Path(out).glob(f"*/{store.RUN}")
        return rows_of(run.parent, wall_s=wall_s)


def rows_of(folder: Path, *, wall_s: float | None) -> list[Row]:
    """The three bars that a run's journal can tell."""
    run, trials = store.read_run(folder), store.read_trials(folder)
    return [cost_row(trials), wall_row(run, trials, wall_s), interval_row(summarise(run, trials).cells)]


def cost_row(trials: Sequence[Trial], runner: str = "hf-trainer") -> Row:
    """What the mean timing trial of `runner` costs beyond its own steps, from the journal of an undisturbed run.

    The sum of three times, minus that of the steps (tick to tick), over the number of trials:

    - the trials' walls, by the parent's clock: fork, start-up of the framework, result, end;
    - what passes from the end of each to the start of the next one in its block: the parent writes
      the journal and shows the ratios;
    - the runner's share of what passes from one block to the next, when all the interpreters of a
      block start, as many at once as there are cores: as large as its share of their import times.
    """
    own = [trial for trial in trials if trial.phase == "timing" and trial.cell.runner == runner]
    steps_s = sum(sum(trial.timing.step_ns) for trial in own if trial.timing is not None) / 1e9
    walls_s = sum(trial.wall_s for trial in own)
    between_s = starts_s = 0.0
    for before, after in pairwise(trials):
        if before.block != after.block:
            starts_s += gap_s(before, after) * import_share(trials, after.block, runner)
        elif before.phase == "timing" and before.cell.runner == runner:
            between_s += gap_s(before, after)
    cost_s = (walls_s + between_s + starts_s - steps_s) / len(own)
    measured = f"{cost_s:.2f} s, of which {starts_s / len(own):.2f} s start its interpreters"
    return Row(f"one isolated trial of {runner} beyond its own steps", "≤ 0.6 s", measured, cost_s <= 0.6)


def gap_s(before: Trial, after: Trial) -> float:
    """Seconds from the end of one trial to the start of the next."""
    return (after.started_at - ended_at(before)).total_seconds()


def ended_at(trial: Trial) -> datetime:
    return trial.started_at + timedelta(seconds=trial.wall_s)


def import_share(trials: Sequence[Trial], block: int, runner: str) -> float:
    """The part of the import times of a block's interpreters that is the runner's own."""
    import_s = {
        trial.cell.runner: trial.interpreter.import_s
        for trial in trials
        if trial.block == block and trial.interpreter is not None
    }
    return import_s.get(runner, 0.0) / sum(import_s.values())


def wall_row(run: Run, trials: Sequence[Trial], wall_s: float | None) -> Row:
    """The whole process where this program ran it; else, by the journal, from run.json to the last trial."""
    source = "the whole process"
    if wall_s is None:
        wall_s, source = (ended_at(trials[-1]) - run.started_at).total_seconds(), "to the last trial, by the journal"
    settings = run.settings
    what = f"{settings.preset} matrix of {len(settings.runners)} runners and {len(settings.comparisons)} settings"
    return Row(what, "≤ 8 min", f"{wall_s / 60:.1f} min, {source}", wall_s <= 8 * 60)


def interval_row(cells: Sequence[CellSummary]) -> Row:
    """How many ratios are known to within 2 %; one without an interval is not."""
    widths = {f"{cell.runner} at batch {cell.batch_size}": width(cell) for cell in cells if cell.runner != BASELINE}
    known = {name: width for name, width in widths.items() if width is not None}
    within = [name for name, width in known.items() if width <= 0.02]
    worst = max(known, key=known.__getitem__, default=None)
    measured = f"{len(within)} of {len(widths)}" + (f", the widest ±{known[worst]:.1%} ({worst})" if worst else "")
    return Row("ratio intervals of that matrix", "all within ±2 %", measured, len(within) == len(widths))


def width(cell: CellSummary) -> float | None:
    """Half the width of the ratio's interval, as a fraction; None where there is none."""
    return None if cell.ratio is None else statistics.resolution(cell.ratio)
