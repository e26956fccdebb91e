"""The workloads by name, and those of the user's own; each is loaded only when it is asked for."""

from __future__ import annotations

from functools import cache
from numbers import Real
from typing import TYPE_CHECKING, Any

from trainloops import references
from trainloops.references import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trainloops.contract import Workload

USUAL = "workload"
"""What a workload's function is called in its module, where a reference does not say otherwise."""

REGISTRY = {
    "mlp": Entry(where="trainloops.workloads.mlp"),
    "mlp-wide": Entry(where="trainloops.workloads.mlp_wide"),
    "cnn": Entry(where="trainloops.workloads.cnn"),
    "encoder": Entry(where="trainloops.workloads.encoder", needs=("transformers",)),
    "causal-lm": Entry(where="trainloops.workloads.causal_lm", needs=("transformers",)),
}

WANTED = "a trainloops.contract.Workload(model=..., dataset=..., loss=..., learning_rate=...)"
MADE_BY = {
    "model": "a function () that makes a torch.nn.Module, since every trial trains a fresh one",
    "dataset": "a function (length, seed) that makes a dataset",
    "loss": "a function (model, batch) that computes it",
}
"""Those parts of a workload that are functions, and what they do."""
MAX_NAMED = 6
"""Items of a tuple whose kinds are named."""


RECOMPUTE = ("activation_checkpointing_enable", "gradient_checkpointing_enable")
"""How Trainer asks a model to compute activations again in the backward pass, in newer releases and in older ones."""


class WorkloadError(TypeError):
    """What a workload consists of is not what a loop can train; the text says what it is, and what is wanted."""


def needs(names: Iterable[str]) -> set[str]:
    """The packages that the built-in ones among these workloads need beside torch."""
    return {package for name in names if name in REGISTRY for package in REGISTRY[name].needs}


def entry(name: str) -> Entry | None:
    """What a name or a reference stands for; None for a name that no workload has."""
    return Entry(where=name) if references.is_reference(name) else REGISTRY.get(name)


@cache
def load(name: str) -> Workload:
    """The workload called `name`, or what the function of that reference returns; made once a process.

    Raises `KeyError` for a name that is none, `ImportError` and `AttributeError` as `references.load`, and
    `WorkloadError` for what is no workload.
    """
    registered = entry(name)
    if registered is None:
        raise KeyError(name)
    factory = references.load(registered.where, usual=USUAL)
    if not callable(factory):
        raise WorkloadError(f"it is {described(factory)}, and not a function that returns {WANTED}")
    return _checked(factory())


def _checked(workload: Any) -> Workload:
    from torch import nn

    from trainloops.contract import Workload

    if not isinstance(workload, Workload):
        raise WorkloadError(f"its function returned {described(workload)}, and not {WANTED}")
    for field, wanted in MADE_BY.items():
        value = getattr(workload, field)
        if not callable(value) or isinstance(value, nn.Module):
            raise WorkloadError(f"its {field} is {described(value)}, and not {wanted}")
    if not isinstance(workload.learning_rate, Real) or not isinstance(workload.weight_decay, Real):
        rates = f"{workload.learning_rate!r} and {workload.weight_decay!r}"
        raise WorkloadError(f"its learning_rate and weight_decay are {rates}, and not two numbers")
    return workload


def described(value: Any) -> str:
    """What a value is, for a sentence: `a tuple (Net, Points, function)`."""
    if value is None:
        return "None"
    kind = type(value).__name__
    if isinstance(value, tuple | list) and len(value) <= MAX_NAMED:
        return f"a {kind} ({', '.join(type(item).__name__ for item in value)})"
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"
