"""Trials as fresh interpreters, for where a fork is unsafe.

That is macOS, and a framework that touches the accelerator when it is imported. Slower by an
import a trial; the protocol is the same.
"""

from __future__ import annotations

from bench.execute.interpreter import Interpreter, Spec, WorkerEndedError
from bench.execute.launcher import Outcome, Request, Unusable, await_ready, failed, run_in


class Spawner:
    """Starts one interpreter a trial."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec

    def run(self, request: Request) -> Outcome:
        """Start an interpreter, run one trial in it, and end it."""
        interpreter = Interpreter(self._spec)
        try:
            ready = await_ready(interpreter, alone=True)
            if isinstance(ready, Unusable):
                return Outcome(result=ready.result, interpreter=None)
            try:
                return run_in(interpreter, request, ready)
            except WorkerEndedError as error:
                return Outcome(result=failed("killed", str(error)), interpreter=ready)
        finally:
            interpreter.close()

    def close(self) -> None:
        """Nothing outlives a trial."""
