"""What a process prints goes to a file, of which the beginning and the end are kept: it may print for ever."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

KEPT_BYTES = 1 << 19
"""Of its beginning, and as many of its end."""
MAX_BYTES = 1 << 26
"""So long it may get, and as much longer as is printed until somebody looks."""
LOOK_S = 0.5


class Log:
    """The file, to which a process appends all the while."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._begins = self._left_out = 0

    def created(self) -> IO[bytes]:
        """The file for the process that will append to it: only so can it be shortened meanwhile."""
        return open(self.path, "ab", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))

    def look(self) -> None:
        """Shorten it where it is too long."""
        self._shorten_to(MAX_BYTES)

    def kept(self) -> str:
        """What is kept of it."""
        self._shorten_to(2 * KEPT_BYTES + len(self._note()))
        return self.path.read_bytes().decode(errors="replace")

    def _shorten_to(self, most_bytes: int) -> None:
        """One that cannot be shortened stays as it is; what is printed at this very moment may be lost."""
        with suppress(OSError):
            if self.path.lstat().st_size > most_bytes:
                self._shorten()

    def _shorten(self) -> None:
        """Leave whole lines of its beginning and its end, since a part of one may show what would be masked in it."""
        with self._opened("r+b") as log:
            size = log.seek(0, os.SEEK_END)
            if not self._left_out:
                log.seek(0)
                self._begins = log.read(KEPT_BYTES).rfind(b"\n") + 1 or KEPT_BYTES
            begins = self._begins + len(self._note())
            log.seek(max(size - KEPT_BYTES, begins))
            end = log.read(KEPT_BYTES)
            end = end[end.find(b"\n") + 1 :]
            self._left_out += size - begins - len(end)
            log.truncate(self._begins)
        with self._opened("ab") as log:
            log.write(self._note() + end)

    def _opened(self, mode: str) -> IO[bytes]:
        """The file itself, and never what a link in its place leads to."""
        return open(self.path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))

    def _note(self) -> bytes:
        return f"[{self._left_out:,} bytes are left out here]\n".encode() if self._left_out else b""


def run(
    command: Sequence[str], *, env: Mapping[str, str], own_log: Log | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with what is kept of what it prints; `own_log`, which it writes itself, is kept short.

    Raises `OSError` where it cannot be started.
    """
    with TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True) as scratch:
        out, err = Log(Path(scratch) / "stdout"), Log(Path(scratch) / "stderr")
        with (
            out.created() as stdout,
            err.created() as stderr,
            subprocess.Popen(command, stdout=stdout, stderr=stderr, env=env) as process,
        ):
            exit_code = _waited_for(process, [out, err] if own_log is None else [out, err, own_log])
        return subprocess.CompletedProcess(command, exit_code, out.kept(), err.kept())


def _waited_for(process: subprocess.Popen[bytes], logs: Sequence[Log]) -> int:
    """Look after its logs until it ends; whatever is raised meanwhile, such as by Ctrl-C, ends it."""
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(LOOK_S)
            for log in logs:
                log.look()
    except BaseException:
        process.kill()
        raise
