"""A node that measures nothing: it starts its part of the trials that the one which leads asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from time import monotonic

from bench.errors import DeviceError
from bench.execute.rendezvous.leader import GRACE_S, REQUEST
from bench.execute.rendezvous.line import Line, LineLostError
from bench.execute.sets import InterpreterSets
from bench.execute.workers import cores
from bench.execute.workers.meeting import Meeting
from bench.execute.workers.pool import Key, Pool
from bench.execute.workers.protocol import Message
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome, Result, failed
from bench.execute.workers.running import Running
from bench.plan import comparison_groups
from bench.records.schema import Settings

LOOK_S = 0.2


class Follower:
    """What this node has under way."""

    def __init__(self, line: Line, settings: Settings) -> None:
        """For the settings of its own command: nothing else is started here, whoever asks."""
        self._line, self._settings = line, settings
        members = (cell for group in comparison_groups.planned_groups(settings) for cell in group.members)
        self._cells = list(members)
        self._sets = InterpreterSets(settings, self._cells, first_block=0)
        self._pool: Pool | None = None
        self._running: dict[int, Running] = {}
        self._deadlines_s: dict[int, float] = {}

    def serve(self) -> None:
        """Do what is asked until that is over; raises `DeviceError` where the node that leads is lost."""
        try:
            while (message := self._line.hear(LOOK_S)) is None or message["event"] != "end":
                if message is not None:
                    self._do(message)
                self._look()
        except LineLostError:
            raise DeviceError(
                f"--rdzv-endpoint {self._settings.rdzv_endpoint}: the node that measures is gone; its run goes on with "
                "--resume there, and this command again here."
            ) from None
        finally:
            for running in self._running.values():
                running.killed(failed("killed", "the run is over"))
            self._sets.close()
            self._line.close()

    def _do(self, message: Message) -> None:
        if message["event"] == "set":
            self._open(message["number"], {(str(a), str(b), str(c), str(d)) for a, b, c, d in message["keys"]})
        elif message["event"] == "trial":
            self._start(message["id"], REQUEST.validate_python(message["request"]), Meeting(**message["meeting"]))
        elif message["event"] == "over":
            self._deadlines_s[message["id"]] = monotonic() + GRACE_S

    def _open(self, number: int, keys: Collection[Key]) -> None:
        while self._running:  # whose end the other node did not wait for
            self._look()
        self._pool = self._sets.pool(keys, number)
        self._line.say("ready", number=number)

    def _start(self, trial: int, request: Request, meeting: Meeting) -> None:
        cell = request.cell
        if self._pool is None or cell not in self._cells:
            self._tell(trial, failed("failed", "this node's own command has no such trial"))
            return
        here = cell.ranks // cell.nodes
        own_cores = cores.for_trials(threads=request.threads * here, workers=cell.workers, device=cell.device)
        started = self._pool.start(replace(request, cores=own_cores, meeting=meeting))
        if isinstance(started, Outcome):
            self._tell(trial, started.result)
        else:
            self._running[trial] = started

    def _look(self) -> None:
        """Tell of what has ended, and kill what should have."""
        for trial, running in list(self._running.items()):
            running.look()
            outcome = running.poll()
            if outcome is None and monotonic() > self._deadlines_s.get(trial, float("inf")):
                outcome = running.killed(failed("killed", "it went on after the part of the node that measures"))
            if outcome is not None:
                del self._running[trial]
                self._tell(trial, outcome.result)

    def _tell(self, trial: int, result: Result) -> None:
        self._line.say("ended", id=trial, status=result.status, reason=result.reason)
