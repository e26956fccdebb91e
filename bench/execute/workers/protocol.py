"""What the parent and its children say to each other: JSON lines over a socket, file descriptors beside them.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any, BinaryIO

RESULT, LOG, TRACE, TICKS = "result.json", "output.log", "trace.json.gz", "ticks.bin"
"""The files of a trial's scratch folder."""
MAX_BYTES = 1 << 16
MAX_DESCRIPTORS = 4
LONGEST_LINE = 200
"""Of a log, in a reason."""

Message = dict[str, Any]


def send(control: socket.socket, message: Message, descriptors: tuple[int, ...] = ()) -> None:
    """Send one message, and descriptors with it; raises `OSError` where nobody is at the other end."""
    line = json.dumps(message).encode() + b"\n"
    if descriptors:
        sent = socket.send_fds(control, [line], descriptors)
        line = line[sent:]
    control.sendall(line)


def end_of(log: BinaryIO, most_bytes: int) -> str:
    """The end of a log, which may have gigabytes."""
    log.seek(max(log.seek(0, os.SEEK_END) - most_bytes, 0))
    return log.read().decode(errors="replace")


def last_words(log: Path, *, longest: int | None = LONGEST_LINE) -> str:
    """The last line of a log that says something, after a colon; empty where there is none, or no log."""
    try:
        with log.open("rb") as opened:
            lines = [line.strip() for line in end_of(opened, MAX_BYTES).splitlines()]
    except OSError:
        return ""
    line = next(filter(None, reversed(lines)), "")
    return f": {line[:longest]}" if line else ""


def rank_folder(scratch: Path, rank: int) -> Path:
    """Where a rank of a trial leaves what it has to say; the first, and a trial without others, in the trial's own."""
    return scratch / f"rank-{rank}" if rank else scratch


def how_it_ended(exit_code: int) -> str:
    """An exit code in words."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    hint = " (often the kernel, out of host memory)" if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


class Receiver:
    """Reads messages from a socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._bytes = b""
        self._descriptors: list[int] = []

    def receive(self) -> tuple[Message, list[int]] | None:
        """The next message and its descriptors; None where the other end is closed.

        Raises `TimeoutError` after the socket's timeout, and `ValueError` for a line that is no message.
        """
        while b"\n" not in self._bytes:
            try:
                received, descriptors, _, _ = socket.recv_fds(self._control, MAX_BYTES, MAX_DESCRIPTORS)
            except ConnectionError:  # closed before it has read all that it was sent
                return None
            if not received:
                return None
            self._bytes += received
            self._descriptors += descriptors
        line, _, self._bytes = self._bytes.partition(b"\n")
        descriptors, self._descriptors = self._descriptors, []
        message: Message = json.loads(line)
        return message, descriptors
