"""What a deterministic run computed: every loss, and a digest of the weights it ended with."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from trainloops.contract import Batch, Parts


class Recorder:
    """Keeps the losses of a loop by standing in for `parts.loss`; nothing of the loop is touched."""

    def __init__(self, parts: Parts) -> None:
        self._loss = parts.loss
        self._losses: list[torch.Tensor] = []
        self.parts = replace(parts, loss=self._recorded)

    def _recorded(self, model: nn.Module, batch: Batch) -> torch.Tensor:
        loss = self._loss(model, batch)
        self._losses.append(loss.detach().clone())
        return loss

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Fingerprint`; call it when the loop has ended."""
        parameters = [parameter.detach().cpu() for parameter in self.parts.model.parameters()]
        return {
            "losses": [loss.item() for loss in self._losses],
            "weights_sha256": _digest(parameters),
            "parameter_norms": [parameter.double().norm().item() for parameter in parameters],
        }


def _digest(tensors: list[torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
