"""What an interpreter imports before its trials: a runner's framework and a workload, or what a script imports first.

Standard library only: it is imported before a framework is, whose import is timed.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.execute.workers.failure import sentence
from bench.execute.workers.protocol import Message
from bench.execute.workers.script import Script, reason_of
from bench.host import process

Train = Callable[..., None]


@dataclass(frozen=True, kw_only=True, slots=True)
class TorchImport:
    """What this process was before it imported torch, and what that took."""

    bare: process.Resident
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A runner, and how much this process has grown since before it imported anything for it."""

    train: Train | None
    """None of a script, which `script` runs."""
    import_s: float
    """What its own import took, after torch's."""
    inherited_bytes: int
    script: Script | None = None
    hides_imports: bool = False
    """Whether Python's collector does not look at what was imported."""


class LoadingError(Exception):
    """Why a runner or a workload cannot be imported; `event` is "missing" where something is not installed."""

    def __init__(self, what: str, event: str, reason: str) -> None:
        super().__init__(reason)
        self.what, self.event = what, event


def load(request: Message, torch_import: TorchImport) -> Loaded:
    """Import what the trials of this interpreter need; raises `LoadingError`."""
    _see_where_the_user_stands(request)
    started = time.perf_counter()
    script = None if request["script"] is None else Script.of(request["script"])
    train = None
    with _naming("runner", script):
        if script is None:
            train = _load_runner(request["runner"])
        else:
            script.prepare()
        _bring_what_optimizers_bring()
    import_s = time.perf_counter() - started
    with _naming("workload", script):
        _load_workload(request["workload"])
    if request["hides_imports"]:
        gc.freeze()
    return Loaded(
        train=train,
        import_s=import_s,
        inherited_bytes=process.resident().total - torch_import.bare.total,
        script=script,
        hides_imports=request["hides_imports"],
    )


def _see_where_the_user_stands(request: Message) -> None:
    """Let code of the user's own, and no other, import what lies in the current folder."""
    from trainloops.references import is_reference

    if request["script"] is None and any(is_reference(request[what] or "") for what in ("runner", "workload")):
        sys.path.append(str(Path.cwd()))


@contextmanager
def _naming(what: str, script: Script | None) -> Iterator[None]:
    """Raise `LoadingError` of this in the place of whatever is raised while it is imported."""
    try:
        yield
    except (Exception, SystemExit) as error:
        event = "missing" if isinstance(error, ImportError) else "failed"
        raise LoadingError(what, event, sentence(error) if script is None else reason_of(error, script.file)) from error


def _load_runner(runner: str) -> Train:
    from trainloops import runners

    return runners.load(runner)


def _bring_what_optimizers_bring() -> None:
    """Import what torch's first optimizer imports: torch's compiler, 1 to 2 s that no trial shall pay.

    After the framework, as its users do: before Fabric, it makes Fabric's steps 5 % longer than they are in anybody's
    script (docs/method.md).
    """
    import torch

    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    gc.collect()  # so that all forks are as far from their first full collection, until `measure.collector` sets it


def _load_workload(name: str | None) -> None:
    """Import what the interpreter's trials train, so that none of its forks has to."""
    from trainloops import workloads

    if name is not None:
        workloads.load(name)
        gc.collect()  # as `_bring_what_optimizers_bring` does
