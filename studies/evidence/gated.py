"""A plain script that takes turns: the harness's clock and gate are attached from outside, the script is as it is.

python -m studies.evidence.gated FD REQUEST

`studies.evidence.plain` starts it; FD is its end of the socket by which it gets its turns.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from bench.execute.workers.protocol import RESULT, TICKS
from bench.measure import device, energy
from bench.measure.clock import Clock
from bench.measure.collector import Collections
from bench.measure.ticks import Ticks


def main(control: socket.socket, request: dict[str, Any]) -> None:
    """Train until the parent has had enough."""
    if request["cores"]:
        os.sched_setaffinity(0, request["cores"])
    scratch = Path(request["scratch"])

    def finish(clock: Clock) -> NoReturn:
        timing = {"startup_ns": clock.startup_ns, "warmup_steps": clock.warmup_steps, "memory": {}}
        (scratch / RESULT).write_text(json.dumps({"status": "ok", "timing": timing}))
        os._exit(0)

    script = import_module(request["script"])
    ticks = Ticks(scratch / TICKS)
    clock = Clock(
        ticks=ticks,
        control=control,
        warm_up=request["warm_up"],
        device=device.of("cpu"),
        meters=[energy.of_turns("cpu", is_alone=False)],
        collections=Collections(ticks),
        finish=finish,
    )
    os.chdir(scratch)
    clock.start()
    script.main(Namespace(**request["options"]))


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2]))
