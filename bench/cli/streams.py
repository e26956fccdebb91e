"""Standard output and error that cost no run: closed, as by `| head -1`, or full."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import Any, TextIO

STANDARD = 3
"""Descriptors below it are input, output and error."""


class Outlet:
    """A stream that takes no more once it was closed or full, and remembers what it then failed of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.failure: OSError | None = None

    def write(self, text: str) -> int:
        """Write `text`, or nothing where nobody takes it any more."""
        if self.failure is None:
            try:
                return self._stream.write(text)
            except OSError as error:
                self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is kept back."""
        if self.failure is None:
            try:
                self._stream.flush()
            except OSError as error:
                self._give_up(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _give_up(self, error: OSError) -> None:
        self.failure = error
        with suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:  # noqa: PTH123, it is no path
            os.dup2(nowhere.fileno(), self._stream.fileno())  # else Python fails once more at its end


def guard() -> None:
    """Make standard output and error such streams, for the rest of the process."""
    _open_closed()
    sys.stdout, sys.stderr = (_guarded(stream) for stream in (sys.stdout, sys.stderr))


def lost_output() -> str | None:
    """Why what was printed is not all there; None also where the reader had enough, as `head` has."""
    sys.stdout.flush()
    failure = getattr(sys.stdout, "failure", None)
    return None if failure is None or failure.errno == errno.EPIPE else failure.strerror


def _open_closed() -> None:
    """Put /dev/null where `>&-` left nothing: the next file to be opened would be taken for standard output."""
    with suppress(OSError):
        while (number := os.open(os.devnull, os.O_RDWR)) < STANDARD:
            os.set_inheritable(number, True)
        os.close(number)


def _guarded(stream: TextIO | None) -> Any:
    if isinstance(stream, Outlet):
        return stream
    return Outlet(stream if stream is not None else open(os.devnull, "w"))  # noqa: PTH123, for good
