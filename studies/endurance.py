"""What grows while a run measures block after block: memory, file descriptors, processes.

python -m studies.endurance --blocks 2000

Blocks are real and tiny: a hand-written loop and its clone take a few turns each; a new set of interpreters serves
every quarter of them. This process, which keeps every trial as any run does, and its interpreters are looked at after
each block. Growth is from the second quarter of blocks to the last, so that what settles at first is none; that of
interpreters, which are replaced, is the largest within a set. Prints markdown; Ctrl-C ends it early, with a table.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from bench.execute.scheduler import TrialScheduler
from bench.plan.comparison_groups import planned_groups
from bench.records import store
from bench.records.schema import Run, Trial, TurnLength, Turns
from tests import factories

SETS = 4
MIN_BLOCKS = 4 * SETS
KIB = 1 << 10
TURN = TurnLength(cold_steps=1, kept_steps=6)
READ_BACK = """
import sys; from pathlib import Path; import psutil; from bench.records import store
before = psutil.Process().memory_info().rss
trials = store.read_trials(Path(sys.argv[1]))
print(psutil.Process().memory_info().rss - before)
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What there is after a block: of this process, and of all processes below it."""

    bytes: int
    descriptors: int
    workers_bytes: int
    workers_descriptors: int
    workers: int


Figure = Callable[[Sample], float]
FIGURES: dict[str, Figure] = {
    "memory of the parent, KiB": lambda seen: seen.bytes / KIB,
    "memory of its interpreters, KiB": lambda seen: seen.workers_bytes / KIB,
    "file descriptors of the parent": lambda seen: seen.descriptors,
    "file descriptors of its interpreters": lambda seen: seen.workers_descriptors,
    "processes": lambda seen: seen.workers,
}
OF_INTERPRETERS = "memory of its interpreters, KiB"


def sample() -> Sample:
    """What there is now."""
    parent = psutil.Process()
    workers = parent.children(recursive=True)
    return Sample(
        bytes=parent.memory_info().rss,
        descriptors=parent.num_fds(),
        workers_bytes=sum(worker.memory_info().rss for worker in workers),
        workers_descriptors=sum(worker.num_fds() for worker in workers),
        workers=len(workers),
    )


def plan(*, blocks: int, sets: int) -> Run:
    """Blocks of two trials that take as few turns as may be."""
    run = factories.run(runners=["pytorch"], comparisons=[factories.comparison(batch_size=4)], blocks=blocks)
    tiny = {"passes": ["timing"], "steps": 1, "warmup_steps": 2, "timeout_s": 300.0}
    settings = run.settings.model_copy(update=tiny | {"blocks_per_set": -(-blocks // sets)})
    return run.model_copy(update={"settings": settings})


def samples(folder: Path) -> Iterator[Sample]:
    """Measure the run of a folder into its journal, and look after each block; a lost trial is a `RuntimeError`."""
    settings = store.read_run(folder).settings
    planned = planned_groups(settings)
    scheduler = TrialScheduler(settings, done=[_played(settings.blocks)])
    with store.journal(folder) as journal:
        for trials in scheduler.run(lambda done, _: planned if done < settings.blocks else []):
            journal.append(*trials)
            if lost := [trial.reason for trial in trials if trial.status != "ok"]:
                raise RuntimeError(f"block {trials[0].block}: {lost[0]}")
            yield sample()


def _played(block: int) -> Trial:
    """A trial that nobody made, after all blocks: it fixes how long turns are, which a pilot would choose longer."""
    timing = factories.timing([100.0] * TURN.steps, turns=Turns(length=TURN, places=[0]))
    return factories.trial(cell=factories.cell(batch_size=4), block=block, timing=timing)


def grown(seen: Sequence[Sample], figure: Figure) -> float:
    """By how much a figure grows from the second quarter of the blocks to the last."""
    quarter = len(seen) // 4
    figures = [figure(each) for each in seen]
    return median(figures[-quarter:]) - median(figures[quarter : 2 * quarter])


def growth(seen: Sequence[Sample], *, per_set: int) -> dict[str, float]:
    """Each figure's growth by a thousand blocks, that of interpreters as if one set had served all of them."""
    whole = range(0, len(seen) - per_set + 1, per_set)
    of_sets = [grown(seen[first : first + per_set], FIGURES[OF_INTERPRETERS]) for first in whole]
    figures = {name: grown(seen, figure) * 2000 / len(seen) for name, figure in FIGURES.items()}
    return figures | {OF_INTERPRETERS: max((by * 2000 / per_set for by in of_sets), key=abs)}


def kept_bytes(folder: Path) -> int:
    """The memory that the trials of a journal take in a process that reads them all."""
    read = subprocess.run([sys.executable, "-c", READ_BACK, str(folder)], stdout=subprocess.PIPE, check=True)
    return int(read.stdout)


def table(seen: Sequence[Sample], *, per_set: int, kept: int) -> Iterator[str]:
    """Growth by a thousand blocks."""
    yield f"{len(seen):,} blocks\n"
    yield "| what | at the end | growth per 1,000 blocks |\n|---|---|---|"
    for name, by in growth(seen, per_set=per_set).items():
        yield f"| {name} | {FIGURES[name](seen[-1]):,.0f} | {by:+,.1f} |"
    yield f"| the same trials, read from the journal, KiB | {kept / KIB:,.0f} | {kept / KIB / len(seen) * 1000:+,.1f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=2000, help=f"at least {MIN_BLOCKS}")
    blocks = max(parser.parse_args().blocks, MIN_BLOCKS)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell has background jobs ignore
    seen: list[Sample] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = store.create(Path(scratch), plan(blocks=blocks, sets=SETS))
        try:
            seen.extend(samples(folder))  # one by one, so that they are there when it is interrupted
        except KeyboardInterrupt:
            print(f"interrupted after {len(seen)} of {blocks} blocks", file=sys.stderr)
        per_set = store.read_run(folder).settings.blocks_per_set
        if len(seen) >= per_set:
            print("\n".join(table(seen, per_set=per_set, kept=kept_bytes(folder))))


if __name__ == "__main__":
    main()
