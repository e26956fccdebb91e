"""How the ranks of one trial find each other that are on several nodes, and what those tell the first one."""

from __future__ import annotations

import hmac
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import Any

from bench.execute.workers.protocol import Receiver, send

PATIENCE_S = 300.0
"""For the other nodes' ranks to come, which have all imported what they need."""
RETRY_S = 0.05
KEY_BYTES = 32
HELLO = struct.Struct(f"{KEY_BYTES}si")
"""A key, and a rank."""
HELLO_S = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Meeting:
    """Where the ranks of one trial meet."""

    node: int
    """Which of the nodes this one is."""
    host: str
    """The first of them, where the first rank is."""
    store_port: int
    """Torch's store is there, by which ranks find each other."""
    gate_port: int
    """The first rank is there itself, to whom the others tell of their turns, and in the end how it went."""
    key: str
    """By which it knows them."""

    @property
    def store(self) -> str:
        """Where torch's store is, as torch writes it."""
        return f"[{self.host}]:{self.store_port}" if ":" in self.host else f"{self.host}:{self.store_port}"

    def listener(self) -> socket.socket:
        """Where the first rank hears those of other nodes."""
        family = socket.getaddrinfo(self.host, self.gate_port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server(("", self.gate_port), family=family)

    def come(self, rank: int) -> socket.socket:
        """The connection of a rank to the first one; raises `OSError` where nobody is there in time."""
        connection = connected(self.host, self.gate_port, PATIENCE_S)
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(HELLO.pack(self.key.encode(), rank))
        return connection

    def come_in(self, listener: socket.socket, ranks: range) -> Iterator[tuple[int, socket.socket]]:
        """The ranks of other nodes as they come; raises `OSError` where one does not come in time."""
        awaited = set(ranks)
        listener.settimeout(PATIENCE_S)
        while awaited:
            connection, _ = listener.accept()
            rank = self._rank_of(connection)
            if rank not in awaited:
                connection.close()
                continue
            awaited.remove(rank)
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield rank, connection

    def _rank_of(self, connection: socket.socket) -> int | None:
        """Who has come; None where it is nobody of this trial."""
        connection.settimeout(HELLO_S)
        with suppress(OSError, struct.error):
            key, rank = HELLO.unpack(connection.recv(HELLO.size, socket.MSG_WAITALL))
            if hmac.compare_digest(key, self.key.encode()):
                return int(rank)
        return None


def connected(host: str, port: int, patience_s: float) -> socket.socket:
    """A connection to whoever listens there, or soon does; raises `OSError` where nobody does in time."""
    deadline = monotonic() + patience_s
    while True:
        try:
            return socket.create_connection((host, port), timeout=max(deadline - monotonic(), RETRY_S))
        except OSError:
            if monotonic() + RETRY_S > deadline:
                raise
        time.sleep(RETRY_S)


def say(connection: socket.socket, result: dict[str, Any] | None) -> None:
    """Tell the first rank how it went; where that is gone, nobody asks."""
    with suppress(OSError):
        send(connection, {"result": result})


def said(connection: socket.socket, *, wait: bool) -> dict[str, Any] | None:
    """How it went for a rank of another node; None where it is gone, or has said nothing yet and nobody waits."""
    connection.settimeout(None if wait else 0)
    with suppress(OSError, ValueError):
        received = Receiver(connection).receive()
        return None if received is None else received[0]["result"]
    return None
