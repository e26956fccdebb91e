"""What a standard run tells of itself: how long it took, and how narrow its intervals are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.analyse.statistics import signed_rank
from bench.analyse.summary import summarise
from bench.execute.shell import variables
from bench.records import store
from bench.records.schema import CellSummary, Run, Trial
from studies.perf.row import Row
from trainloops.runners import BASELINE

BARS = ((0.01, "on a quiet machine"), (0.02, "on one that wavers"))


def standard_rows(folder: Path | None) -> list[Row]:
    """The rows of the run in `folder`; without one, of a standard run made now, which takes some 7 minutes."""
    if folder is not None:
        return rows_of(folder, wall_s=None)
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        started = perf_counter()
        command = [sys.executable, "-m", "bench.run", "--preset", "standard", "--device", "cpu", "--out", out]
        subprocess.run(command, stdout=sys.stderr, env=variables(sys.executable), check=False)
        wall_s = perf_counter() - started
        (run,) = Path(out).glob(f"*/{store.RUN}")
        return rows_of(run.parent, wall_s=wall_s)


def rows_of(folder: Path, *, wall_s: float | None) -> list[Row]:
    """The bars that a run's journal can tell."""
    run, trials = store.read_run(folder), store.read_trials(folder)
    cells = summarise(run, trials).cells
    return [wall_row(run, trials, wall_s), *(interval_row(cells, *bar) for bar in BARS)]


def ended_at(trial: Trial) -> datetime:
    return trial.started_at + timedelta(seconds=trial.wall_s)


def wall_row(run: Run, trials: Sequence[Trial], wall_s: float | None) -> Row:
    """The whole process where this program ran it; else, by the journal, from run.json to the last trial."""
    source = "the whole process"
    if wall_s is None:
        wall_s, source = (ended_at(trials[-1]) - run.started_at).total_seconds(), "to the last trial, by the journal"
    settings = run.settings
    what = f"{settings.preset} matrix of {len(settings.runners)} runners and {len(settings.comparisons)} settings"
    return Row(what, "≤ 7 min", f"{wall_s / 60:.1f} min, {source}", wall_s <= 7 * 60)


def interval_row(cells: Sequence[CellSummary], bar: float, where: str) -> Row:
    """How many ratios are known as well as the bar has it; one without an interval is not."""
    widths = {f"{cell.runner} at batch {cell.batch_size}": width(cell) for cell in cells if cell.runner != BASELINE}
    known = {name: width for name, width in widths.items() if width is not None}
    within = [name for name, width in known.items() if width <= bar]
    worst = max(known, key=known.__getitem__, default=None)
    measured = f"{len(within)} of {len(widths)}" + (f", the widest ±{known[worst]:.1%} ({worst})" if worst else "")
    return Row(
        f"ratio intervals of that matrix, {where}", f"all within ±{bar:.0%}", measured, len(within) == len(widths)
    )


def width(cell: CellSummary) -> float | None:
    """Half the width of the ratio's interval, as a fraction; None where there is none."""
    return None if cell.ratio is None else signed_rank.resolution(cell.ratio)
