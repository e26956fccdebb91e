"""What the harness costs by itself, with no trial: `--help`, the report, the index."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.cli import reports
from bench.execute.shell import variables
from bench.plan import comparison_groups, schedule
from bench.records import store
from bench.records.schema import Run, Trial
from bench.report import publish
from studies.perf.row import Row
from tests import factories

HELP_RUNS = 5
BATCH_SIZES = (8, 32, 128, 512, 2048)
STEPS = 480
"""Timed, about as many as a trial of a standard run has on average."""


def python(*arguments: str | Path) -> tuple[float, str]:
    """The wall seconds of `python` with `arguments`, and what it wrote to standard error."""
    command = [sys.executable, *map(str, arguments)]
    started = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=variables(sys.executable), check=True)
    return perf_counter() - started, done.stderr


def help_rows() -> list[Row]:
    """The median of five answers, and whether Python's own log of imports names torch."""
    command = ("-m", "bench.run", "--help")
    wall_s = median(python(*command)[0] for _ in range(HELP_RUNS))
    _, log = python("-X", "importtime", *command)
    imported = {line.rpartition("|")[2].strip() for line in log.splitlines()}
    return [
        Row("`python -m bench.run --help`", "≤ 0.5 s", f"{wall_s:.2f} s", wall_s <= 0.5),
        Row("torch imported by `--help`", "no", "yes" if "torch" in imported else "no", "torch" not in imported),
    ]


def report_rows(trials: int) -> list[Row]:
    """`python -m bench.report` as a process, on a synthetic run in the shape of a standard one."""
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        folder, written = synthetic_run(Path(out), trials)
        wall_s, _ = python("-m", "bench.report", folder)
    return [Row(f"report from {written:,} trials of {STEPS} steps", "≤ 3 s", f"{wall_s:.1f} s", wall_s <= 3)]


def index_rows(runs: int = 1000) -> list[Row]:
    """Both indices over folders whose summaries are that of a synthetic run, hard links of one file."""
    with TemporaryDirectory(prefix="looptax-perf-") as out:
        folder, _ = synthetic_run(Path(out) / "one", 1)
        reports.rebuild(folder)
        many = Path(out) / "many"
        for place in range(runs):
            (many / f"{place:04d}-run").mkdir(parents=True)
            (many / f"{place:04d}-run" / store.SUMMARY).hardlink_to(folder / store.SUMMARY)
        started = perf_counter()
        publish.rebuild_index(many)
        wall_s = perf_counter() - started
    return [Row(f"README.md and index.html of {runs:,} runs", "≤ 2 s", f"{wall_s:.2f} s", wall_s <= 2)]


def synthetic_run(out: Path, trials: int) -> tuple[Path, int]:
    """A run folder with at least `trials` timing trials in whole blocks, and how many these are."""
    comparisons = [factories.comparison(batch_size=size) for size in BATCH_SIZES]
    trials_in_a_block = len(comparisons) * (len(factories.STEP_US) + 1)
    run = factories.run(comparisons=comparisons, blocks=-(-trials // trials_in_a_block))
    folder = store.create(out, run)
    with (folder / store.JOURNAL).open("w") as journal:
        journal.writelines(f"{t.model_dump_json(by_alias=True, exclude_none=True)}\n" for t in synthetic_trials(run))
    return folder, run.settings.blocks * trials_in_a_block


def synthetic_trials(run: Run) -> Iterator[Trial]:
    """An equivalence trial of each cell and all timing trials, the steps of each block different."""
    for cell in comparison_groups.cells(run.settings):
        yield factories.trial(cell=cell, phase="equivalence", block=-1)
    for block in range(run.settings.blocks):
        for slot in chain.from_iterable(
            schedule.block(comparison_groups.planned_groups(run.settings), seed=0, block=block)
        ):
            steps_us = [factories.STEP_US[slot.cell.runner]] * STEPS
            where = {"block": block, "replicate": slot.replicate, "position": slot.position}
            yield factories.trial(cell=slot.cell, step_us=steps_us, jitter=0.02, seed=block, **where)
