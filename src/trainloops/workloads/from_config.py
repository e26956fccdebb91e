"""A model of transformers, made of a config: nothing is downloaded, and no release decides its weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from trainloops.workloads import RECOMPUTE

STD = 0.02


class Logits(nn.Module):
    """The model as a plain module of token ids to logits, so that every framework treats it as one."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        for name in RECOMPUTE:
            if hasattr(model, name):
                setattr(self, name, getattr(model, name))
        _draw_weights(self)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        """`int64[batch, length]` to the model's logits."""
        logits: torch.Tensor = self.model(input_ids=input_ids).logits
        return logits


def _draw_weights(model: nn.Module) -> None:
    """Draw every matrix from torch's seed: releases draw theirs in another order, which is no change of arithmetic."""
    generator = torch.Generator().manual_seed(torch.initial_seed())
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=STD, generator=generator)
