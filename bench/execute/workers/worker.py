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

import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.execute.workers.children import die_with_parent, let_forks_die_with_this, serve
from bench.execute.workers.failure import sentence
from bench.execute.workers.protocol import LOG, Message, Receiver, send
from bench.execute.workers.script import Script, told
from bench.host import process

FORK_PROBE_TIMEOUT_S = 120
"""A driver that nobody has used takes some 20 s to come up with eight cards."""
REASON_BYTES = 2000
ENDING_S = 5.0
"""For interpreters to end their trials and themselves."""
CAN_FORK = hasattr(os, "fork") and sys.platform != "darwin"
"""macOS is excluded: its system libraries do not survive a fork that is not followed by an exec."""

Train = Callable[..., None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """What this process has imported so far, and what that took."""

    bare: process.Resident
    torch_s: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A runner, and how much this process has grown since before it imported anything for it."""

    train: Train | None
    """None of a script, which `script` runs."""
    inherited_bytes: int
    script: Script | None = None
    hides_imports: bool = False
    """Whether Python's collector does not look at what was imported."""


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
    imported = Imported(bare=bare, torch_s=time.perf_counter() - started)
    send(control, {"event": "up", "pid": os.getpid()})

    def interpret(request: Message, descriptors: list[int]) -> None:
        _interpret(socket.socket(fileno=descriptors[0]), request, imported)

    if CAN_FORK:
        serve(control, interpret, patience_s=ENDING_S)
    received = Receiver(control).receive()
    if received is not None:
        interpret(*received)


def _import_torch() -> None:
    import torch  # noqa: F401

    import bench.execute.workers.trial  # noqa: F401 - so that no fork has to import it


def _load(runner: str) -> Train:
    """Import a runner as its users do: the framework first, and only then what torch's first optimizer brings along.

    That is torch's compiler, 1 to 2 s that no trial shall pay. Imported before Fabric, it makes Fabric's steps 5 %
    longer than they are in anybody's script (docs/method.md).
    """
    from trainloops import runners

    train = runners.load(runner)
    _bring_what_optimizers_bring()
    return train


def _bring_what_optimizers_bring() -> None:
    import torch

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    gc.collect()  # so that all forks are as far from their first full collection, until `measure.collector` sets it


def _load_workload(name: str | None) -> None:
    """Import what the interpreter's trials train, so that none of its forks has to."""
    from trainloops import workloads

    if name is not None:
        workloads.load(name)
        gc.collect()  # as `_load` does


def _see_where_the_user_stands(request: Message) -> None:
    """Let code of the user's own, and no other, import what lies in the current folder."""
    from trainloops.references import is_reference

    if request["script"] is None and any(is_reference(request[what] or "") for what in ("runner", "workload")):
        sys.path.append(str(Path.cwd()))


def _interpret(control: socket.socket, request: Message, imported: Imported) -> None:
    """Import a runner's framework and a workload, or what a script imports first; then serve requests for trials."""
    _see_where_the_user_stands(request)
    started = time.perf_counter()
    loading = "runner"
    train, script = None, None if request["script"] is None else Script.of(request["script"])
    try:
        if script is None:
            train = _load(request["runner"])
        else:
            script.prepare()
            _bring_what_optimizers_bring()
        own_s = time.perf_counter() - started
        loading = "workload"
        _load_workload(request["workload"])
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever is raised while it is imported is its row's reason
        event = "missing" if isinstance(error, ImportError) else "failed"
        reason = sentence(error) if script is None else told(error, script.file)
        send(control, {"event": event, "what": loading, "reason": reason})
        return
    if request["hides_imports"]:
        gc.freeze()
    inherited_bytes = process.resident().total - imported.bare.total
    loaded = Loaded(train=train, script=script, inherited_bytes=inherited_bytes, hides_imports=request["hides_imports"])
    if request["try_device"]:
        broken = _why_unusable(request["device"])
        failed = {"event": "failed", "what": "device", "reason": broken}
        send(control, failed if broken else {"event": "ready", "pid": os.getpid()})
        return
    no_fork = _why_no_fork(request["device"]) if request["fork"] else None
    launch = "fork" if request["fork"] and no_fork is None else "spawn"
    ready = {
        "event": "ready",
        "pid": os.getpid(),
        "launch": launch,
        "no_fork": no_fork,
        "import_s": imported.torch_s + own_s,
        "import_torch_s": imported.torch_s,
        "import_rss_bytes": loaded.inherited_bytes,
        "hides_imports": request["hides_imports"],
        "base_rss_bytes": imported.bare.total,
        **_provenance(request["compared"]),
    }
    send(control, ready)
    if launch == "fork":
        serve(control, lambda request, descriptors: _train(loaded, request, descriptors))
    received = Receiver(control).receive()
    if received is not None:
        request, descriptors = received
        send(control, {"event": "started", "id": request["id"], "pid": os.getpid()})
        _train(loaded, request, descriptors)


def _provenance(compared: list[str]) -> dict[str, Any]:
    """Which version of each compared package was imported, and from where; the harness itself is one of them."""
    import bench
    from bench.host import imported  # after what it tells of, since its own imports are no framework's

    found = imported.imported(dict.fromkeys([*imported.MEASURED, *compared]))
    return {"imported": found, "harness": bench.__file__}


def _why_no_fork(device: str) -> str | None:
    """Why a fork of this process cannot use the device, None where it can: tried out, not assumed."""
    if not CAN_FORK:
        return "forks do not survive on this system"
    with _one_at_a_time():
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(FORK_PROBE_TIMEOUT_S)
            os.write(theirs, (_why_unusable(device) or "").encode()[:REASON_BYTES])
            os._exit(0)
        os.close(theirs)
        with os.fdopen(ours, "rb") as told:
            reason = told.read().decode(errors="replace")
        exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if exit_code == -signal.SIGALRM:
        return f"no answer of the device within {FORK_PROBE_TIMEOUT_S} s"
    return reason or (f"trying it ended with exit code {exit_code}" if exit_code else None)


def _why_unusable(device: str) -> str | None:
    """Why this process cannot compute on the device; None where it can."""
    try:
        import torch

        work = torch.ones(8, 8, device=device)
        return None if (work @ work).sum().item() == 512 else "it computes wrong results"
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason
        return sentence(error)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Keep all interpreters on this machine from trying at once: a small card has no room for so many contexts."""
    with open(__file__, "rb") as turnstile:  # noqa: PTH123 - pathlib is for what is read
        with suppress(ImportError, OSError):  # no such locks here, or none on this file system
            import fcntl

            fcntl.flock(turnstile, fcntl.LOCK_EX)
        yield


def _train(loaded: Loaded, request: Message, descriptors: list[int]) -> None:
    """Run one trial in its scratch folder and leave `result.json` there."""
    from bench.execute.workers.trial import Assignment, run
    from bench.measure.memory import HostBaseline
    from trainloops.contract import Job

    let_forks_die_with_this()
    scratch = Path(request["scratch"])
    os.chdir(scratch)
    terminal = descriptors.pop() if request["has_terminal"] else None
    _log_to(scratch / LOG, terminal)
    _pin(request["cores"])
    host = HostBaseline(inherited_bytes=loaded.inherited_bytes, at_start=process.resident())
    assignment = Assignment(
        runner=_loop(loaded.train, request),
        script=loaded.script,
        job=Job(**request["job"]),
        request=request | {"hides_imports": loaded.hides_imports},
        host=host,
        scratch=scratch,
        control=socket.socket(fileno=descriptors[0]) if descriptors else None,
    )
    if assignment.job.ranks == 1:
        return run(assignment)
    from bench.execute.workers import ranks  # brings torch elastic

    return ranks.launch(assignment)


def _pin(cores: list[int]) -> None:
    """Run on these cores alone; where that cannot be had, wherever the system likes."""
    if cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


def _loop(train: Train | None, request: Message) -> Train | None:
    """The runner as the trial asks for it: with its framework's defaults, with an option, or as it is."""
    if request["profile"] == "stock":
        from trainloops import stock

        return stock.load(request["runner"])
    return train if train is None or request["option"] is None else _with_option(train, request)


def _with_option(train: Train, request: Message) -> Train:
    from importlib.metadata import version

    from trainloops import options, runners

    package = runners.BUILT_IN[request["runner"]].needs[0]
    return options.switched_on(train, options.find(request["runner"], request["option"], version(package)))


def _log_to(path: Path, terminal: int | None) -> None:
    """Let what is printed go to the file, or to the terminal where there is one, of which the parent keeps a copy."""
    sys.stdout.flush()
    sys.stderr.flush()
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) if terminal is None else terminal
    os.dup2(log, 1)
    os.dup2(log, 2)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a loop that asks for input is told at once that there is none


if __name__ == "__main__":
    main()
