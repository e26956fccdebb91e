"""The parent's end of the socket to a worker.

The parent only ever waits in blocking reads: a parent that spins would compete with the child it
measures.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from functools import cache
from time import monotonic

from bench.execute.log import LOOK_S, Log
from bench.execute.workers.protocol import Message, Receiver, send


class WorkerEndedError(Exception):
    """The worker process is gone; the text says how it ended."""


class WorkerTimeoutError(Exception):
    """The worker did not answer in time."""


class Channel:
    """A socket to a worker. What it says of one child may come while another is waited for, and is kept.

    Whoever waits looks after the worker's log meanwhile.
    """

    def __init__(self, ours: socket.socket, how_it_ended: Callable[[], str], log: Log) -> None:
        self._control, self._log = ours, log
        self._how_it_ended = cache(how_it_ended)  # whoever started it says it once
        self._receiver = Receiver(ours)
        self._kept: list[Message] = []

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Ask for something; raises `WorkerEndedError`."""
        try:
            send(self._control, message, descriptors)
        except OSError:
            raise WorkerEndedError(f"the process {self._how_it_ended()}") from None

    def read(self, timeout_s: float, *, events: Iterable[str], child: int | None = None) -> Message:
        """The next of these events, of one child if one is named.

        Raises `WorkerTimeoutError` or `WorkerEndedError`.
        """
        deadline = monotonic() + timeout_s
        while True:
            answer = next((m for m in self._kept if m["event"] in events and m.get("id") == child), None)
            if answer is not None:
                self._kept.remove(answer)
                return answer
            left_s = deadline - monotonic()
            message = self._receive(min(left_s, LOOK_S))
            if message is not None:
                self._kept.append(message)
            elif left_s <= LOOK_S:
                raise WorkerTimeoutError(f"no answer within {timeout_s:.0f} s")

    def _receive(self, wait_s: float) -> Message | None:
        """The next message; None where none has come."""
        self._control.settimeout(max(wait_s, 1e-3))
        try:
            received = self._receiver.receive()
        except TimeoutError:
            self._log.look()
            return None
        except OSError:
            received = None
        except ValueError:
            raise WorkerEndedError("the process wrote what is no reply") from None
        if received is None:
            raise WorkerEndedError(f"the process {self._how_it_ended()}")
        return received[0]

    def close(self) -> None:
        """Close it, upon which the worker ends with all that it started."""
        self._control.close()
