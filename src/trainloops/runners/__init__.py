"""The runners by name. A framework is imported only when its runner is loaded."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from trainloops import references
from trainloops.references import Entry

if TYPE_CHECKING:
    from trainloops.contract import Train

BASELINE = "pytorch"
TRAIN = "train"
"""What a runner is called in its module, where a reference does not say otherwise."""
GROUP = "trainloops.runners"
"""The entry points by which an installed package brings runners of its own."""

REGISTRY = {
    "pytorch": Entry(where="trainloops.runners.pytorch"),
    "hf-trainer": Entry(where="trainloops.runners.hf_trainer", needs=("transformers", "accelerate")),
    "lightning": Entry(where="trainloops.runners.lightning", needs=("pytorch-lightning",)),
    "accelerate": Entry(where="trainloops.runners.accelerate", needs=("accelerate",)),
    "fabric": Entry(where="trainloops.runners.fabric", needs=("pytorch-lightning",)),
    "floor": Entry(where="trainloops.runners.floor"),
}
"""Those that a run measures where nobody names any: their frameworks come with looptax."""

EXTRA = {
    "ignite": Entry(where="trainloops.runners.ignite", needs=("pytorch-ignite",)),
    "skorch": Entry(where="trainloops.runners.skorch", needs=("skorch",)),
    "pytorch-accelerated": Entry(where="trainloops.runners.pytorch_accelerated", needs=("pytorch-accelerated",)),
}
"""Those that are measured where they are asked for; `pip install looptax[NAME]` brings the framework."""

BUILT_IN = REGISTRY | EXTRA


def installed() -> dict[str, Entry]:
    """The runners that installed packages bring, by name; none of them hides a built-in one."""
    from importlib.metadata import entry_points  # where a framework's import is timed, nobody else needs it

    brought: dict[str, Entry] = {}
    for point in entry_points(group=GROUP):
        needs = () if point.dist is None else (re.sub(r"[-_.]+", "-", point.dist.name).lower(),)
        entry = Entry(where=point.value.partition("[")[0].replace(" ", ""), needs=needs)
        if point.name not in BUILT_IN:
            brought.setdefault(point.name, entry)
    return brought


def entry(name: str) -> Entry | None:
    """What a name or a reference stands for; None for a name that nobody has given to a runner here."""
    if references.is_reference(name):
        return Entry(where=name)
    return BUILT_IN.get(name) or installed().get(name)


def load(name: str) -> Train:
    """Import the runner called `name`, or the one of that reference, and return its `train`.

    Raises `ImportError` when the framework, the file or the name is missing, `AttributeError` when the module
    has no `train`, `TypeError` when that is no function.
    """
    registered = entry(name)
    if registered is None:
        raise ModuleNotFoundError(f"no installed package brings a runner called {name}")
    train: Train = references.load(registered.where, usual=TRAIN)
    if not callable(train):
        raise TypeError(f"{name} is a {type(train).__name__}, and no function train(job, parts)")
    return train
