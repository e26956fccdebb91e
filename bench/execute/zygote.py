"""Trials as forks of one waiting interpreter that has imported its framework (a zygote).

Importing a framework takes seconds, a fork takes milliseconds. Where the worker finds that its
forks could not use the device, it says so and `spawn` takes over.
"""

from __future__ import annotations

from bench.execute.interpreter import Interpreter, Spec, WorkerEndedError
from bench.execute.launcher import Outcome, Request, Unusable, await_ready, failed, run_in
from bench.records.schema import Interpreter as InterpreterRecord


class Zygote:
    """Forks trials of one runner; replaces its interpreter when a trial takes that down with it."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._interpreter: Interpreter | None = None
        self._record: InterpreterRecord | None = None
        self._broken: Unusable | None = None

    def start(self) -> None:
        """Begin to import the framework; `ready` waits for it."""
        self._interpreter = Interpreter(self._spec)

    def ready(self, *, alone: bool) -> None:
        """Wait until the framework is imported; `alone` tells whether the import's time is a figure."""
        assert self._interpreter is not None
        ready = await_ready(self._interpreter, alone=alone)
        if isinstance(ready, Unusable):
            self._broken = ready
        else:
            self._record = ready

    def run(self, request: Request) -> Outcome:
        """Fork one trial."""
        if self._broken is not None:
            return Outcome(result=self._broken.result, interpreter=None)
        assert self._interpreter is not None
        used = self._record
        try:
            return run_in(self._interpreter, request, used)
        except WorkerEndedError as error:
            result = failed("killed", f"the interpreter was lost: {error}")
            self._replace()
        return Outcome(result=result, interpreter=used)

    def _replace(self) -> None:
        self.close()
        self.start()
        self.ready(alone=False)

    @property
    def can_fork(self) -> bool:
        """Whether forks of this interpreter can use the device."""
        return self._record is None or self._record.launch == "fork"

    def close(self) -> None:
        """End the interpreter."""
        if self._interpreter is not None:
            self._interpreter.close()
