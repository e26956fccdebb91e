"""The runners by name. A framework is imported only when its runner is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module, util
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainloops.contract import Train

BASELINE = "pytorch"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a runner lives, and the packages (as pip names them) that it needs beside torch."""

    module: str
    needs: tuple[str, ...] = ()


REGISTRY = {
    "pytorch": Entry(module="trainloops.runners.pytorch"),
    "hf-trainer": Entry(module="trainloops.runners.hf_trainer", needs=("transformers", "accelerate")),
    "lightning": Entry(module="trainloops.runners.lightning", needs=("pytorch-lightning",)),
    "accelerate": Entry(module="trainloops.runners.accelerate", needs=("accelerate",)),
    "fabric": Entry(module="trainloops.runners.fabric", needs=("pytorch-lightning",)),
    "floor": Entry(module="trainloops.runners.floor"),
}


def is_file(name: str) -> bool:
    """Whether `name` means a user's own file with a `train(job, parts)` in it, not a known runner."""
    return name.endswith(".py")


def load(name: str) -> Train:
    """Import the runner called `name`, or the Python file at that path, and return its `train`.

    Raises `KeyError` for an unknown name, `ImportError` when the framework (or the file) is
    missing, `AttributeError` when the module has no `train`.
    """
    if not is_file(name):
        train: Train = import_module(REGISTRY[name].module).train
        return train
    spec = util.spec_from_file_location(Path(name).stem, name)
    if spec is None or spec.loader is None or not Path(name).is_file():
        raise ImportError(f"{name} is not a Python file that can be read")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    own: Train = module.train
    return own
