"""The gate of a trial that has several ranks: all of them wait at it, and one speaks for them.

A rank comes to it after an optimizer step, when no collective of that step is under way, and all come to it after the
same step: whoever stands at it can be stopped as long as one likes.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from bench.measure.ticks import READY, TURN


class Leader:
    """Rank 0's: it hears the other ranks before it says that all are there."""

    def __init__(self, parent: Control, others: Sequence[socket.socket]) -> None:
        self._parent, self._others = parent, others

    def sendall(self, words: bytes) -> None:
        """Say it for all ranks, once each of them has said as much; raises `OSError`."""
        heard = [words, *(other.recv(len(words), socket.MSG_WAITALL) for other in self._others)]
        self._parent.sendall(_of_all(heard) if len(words) == READY.size else words)

    def recv(self, size: int) -> bytes:
        """Hear how long the next turn is, and tell the other ranks."""
        words = self._parent.recv(size)
        for other in self._others:
            other.sendall(words or TURN.pack(0))
        return words


Control = socket.socket | Leader
"""By which a trial, or one of its ranks, hears of its turns."""


def gates(parent: Control | None, ranks: int) -> list[Control | None]:
    """What each rank says and hears by; nothing in a pass that takes no turns."""
    if parent is None:
        return [None] * ranks
    pairs = [socket.socketpair() for _ in range(ranks - 1)]
    return [Leader(parent, [ours for ours, _ in pairs]), *(theirs for _, theirs in pairs)]


def _of_all(heard: Sequence[bytes]) -> bytes:
    """The longest start and step of all ranks; torch elastic's own process is company."""
    startup_ns, step_ns, warmup_steps, _ = zip(*map(READY.unpack, heard), strict=True)
    return READY.pack(max(startup_ns), max(step_ns), max(warmup_steps), True)
