"""The other nodes of a run, as the one that measures has them: what it asks of them, and how that goes."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import count, islice
from time import monotonic

from pydantic import TypeAdapter

from bench.execute.log import LOOK_S
from bench.execute.rendezvous.line import Line, LineLostError
from bench.execute.workers.interpreter import READY_TIMEOUT_S
from bench.execute.workers.meeting import KEY_BYTES, Meeting
from bench.execute.workers.pool import Key
from bench.execute.workers.protocol import Message
from bench.execute.workers.request import Request
from bench.execute.workers.result import Result, failed
from bench.records.schema import Machine

REQUEST = TypeAdapter(Request)
PORTS = range(20_000, 32_768)
"""Below those that Linux gives to whoever asks for any, so that nobody is given one before its trial has it."""
GRACE_S = 5.0
"""For another node to say how its part went, once the part here has failed."""


class Peer:
    """Another node."""

    def __init__(self, line: Line, *, node: int, address: str, machine: Machine) -> None:
        self.line, self.node, self.machine = line, node, machine
        self._name = f"node {node}, {address}"
        self.is_lost = False
        self.sets_ready = 0
        self._ended: dict[int, Message] = {}

    def say(self, event: str, **message: object) -> None:
        """Say something, if it is still there."""
        with self._noting_its_loss():
            self.line.say(event, **message)

    def look(self, wait_s: float = 0.0) -> None:
        """Hear what it has said meanwhile, or says so soon."""
        with self._noting_its_loss():
            while not self.is_lost and (message := self.line.hear(wait_s)) is not None:
                wait_s = 0.0
                if message["event"] == "ended":
                    self._ended[message["id"]] = message
                else:
                    self.sets_ready += 1

    @contextmanager
    def _noting_its_loss(self) -> Iterator[None]:
        try:
            yield
        except LineLostError:
            self.is_lost = True

    def has_ended(self, trial: int) -> bool:
        """Whether no more is to be heard of its part of a trial."""
        return self.is_lost or trial in self._ended

    def failure(self, trial: int) -> Result | None:
        """How its part of a trial failed; None where it has not."""
        ended = self._ended.get(trial)
        if ended is None:
            return failed("killed", f"{self._name}, was lost") if self.is_lost else None
        return None if ended["status"] == "ok" else failed(ended["status"], f"{self._name}: {ended['reason']}")


class FarParts:
    """The parts of one trial that are on other nodes."""

    def __init__(self, trial: int, peers: Sequence[Peer]) -> None:
        self._trial, self._peers = trial, peers

    def failure(self) -> Result | None:
        """How the first failed of those that have; None where none has."""
        for peer in self._peers:
            peer.look()
        return next(filter(None, (peer.failure(self._trial) for peer in self._peers)), None)

    def judged(self, result: Result) -> Result:
        """How the whole went, whose part here went so.

        Of a rank that was killed those of other nodes see no more than that it is gone.
        """
        if result.status != "failed":
            return result
        deadline = monotonic() + GRACE_S
        for peer in self._peers:
            while not peer.has_ended(self._trial) and monotonic() < deadline:
                peer.look(LOOK_S)
        theirs = self.failure()
        return result if theirs is None or theirs.status == "failed" else theirs

    def over(self) -> None:
        """Let them end."""
        for peer in self._peers:
            peer.say("over", id=self._trial)


class Leader:
    """What measures a run whose ranks are on several nodes."""

    def __init__(self, host: str, peers: Sequence[Peer]) -> None:
        self._host, self._peers = host, peers
        self._trials, self._sets = count(), 0

    @property
    def machines(self) -> list[Machine]:
        """Those of the others, in the order of their numbers."""
        return [peer.machine for peer in self._peers]

    def open_set(self, number: int, keys: Collection[Key]) -> None:
        """Let them begin to start the interpreters of a set."""
        self._sets += 1
        for peer in self._peers:
            peer.say("set", number=number, keys=list(keys))

    def await_set(self) -> None:
        """Wait until they have, so that nobody's start-up time has their imports; those that do not answer are lost."""
        deadline = monotonic() + READY_TIMEOUT_S
        for peer in self._peers:
            while not peer.is_lost and peer.sets_ready < self._sets:
                peer.look(LOOK_S)
                peer.is_lost |= monotonic() > deadline

    def start(self, request: Request) -> tuple[Meeting, FarParts]:
        """Let as many as it needs begin their part of a trial; where the part here finds them."""
        trial, peers = next(self._trials), self._peers[: request.cell.nodes - 1]
        store_port, gate_port = _free_ports(2)
        key = secrets.token_hex(KEY_BYTES // 2)
        meeting = Meeting(node=0, host=self._host, store_port=store_port, gate_port=gate_port, key=key)
        theirs = REQUEST.dump_python(replace(request, trace_to=None, log_to=None, cores=()), mode="json")
        for peer in peers:
            peer.say("trial", id=trial, request=theirs, meeting=asdict(replace(meeting, node=peer.node)))
        return meeting, FarParts(trial, peers)

    def close(self) -> None:
        """Let the others end."""
        for peer in self._peers:
            peer.say("end")
            peer.line.close()


def _free_ports(number: int) -> list[int]:
    """Ports that nobody has at this moment."""
    drawn = secrets.SystemRandom().sample(PORTS, len(PORTS))
    return list(islice(filter(_is_free, drawn), number))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
