"""Whose code a stored run would execute: what its run.json names is run again only if it was written here.

`--like` and `--resume` read which loops, workloads and interpreters to start from a file. One that somebody else has
made could name anything that came along with it. What was made here is known by the digest of its run.json, kept in
the user's cache, which nobody else may write.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.errors import RunFolderError
from bench.plan import runner_files
from bench.records import store
from bench.records.cache import private
from bench.records.schema import Run

FOLDER = "made-here"


def remember(folder: Path) -> Path:
    """Note that the run in `folder` was made here, if it can be; returns `folder`."""
    run = store.read_run(folder)
    if next(_foreign(run), None) is not None:
        with suppress(OSError):  # it then takes --trust to repeat it
            _mark(folder).touch()
    return folder


def refuse_stranger(folder: Path, run: Run, *, flag: str, trusted: bool) -> None:
    """Raise `RunFolderError` where repeating a run would execute code of somebody else's choice."""
    named = next(_foreign(run), None)
    if named is None or trusted or _is_known(folder):
        return
    raise RunFolderError(
        f"{flag} {folder} would run {named}, which its {store.RUN} names, and it was not made here by you: look at "
        "that first, then add --trust."
    )


def _foreign(run: Run) -> Iterator[str]:
    """What a run would execute besides looptax and the environment that it runs in."""
    yield from runner_files.not_built_in(run.settings)
    yield from run.own_files
    yield from (environment.python for environment in run.settings.environments if environment.python != sys.executable)


def _is_known(folder: Path) -> bool:
    try:
        return _mark(folder).exists()
    except OSError:
        return False


def _mark(folder: Path) -> Path:
    return private(FOLDER) / hashlib.sha256((folder / store.RUN).read_bytes()).hexdigest()
