"""Step time under the harness over that of a plain script of the same framework, which takes turns with it.

The plain script runs in a fresh interpreter of its own. The harness's trials are forks: one that has taken pages of its
own before it trains, as all do (`bench.execute.workers.unshare`), and one that shares its parent's.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.analyse.statistics import exponentiated, signed_rank_estimate
from bench.execute.workers.launcher import Outcome, Request, Running
from bench.execute.workers.pool import Pool, key_of
from bench.plan import schedule
from bench.plan.rounds import Round
from tests import factories
from tests.evidence import blocks, plain
from tests.evidence.table import ratio, section
from trainloops.runners import REGISTRY

BATCH_SIZES = (8, 64, 2048)
TURNS_S = 2.5
PLAIN, OWNING, SHARING = "plain script", "fork with pages of its own", "fork that shares pages"
BAR = 0.01
PYTHON = """#!/bin/sh
exec {python} -c '
import os, sys
sys.path[0] = os.getcwd()
from bench.execute.workers import unshare, worker
unshare.take = lambda: False
worker.main()
' "$3"
"""
"""What stands for Python where forks share their pages: called as `python -m bench.execute.workers.worker FD`."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Starts each trial where it belongs."""

    scripts: plain.Launcher
    pool: Pool

    def start(self, request: Request) -> Running | Outcome:
        side = self.scripts if request.cell.environment == PLAIN else self.pool
        return side.start(request)

    def close(self) -> None:
        self.pool.close()


def fidelity(args: Namespace) -> str:
    """A block for each round, batch size and runner; the interpreters of a round are of one layout."""
    found: dict[tuple[int, str], dict[str, list[float]]] = defaultdict(lambda: {OWNING: [], SHARING: []})
    planned = {(size, runner): compared(runner, size) for size in BATCH_SIZES for runner in REGISTRY}
    for number in range(args.rounds):
        with sides(list(planned.values()), number) as started:
            for done, (key, each) in enumerate(planned.items(), start=1):
                trials = blocks.block(started, each, turns_s=TURNS_S, number=number)
                for name, value in blocks.log_ratios(trials, PLAIN).items():
                    found[key][name].append(value)
                blocks.progress(f"fidelity, round {number + 1} of {args.rounds}", done, len(planned))
    return section(
        f"Fidelity: step time over that of a {PLAIN}, {args.rounds} blocks",
        ["batch", "runner", OWNING, f"within {BAR:.0%}", SHARING, f"within {BAR:.0%}"],
        [row(size, runner, each) for (size, runner), each in found.items()],
    )


def compared(runner: str, batch_size: int) -> Round:
    cells = tuple(factories.cell(runner, batch_size=batch_size, environment=name) for name in (PLAIN, OWNING, SHARING))
    return Round(cells=cells, reference=cells[0])


@contextmanager
def sides(planned: Sequence[Round], number: int) -> Iterator[Sides]:
    keys = dict.fromkeys(key_of(cell) for each in planned for cell in each.members if cell.environment != PLAIN)
    with TemporaryDirectory(prefix="looptax-evidence-") as folder:
        python = Path(folder) / "python"
        python.write_text(PYTHON.format(python=sys.executable))
        python.chmod(0o755)
        layout = schedule.layout(seed=0, number=number)
        pool = Pool(keys, pythons={SHARING: str(python)}, layout=layout, threads=blocks.THREADS, one_by_one=False)
        pool.open()
        try:
            yield Sides(plain.Launcher(number), pool)
        finally:
            pool.close()


def row(size: int, runner: str, found: dict[str, list[float]]) -> list[str]:
    told = [str(size), runner]
    for name in (OWNING, SHARING):
        estimate = exponentiated(signed_rank_estimate(found[name]))
        assert estimate is not None  # there is a round
        told += [ratio(estimate), "yes" if abs(estimate.value - 1) <= BAR else "no"]
    return told
