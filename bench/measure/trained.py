"""What a script trains: its parameters, where they began, its optimizers and its models."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn
from torch.optim import Optimizer

from bench.measure.fingerprint import digest

PLAIN = (bool, int, float, str, type(None))
SCHEDULED = ("params", "lr", "initial_lr", "max_lr", "min_lr", "param_names")
"""Keys of a parameter group that are no settings: the learning rate, its limits, and names."""


class Trained:
    """The parameters that are trained, with a copy on the host of what each was before its first update."""

    def __init__(self) -> None:
        self._optimizers: dict[int, Optimizer] = {}
        self._models: WeakKeyDictionary[nn.Module, None] = WeakKeyDictionary()
        self._began: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def see_model(self, model: nn.Module, *, is_updated_by_hand: bool) -> None:
        """Know a model that is called in training; where nothing but a named function updates, also its parameters."""
        if model in self._models:
            return
        self._models[model] = None
        if is_updated_by_hand:
            self._see(parameter for parameter in model.parameters() if parameter.requires_grad)

    def see_optimizer(self, optimizer: Optimizer) -> None:
        """Know an optimizer that is about to step, and its parameters as they are now."""
        self._optimizers.setdefault(id(optimizer), optimizer)
        self._see(_parameters(optimizer))

    def _see(self, parameters: Iterable[torch.Tensor]) -> None:
        for parameter in parameters:
            if id(parameter) not in self._began:
                self._began[id(parameter)] = parameter, parameter.detach().cpu().clone()

    def step(self, optimizer: Optimizer | None) -> dict[str, Any]:
        """The fields of `records.schema.ScriptStep` that tell of parameters, after an update."""
        groups = [] if optimizer is None else optimizer.param_groups
        parameters = self._all() if optimizer is None else _parameters(optimizer)
        return {
            "optimizer": None if optimizer is None else list(self._optimizers).index(id(optimizer)),
            "parameters_sha256": _digest_of_all(parameters),
            "moved": math.sqrt(math.fsum(map(self._moved_squared, parameters))),
            "learning_rates": [float(group["lr"]) for group in groups if "lr" in group],
            "grad_norm": _norm([parameter.grad for parameter in parameters if parameter.grad is not None]),
        }

    def _all(self) -> list[torch.Tensor]:
        return [parameter for parameter, _ in self._began.values()]

    def _moved_squared(self, parameter: torch.Tensor) -> float:
        _, began = self._began[id(parameter)]
        return _norm_squared(parameter.detach().cpu().to(torch.float64) - began.to(torch.float64))

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.ScriptFingerprint` that tell what is trained."""
        names = {id(parameter): name for model in self._models for name, parameter in model.named_parameters()}
        trainable = {key: parameter for key, (parameter, _) in self._began.items() if parameter.requires_grad}
        known = [*self._all(), *(parameter for model in self._models for parameter in model.parameters())]
        frozen = {id(parameter): parameter for parameter in known if id(parameter) not in trainable}
        return {
            "initial_sha256": _digest_of_all([began for _, began in self._began.values()]),
            "trainable": [_facts_of(parameter, names) for parameter in trainable.values()],
            "frozen": [_facts_of(parameter, names) for parameter in frozen.values()],
            "optimizers": [_optimizer(optimizer) for optimizer in self._optimizers.values()],
            "models": list(map(_model, self._models)),
        }


def _parameters(optimizer: Optimizer) -> list[torch.Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _digest_of_all(tensors: Iterable[torch.Tensor]) -> str:
    """The same in whatever order they come: loops sort parameters into groups of their own."""
    own = sorted(f"{tensor.dtype} {list(tensor.shape)} {digest([tensor.detach().cpu()])}" for tensor in tensors)
    return hashlib.sha256("\n".join(own).encode()).hexdigest()


def _norm(tensors: list[torch.Tensor]) -> float | None:
    dense = [tensor.detach().to_dense() for tensor in tensors]
    return math.sqrt(math.fsum(map(_norm_squared, dense))) if dense else None


def _norm_squared(tensor: torch.Tensor) -> float:
    return float(tensor.abs().to(torch.float64).square().sum().item())


def _facts_of(parameter: torch.Tensor, names: dict[int, str]) -> dict[str, Any]:
    # A wrapper, as by torch.compile or DistributedDataParallel, puts its own name in front.
    name = names.get(id(parameter), "unnamed").replace("_orig_mod.", "").removeprefix("module.")
    return {"name": name, "shape": list(parameter.shape), "dtype": str(parameter.dtype).removeprefix("torch.")}


def _optimizer(optimizer: Optimizer) -> dict[str, Any]:
    return {"name": type(optimizer).__name__, "groups": list(map(_group, optimizer.param_groups))}


def _group(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "settings": {key: _plain(value) for key, value in group.items() if key not in SCHEDULED},
        "tensors": len(group["params"]),
        "numbers": sum(parameter.numel() for parameter in group["params"]),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        return value.item()
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value if isinstance(value, PLAIN) else repr(value)


def _model(model: nn.Module) -> dict[str, Any]:
    # What torch.compile and DistributedDataParallel wrap is what the script calls its model.
    inner = getattr(model, "_orig_mod", getattr(model, "module", model))
    dropout = {float(module.p) for module in model.modules() if isinstance(module, nn.modules.dropout._DropoutNd)}  # noqa: SLF001 - the base of all of them
    return {
        "name": type(inner).__name__,
        "attention": getattr(getattr(inner, "config", None), "_attn_implementation", None),
        "dropout": sorted(dropout - {0.0}),
    }
