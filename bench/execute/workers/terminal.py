"""A terminal for a trial: what it prints goes where bars behave as they do for people, and is counted."""

from __future__ import annotations

import os
import select
import struct
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

ROWS, COLUMNS = 24, 80
CHUNK_BYTES = 1 << 16
END_TIMEOUT_S = 5.0
"""For what a trial has started to let go of it, too."""


class Terminal:
    """A pseudo-terminal; what is written to it is read by a thread of this process, as by a terminal's window.

    The parent runs on another core than its trials, so reading costs them nothing. Where the system has no
    pseudo-terminals, `OSError` is raised.
    """

    def __init__(self, log: Path) -> None:
        """Open one, of which `log` keeps what is written to it."""
        import fcntl
        import termios
        import tty

        self._ours, self.theirs = os.openpty()
        tty.setraw(self.theirs)  # else each end of a line would count twice
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._log, self._bytes, self._lock, self._is_open = log, 0, Lock(), True
        self._reader = Thread(target=self._read, name="looptax-terminal", daemon=True)
        self._reader.start()

    def handed_over(self) -> None:
        """Let the trial have the only end that can be written to, so that reading ends with it."""
        os.close(self.theirs)
        self.theirs = -1

    def written(self) -> int:
        """How many bytes were written so far."""
        while True:
            with self._lock:
                if not self._reader.is_alive() or not select.select([self._ours], [], [], 0)[0]:
                    return self._bytes

    def close(self) -> None:
        """Wait until all is read, and close it; safe to repeat."""
        if not self._is_open:
            return
        self._is_open = False
        if self.theirs >= 0:
            self.handed_over()
        self._reader.join(END_TIMEOUT_S)
        if not self._reader.is_alive():
            os.close(self._ours)

    def _read(self) -> None:
        with self._log.open("ab", buffering=0) as log, suppress(OSError):  # EIO: nobody can write any more
            while True:
                select.select([self._ours], [], [])
                with self._lock:
                    chunk = os.read(self._ours, CHUNK_BYTES)
                    self._bytes += len(chunk)
                if not chunk:
                    return
                log.write(chunk)
