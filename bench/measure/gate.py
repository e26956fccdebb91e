"""The gate of a trial that has several ranks: all of them wait at it, and one speaks for them.

A rank comes to it after an optimizer step, when no collective of that step is under way, and all come to it after the
same step: whoever stands at it can be stopped as long as one likes.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol

from bench.measure.ticks import OVER, READY, TURN, Ticks, turn_bytes


class Control(Protocol):
    """By which a trial, or one of its ranks, hears of its turns: a socket, or what speaks for several ranks."""

    def sendall(self, words: bytes, /) -> None:
        """Say something; raises `OSError`."""

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Hear so many bytes, fewer where nobody is left to say them; raises `OSError`."""


class Leader:
    """Rank 0's: it hears the other ranks before it says that all are there."""

    def __init__(self, parent: Control, others: Sequence[Control]) -> None:
        self._parent, self._others = parent, list(others)

    def join(self, others: Sequence[Control]) -> None:
        """Hear these, too."""
        self._others += others

    def sendall(self, words: bytes, /) -> None:
        """Say it for all ranks, once each of them has said as much; raises `OSError`."""
        heard = [words, *(other.recv(len(words), socket.MSG_WAITALL) for other in self._others)]
        if min(map(len, heard)) < len(words):
            raise ConnectionResetError("a rank is gone")
        self._parent.sendall(_of_all(heard) if len(words) == READY.size else words)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Hear how long the next turn is, and tell the other ranks."""
        words = self._parent.recv(size, flags)
        for other in self._others:
            other.sendall(words or TURN.pack(0))
        return words


class FarRank:
    """What the first rank has of one on another machine, which says with the end of a turn how long its steps took."""

    def __init__(self, connection: socket.socket, ticks: Ticks) -> None:
        self._connection, self._ticks, self._steps = connection, ticks, 0

    def sendall(self, words: bytes, /) -> None:
        """Tell it how long the next turn is."""
        (self._steps,) = TURN.unpack(words)
        self._connection.sendall(words)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Hear it, and keep the times of a turn that is over where the parent looks for those of every rank."""
        words = self._connection.recv(size, flags)
        if words == OVER:
            turn = self._connection.recv(expected := turn_bytes(self._steps), socket.MSG_WAITALL)
            if len(turn) < expected:
                return b""
            self._ticks.put(turn)
        return words


class FarGate:
    """The same connection as that rank has it."""

    def __init__(self, connection: socket.socket, ticks: Ticks) -> None:
        self._connection, self._ticks, self._steps = connection, ticks, 0

    def sendall(self, words: bytes, /) -> None:
        """Say it, and what the steps of a turn took that is over."""
        self._connection.sendall(words + self._ticks.turn(self._steps) if words == OVER else words)

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Hear how long the next turn is."""
        words = self._connection.recv(size, flags | socket.MSG_WAITALL)
        if len(words) == TURN.size:
            (self._steps,) = TURN.unpack(words)
        return words


def gates(parent: Control | None, ranks: int) -> list[Control | None]:
    """What each rank of the first machine says and hears by; nothing in a pass that takes no turns."""
    if parent is None:
        return [None] * ranks
    pairs = [socket.socketpair() for _ in range(ranks - 1)]
    return [Leader(parent, [ours for ours, _ in pairs]), *(theirs for _, theirs in pairs)]


def _of_all(heard: Sequence[bytes]) -> bytes:
    """The longest start and step of all ranks; torch elastic's own process is company."""
    startup_ns, step_ns, warmup_steps, _ = zip(*map(READY.unpack, heard), strict=True)
    return READY.pack(max(startup_ns), max(step_ns), max(warmup_steps), True)
