"""What a deterministic run computed: every loss, and a digest of the weights and buffers it ended with."""

from __future__ import annotations

import hashlib
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from bench.measure.hooks import after_each_step
from bench.measure.sharding import whole
from trainloops.contract import Batch, Parts


class WrongStepCountError(RuntimeError):
    """The loop made more or fewer optimizer steps than its job said."""


class UnusableLossError(ValueError):
    """A workload's loss is nothing that a loop can minimise; the text names the micro-step."""


class Recorder:
    """Keeps the losses of a loop by standing in for `parts.loss`; nothing of the loop is touched."""

    def __init__(self, parts: Parts) -> None:
        self._loss = parts.loss
        self._losses: list[torch.Tensor] = []
        self._steps = 0
        self.parts = replace(parts, loss=self._recorded)

    def _recorded(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        micro_step = len(self._losses) + 1
        # Loops draw random numbers of their own; what the model draws, as for dropout, shall be the same in all.
        torch.manual_seed(micro_step)
        loss = self._loss(model, batch)
        _refuse_unusable(loss, micro_step)
        self._losses.append(loss.detach().clone())
        return loss

    def counting_steps(self) -> AbstractContextManager[None]:
        """Count the optimizer steps of whatever loop runs meanwhile."""
        return after_each_step(self._count)

    def _count(self, _: Optimizer) -> None:
        self._steps += 1

    def refuse_other_than(self, steps: int) -> None:
        """Raise `WrongStepCountError` where the loop made another number of optimizer steps than its job said."""
        if self._steps != steps:
            several = self._steps and self._steps % steps == 0
            hint = f"; {self._steps // steps} optimizers tick that often per step" if several else ""
            raise WrongStepCountError(f"the loop made {self._steps} optimizer steps, its job says {steps}{hint}")

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Fingerprint`; call it when the loop has ended."""
        parameters = self._parameters()
        return {
            "losses": [loss.item() for loss in self._losses],
            "weights_sha256": digest([*parameters, *_moved_by_training(self.parts.model)]),
            "parameter_norms": [parameter.double().norm().item() for parameter in parameters],
        }

    def parameters_sha256(self) -> str:
        """The digest of what all ranks end with: no buffers, such as running means, of which each has its own."""
        return digest(self._parameters())

    def _parameters(self) -> list[torch.Tensor]:
        return [whole(parameter.detach()).cpu() for parameter in self.parts.model.parameters()]


def _refuse_unusable(loss: Any, micro_step: int) -> None:
    where = f"the loss of micro-step {micro_step} is"
    if not isinstance(loss, torch.Tensor):
        raise UnusableLossError(f"{where} a {type(loss).__name__}, and not a tensor with one number")
    if loss.numel() != 1:
        shape = ", ".join(map(str, loss.shape))
        raise UnusableLossError(f"{where} a tensor of shape [{shape}], and not one number: take its mean")
    if not torch.isfinite(loss):
        raise UnusableLossError(f"{where} {loss.item()}, and no finite number, so that nothing can be proven")


def _moved_by_training(model: nn.Module) -> list[torch.Tensor]:
    """The buffers that a checkpoint has; others are tables, of which each release may have more."""
    kept = model.state_dict().keys()
    return [buffer.detach().cpu() for name, buffer in model.named_buffers() if name in kept]


def digest(tensors: list[torch.Tensor]) -> str:
    """SHA-256 of the bytes of all of them, one after the other."""
    hashed = hashlib.sha256()
    for tensor in tensors:
        hashed.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return hashed.hexdigest()
