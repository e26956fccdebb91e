"""A verb in a process of its own, as a user calls it; the fixture `verb` calls one in this process."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.records import store

ROOT = Path(__file__).parent.parent
SOURCES = os.pathsep.join(map(str, (ROOT, ROOT / "src")))
"""What this checkout is imported from."""
QUICK = os.pathsep.join((str(ROOT / "tests" / "quick"), SOURCES))
"""The same, with workers that start sooner."""
TEMPLATES, SHARED_TEMPLATES = "LOOPTAX_TESTS_TEMPLATES", "LOOPTAX_TESTS_SHARED_TEMPLATES"
HAVE = ("torch", "frameworks", "verbs")
"""What the templates have imported, in the order in which they are told (`tests/quick/template.py`)."""
FRAMEWORKS = {"LOOPTAX_TESTS_WORKERS_HAVE": "frameworks"}
"""For a run of more than hand-written loops in the current environment, where no figure is about what is imported."""
FRESH = {"LOOPTAX_TESTS_WORKERS_HAVE": "nothing"}
"""For a run whose workers may have imported nothing before, or must be children of its own."""
RELEASES = {**FRESH, "PIP_NO_COMPILE": "no", "PYTHONDONTWRITEBYTECODE": ""}
"""For a run of real releases: of their thousands of modules only those that are imported are compiled, and these once.

Pip takes `no` for a yes to an option that begins so.
"""
HANG_S = 1800
"""What takes so long hangs: no test fails because a machine is slow."""
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ended(NamedTuple):
    """How a verb ended, and what it printed."""

    code: int
    out: str
    err: str


@cache
def templates() -> str:
    """The folder of the sockets at which processes listen that have imported what takes long.

    They end with this one. Where tests are run by several processes, these share those of the one that started them.
    """
    if SHARED_TEMPLATES in os.environ:
        return os.environ[SHARED_TEMPLATES]
    folder = Path(tempfile.mkdtemp(prefix="looptax-tests-"))
    with ExitStack() as opened:
        listening = [opened.enter_context(socket.socket(socket.AF_UNIX)) for _ in HAVE]
        for each, name in zip(listening, HAVE, strict=True):
            each.bind(str(folder / name))
            each.listen(64)
        descriptors = [each.fileno() for each in listening]
        started_with = {"PYTHONPATH": SOURCES, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        template = subprocess.Popen(
            [sys.executable, "-P", ROOT / "tests" / "quick" / "template.py", *map(str, descriptors)],
            env=os.environ | started_with,
            pass_fds=descriptors,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
    atexit.register(_end, template, folder)
    return str(folder)


def _end(template: subprocess.Popen[bytes], folder: Path) -> None:
    template.communicate()
    shutil.rmtree(folder)


def variables(changes: Mapping[str, str]) -> dict[str, str]:
    """Environment variables with which this checkout is imported, torch is there already, and lines are long."""
    listening = {TEMPLATES: templates()} if sys.platform == "linux" else {}
    return {**os.environ, "PYTHONPATH": QUICK, "COLUMNS": "200", **listening, **changes}


def set_variables(patched: pytest.MonkeyPatch) -> None:
    """Let the workers of this process be as those of a verb; none of its children, for tests that look for those."""
    for name, value in variables({}).items():
        patched.setenv(name, value)


def program(module: str, *arguments: object, cwd: Path = ROOT, given: str = "", **environment: str) -> str:
    """What a program of the tests prints that has `given` to read, in a process that has imported all frameworks."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    pipes = {"input": given, "capture_output": True, "text": True, "timeout": HANG_S}
    done = subprocess.run(command, env=variables(environment), cwd=cwd, check=False, **pipes)
    assert done.returncode == 0, done.stderr
    return done.stdout


def process(verb: str, *arguments: object, cwd: Path, **environment: str) -> Ended:
    """`python -m bench.<verb>` in `cwd`, to its end."""
    with started(verb, *arguments, cwd=cwd, LOOPTAX_TESTS_PROCESS="", **environment) as running:
        return ended(running)


@contextmanager
def started(
    verb: str, *arguments: object, cwd: Path, within: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """The same while it runs, by the command `within` if any; it is killed when the context is left."""
    running = subprocess.Popen(
        [*within, sys.executable, "-m", f"bench.{verb}", *map(str, arguments)],
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
