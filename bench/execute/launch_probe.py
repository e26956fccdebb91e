"""Whether trials can be forks on a device: asked of a worker, which tries it out."""

from __future__ import annotations

from bench.execute.interpreter import Interpreter, Spec
from bench.execute.launcher import Unusable, await_ready
from bench.plan.schedule import Layout
from bench.records.schema import Launch
from trainloops.runners import BASELINE


def launch(device: str) -> tuple[Launch | None, str | None]:
    """How trials of the hand-written loop would be started on `device`; None with the reason where it cannot start."""
    interpreter = Interpreter(
        Spec(runner=BASELINE, device=device, threads=1, layout=Layout(hash_seed=0, padding_bytes=0))
    )
    try:
        ready = await_ready(interpreter, alone=True)
    finally:
        interpreter.close()
    if isinstance(ready, Unusable):
        return None, ready.result.reason
    return ready.launch, None
