"""Kills a run at random instants, resumes it, and looks whether anything was lost, repeated or changed.

python -m tests.reliability.kills --instants 200

A run's processes are played (`Loops`), so that an instant costs milliseconds; scheduler, journal and report are those
of every run. Half of the kills come at a byte of the journal, which may be within a line or between the lines of
trials that took turns together; the others after a time. Every other run is killed once more while it resumes.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.analyse.summary import summarise
from bench.cli import pipeline
from bench.execute import scheduler, sets
from bench.execute.workers.result import Outcome, Result
from bench.records import files, store
from bench.records.schema import Run, Trial
from tests import factories

RUN = factories.run(runners=["pytorch", "hf-trainer", "floor"], blocks=4)
SLOWDOWN_S = 0.002
"""Of every group, so that kills by the clock do not all come before the first or after the last."""


class Pool:
    """Interpreters whose trials end at once."""

    def __init__(self, keys, **_) -> None:
        self.keys = list(keys)

    def open(self) -> None:
        """Nothing has to be started."""

    def close(self) -> None:
        """Nothing has to be ended."""

    def run(self, request) -> Outcome:
        return Outcome(result=Result(status="ok", fingerprint=factories.fingerprint()), interpreter=None)


class Group:
    """Trials that took turns; what they took follows from who they are."""

    def __init__(self, settings, state, pool, slots, reference, *, logs=None) -> None:
        self._slots = slots

    def trials(self, _):
        time.sleep(SLOWDOWN_S)
        return [
            factories.trial(
                cell=slot.cell,
                block=slot.block,
                replicate=slot.replicate,
                position=slot.position,
                started_at=store.now(),  # so that one that is measured again is another line
                step_us=factories.STEP_US[slot.cell.runner] * (1 + 0.01 * slot.block),
            )
            for slot in self._slots
        ]


@dataclass(frozen=True)
class Kill:
    """When: at a byte of what is written to the journal from now on, or after so many seconds."""

    at_byte: int | None = None
    after_s: float | None = None


def go_on(folder: Path, kill: Kill | None = None) -> bool:
    """Begin or resume the run in another process, which may be killed; whether it came to its end."""
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            _measure(folder, kill)
            os._exit(0)
        os._exit(1)
    if kill is not None and kill.after_s is not None:
        time.sleep(kill.after_s)
        os.kill(pid, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL), f"the run ended with {status}"
    return status == 0


def _measure(folder: Path, kill: Kill | None) -> None:
    warnings.simplefilter("ignore")
    sets.Pool, scheduler.Group = Pool, Group  # type: ignore[misc,assignment]
    pipeline.checkup.record_during = lambda *_: nullcontext()  # type: ignore[assignment]
    if kill is not None and kill.at_byte is not None:
        files.os = _DyingOs(kill.at_byte)  # type: ignore[assignment]
    assert pipeline.execute(folder, quiet=True)


class _DyingOs:
    """The module `os` of a process that is killed in the middle of a write."""

    def __init__(self, left: int) -> None:
        self._left = left

    def write(self, descriptor: int, content: bytes) -> int:
        part = content[: self._left]
        written = os.write(descriptor, part)
        self._left -= written
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return written

    def __getattr__(self, name: str):
        return getattr(os, name)


def folder_of(out: Path, run: Run = RUN) -> Path:
    """A run folder in which nothing has been measured."""
    return store.create(out, run)


def table(folder: Path) -> list[dict]:
    """What the run says in the end, but for when it was made."""
    summary = summarise(store.read_run(folder), store.read_trials(folder))
    return [cell.model_dump() for cell in summary.cells]


@dataclass(frozen=True)
class Whole:
    """A run that nobody killed."""

    keys: list
    table: list[dict]
    journal_bytes: int
    seconds: float


def unkilled(out: Path) -> Whole:
    """Measure it once, to be compared with."""
    folder = folder_of(out)
    started = time.monotonic()
    assert go_on(folder)
    seconds = time.monotonic() - started
    keys = [trial.key for trial in store.read_trials(folder)]
    return Whole(keys, table(folder), (folder / store.JOURNAL).stat().st_size, seconds)


def fault(out: Path, whole: Whole, seed: int) -> str | None:
    """Kill a run at an instant that `seed` draws, resume it to its end; what was lost, repeated or changed."""
    draw = random.Random(seed)
    folder = folder_of(out)
    kills = [_drawn(draw, whole) for _ in range(1 + seed % 2)]
    kept: list = []
    for kill in kills:
        go_on(folder, kill)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            before = kept
            kept = [trial.key for trial in store.read_trials(folder)]
        if lost := set(before) - set(kept):
            return f"{kills}: lost {lost}"
    finished = _finished(folder)
    if not go_on(folder):
        return f"{kills}: it did not resume"
    lines = (folder / store.JOURNAL).read_bytes().splitlines()
    if missing := [line for line in finished if line not in lines]:
        return f"{kills}: {len(missing)} finished lines are gone"
    if repeated := [line for line in finished if _key(line) in map(_key, lines[lines.index(line) + 1 :])]:
        return f"{kills}: {len(repeated)} finished trials were measured again"
    keys = [trial.key for trial in store.read_trials(folder)]
    if sorted(map(str, keys)) != sorted(map(str, whole.keys)):
        return f"{kills}: its trials are others"
    return None if table(folder) == whole.table else f"{kills}: its table is another"


def _drawn(draw: random.Random, whole: Whole) -> Kill:
    if draw.random() < 0.5:
        return Kill(at_byte=draw.randrange(1, whole.journal_bytes))
    return Kill(after_s=draw.uniform(0, 1.1 * whole.seconds))


def _key(line: bytes):
    return Trial.model_validate_json(line).key


def _finished(folder: Path) -> list[bytes]:
    """The whole lines of trials whose group is complete: those that took turns together are finished together.

    Of a group that was cut apart some lines stand there more than once, and the last of each trial's count.
    """
    lines = (folder / store.JOURNAL).read_bytes().split(b"\n")[:-1]
    last = {_key(line): line for line in lines}
    trials = [Trial.model_validate_json(line) for line in last.values()]
    whole = 4  # three loops and the clone of the first
    in_block = Counter(trial.block for trial in trials if trial.phase == "timing")
    return [
        line
        for line, trial in zip(last.values(), trials, strict=True)
        if trial.phase != "timing" or in_block[trial.block] == whole
    ]


def main(argv: list[str], say: Callable[[str], object] = print) -> int:
    """Kill at as many instants as asked, and tell of each fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instants", type=int, default=200)
    instants = parser.parse_args(argv).instants
    with tempfile.TemporaryDirectory() as scratch:
        whole = unkilled(Path(scratch))
        faults = [lost for seed in range(instants) if (lost := fault(Path(scratch) / str(seed), whole, seed))]
    for lost in faults:
        say(lost)
    say(f"{instants} instants, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
