"""Whether trials can be forks on a device: asked of a worker, which tries it out."""

from __future__ import annotations

from bench.execute.workers.interpreter import ForkServer, Spec, WorkerEndedError, WorkerTimeoutError
from bench.execute.workers.launcher import Result
from bench.execute.workers.launchers import Forker
from bench.plan.schedule import Layout
from bench.records.schema import Launch
from trainloops.runners import BASELINE


def launch(device: str) -> tuple[Launch | None, str | None]:
    """How trials of the hand-written loop would be started on `device`; None with the reason where it cannot start."""
    server = ForkServer(Spec(device=device, threads=1, layout=Layout(hash_seed=0, padding_bytes=0)))
    try:
        server.wait_until_up()
        forker = Forker(BASELINE, server)
        forker.begin()
        ready = forker.ready(alone=True)
        forker.close()
    except (WorkerEndedError, WorkerTimeoutError) as error:
        return None, str(error)
    finally:
        server.close()
    return (None, ready.reason) if isinstance(ready, Result) else (ready.launch, None)
