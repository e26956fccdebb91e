"""A connection between two nodes, by which both say JSON lines."""

from __future__ import annotations

import socket

from bench.execute.workers.protocol import Message, Receiver, send


class LineLostError(Exception):
    """The other node is gone, or says what is no message."""


IS_GONE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 30_000}
"""After half a minute in which the other node's kernel answers nothing; the last in milliseconds, the others in s."""


def _watch(connection: socket.socket) -> None:
    """Let the kernel ask whether it is still there: a node that lost its power or its network says no goodbye."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in IS_GONE.items():
        if hasattr(socket, name):  # macOS has not all of them
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Line:
    """The connection, as one of the two has it."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        _watch(connection)
        self._connection, self._receiver = connection, Receiver(connection)

    def say(self, event: str, **message: object) -> None:
        """Say something; raises `LineLostError`."""
        self._connection.settimeout(None)
        try:
            send(self._connection, {"event": event, **message})
        except OSError as error:
            raise LineLostError(str(error)) from None

    def hear(self, timeout_s: float) -> Message | None:
        """The next message; None where none has come so soon. Raises `LineLostError`."""
        self._connection.settimeout(max(timeout_s, 1e-3))
        try:
            received = self._receiver.receive()
        except TimeoutError:
            return None
        except (OSError, ValueError) as error:
            raise LineLostError(str(error)) from None
        if received is None or not isinstance(received[0], dict) or "event" not in received[0]:
            raise LineLostError("it says nothing more")
        return received[0]

    def close(self) -> None:
        """Say nothing more."""
        self._connection.close()
