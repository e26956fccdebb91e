"""A verb in a process of its own, as a user calls it; the fixture `verb` calls one in this process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.records import store

ROOT = Path(__file__).parent.parent
SOURCES = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
"""What this checkout is imported from."""
QUICK = os.pathsep.join((str(ROOT / "tests" / "quick"), SOURCES))
"""The same, with workers that start sooner."""
HANG_S = 1800
"""What takes so long hangs: no test fails because a machine is slow."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(NamedTuple):
    """How a verb ended, and what it printed."""

    code: int
    out: str
    err: str


def variables(changes: Mapping[str, str]) -> dict[str, str]:
    """Environment variables with which this checkout is imported, and lines are long."""
    return {**os.environ, "PYTHONPATH": QUICK, "COLUMNS": "200", **changes}


def process(verb: str, *arguments: object, cwd: Path, **environment: str) -> Ended:
    """`python -m bench.<verb>` in `cwd`, to its end."""
    with started(verb, *arguments, cwd=cwd, **environment) as running:
        return ended(running)


@contextmanager
def started(verb: str, *arguments: object, cwd: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The same while it runs; it is killed when the context is left."""
    running = subprocess.Popen(
        [sys.executable, "-m", f"bench.{verb}", *map(str, arguments)],
        cwd=cwd,
        env=variables(environment),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=_hear_interrupts,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def _hear_interrupts() -> None:
    """As in a terminal, even where the tests themselves were started deaf to them, under nohup say."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_DFL)


def ended(running: subprocess.Popen[str]) -> Ended:
    """Wait for the end of a verb."""
    out, err = running.communicate(timeout=HANG_S)
    return Ended(running.returncode, out, err)


def folder_with_trials(running: subprocess.Popen[str], out: Path, count: int) -> Path:
    """The folder of the one run under `out` as soon as its journal has `count` lines."""
    deadline = time.monotonic() + HANG_S
    while running.poll() is None and time.monotonic() < deadline:
        journals = list(out.glob(f"*/{store.JOURNAL}"))
        if journals and journals[0].read_bytes().count(b"\n") >= count:
            return journals[0].parent
        time.sleep(0.05)  # another process is being watched; nothing here is measured
    raise AssertionError(f"it never had {count} trials: {running.returncode}")


def run_folder(out: Path) -> Path:
    """The folder of the one run under `out`."""
    (record,) = out.glob(f"*/{store.RUN}")
    return record.parent
