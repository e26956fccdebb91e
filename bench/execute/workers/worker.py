"""The children: a process that has imported torch, its forks that import one framework each, their forks that train.

Started by `bench.execute.workers.interpreter` as `python -m bench.execute.workers.worker FD`, where FD
is one end of a socket. The process imports torch and waits; asked for a runner, it forks an
interpreter that imports the runner's framework and waits; asked for a trial, that forks the process
which trains. So a set of six interpreters costs one import of torch. All wait in blocking calls and use
no processor time. Where a fork is unsafe, one process is all three: `fork: false` in the request.

Only the standard library is imported before torch (what is imported of `bench` is nothing else), so
that import times and memory are torch's and the framework's own.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from typing import Any

from bench.execute.workers.children import die_with_parent, serve
from bench.execute.workers.failure import sentence
from bench.execute.workers.fork_probe import CAN_FORK, why_no_fork, why_unusable
from bench.execute.workers.loading import Loaded, LoadingError, TorchImport, load
from bench.execute.workers.protocol import Message, Receiver, send
from bench.execute.workers.trial_start import run_trial
from bench.host import process

ENDING_S = 5.0
"""For interpreters to end their trials and themselves."""


def main() -> None:
    """Import torch, then serve requests for runners until the other end of the socket closes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    die_with_parent()
    bare = process.resident()
    started = time.perf_counter()
    try:
        _import_torch()
    except Exception as error:  # noqa: BLE001 - whatever it raises is the reason of every row of this environment
        send(control, {"event": "failed", "reason": sentence(error)})
        return
    torch_import = TorchImport(bare=bare, seconds=time.perf_counter() - started)
    send(control, {"event": "up", "pid": os.getpid()})

    def interpret(request: Message, descriptors: list[int]) -> None:
        _interpret(socket.socket(fileno=descriptors[0]), request, torch_import)

    if CAN_FORK:
        serve(control, interpret, patience_s=ENDING_S)
    received = Receiver(control).receive()
    if received is not None:
        interpret(*received)


def _import_torch() -> None:
    import torch  # noqa: F401

    import bench.execute.workers.trial  # noqa: F401 - so that no fork has to import it


def _interpret(control: socket.socket, request: Message, torch_import: TorchImport) -> None:
    """Import what trials need, and say how that went; then serve requests for trials."""
    try:
        loaded = load(request, torch_import)
    except LoadingError as error:
        send(control, {"event": error.event, "what": error.what, "reason": str(error)})
        return
    if request["try_device"]:
        broken = why_unusable(request["device"])
        failed = {"event": "failed", "what": "device", "reason": broken}
        send(control, failed if broken else {"event": "ready", "pid": os.getpid()})
        return
    no_fork = why_no_fork(request["device"]) if request["fork"] else None
    send(control, _ready(request, loaded, torch_import, no_fork))
    if request["fork"] and no_fork is None:
        serve(control, lambda request, descriptors: run_trial(loaded, request, descriptors))
    received = Receiver(control).receive()
    if received is not None:
        request, descriptors = received
        send(control, {"event": "started", "id": request["id"], "pid": os.getpid()})
        run_trial(loaded, request, descriptors)


def _ready(request: Message, loaded: Loaded, torch_import: TorchImport, no_fork: str | None) -> Message:
    """What an interpreter says of itself that can be asked for trials."""
    return {
        "event": "ready",
        "pid": os.getpid(),
        "launch": "fork" if request["fork"] and no_fork is None else "spawn",
        "no_fork": no_fork,
        "import_s": torch_import.seconds + loaded.import_s,
        "import_torch_s": torch_import.seconds,
        "import_rss_bytes": loaded.inherited_bytes,
        "hides_imports": request["hides_imports"],
        "base_rss_bytes": torch_import.bare.total,
        **_provenance(request["compared"]),
    }


def _provenance(compared: list[str]) -> dict[str, Any]:
    """Which version of each compared package was imported, and from where; the harness itself is one of them."""
    import bench
    from bench.host import imported  # after all that it looks at, since its own imports are no framework's

    packages = imported.imported(dict.fromkeys([*imported.MEASURED, *compared]))
    return {"imported": packages, "harness": bench.__file__}


if __name__ == "__main__":
    main()
