"""Whether trials can be forks on a device, and whether it works at all: asked of a worker, which tries it out."""

from __future__ import annotations

from bench.execute.workers.channel import WorkerEndedError, WorkerTimeoutError
from bench.execute.workers.interpreter import ForkServer
from bench.execute.workers.launchers import Forker
from bench.execute.workers.result import Result
from bench.execute.workers.spec import Spec
from bench.plan.schedule import Layout
from bench.records.health import TorchFacts
from trainloops.runners import BASELINE


def tried(device: str) -> TorchFacts:
    """How trials of the hand-written loop would be started on `device`, or why none would run there."""
    spec = Spec(device=device, threads=1, layout=Layout(hash_seed=0, padding_bytes=0))
    server = ForkServer(spec)
    try:
        server.wait_until_up()
        forker = Forker(BASELINE, server)
        forker.begin()
        ready = forker.ready(alone=True)
        forker.close()
    except (WorkerEndedError, WorkerTimeoutError) as error:
        return TorchFacts(unavailable={"launch": str(error)})
    finally:
        server.close()
    if isinstance(ready, Result):
        return TorchFacts(unavailable={"launch": ready.reason or "it was not read"})
    if ready.no_fork is None:
        return TorchFacts(launch=ready.launch)
    return TorchFacts(launch=ready.launch, no_fork=ready.no_fork, broken=_why_broken(spec))


def _why_broken(spec: Spec) -> str | None:
    """Why a process that is nobody's fork cannot use the device either; None where it can."""
    server = ForkServer(spec)
    try:
        server.wait_until_up()
        interpreter = server.interpreter(BASELINE, fork=False, try_device=True)
        reply = interpreter.ready()
        interpreter.close()
    except (WorkerEndedError, WorkerTimeoutError) as error:
        return str(error)
    finally:
        server.close()
    return None if reply["event"] == "ready" else str(reply["reason"])
