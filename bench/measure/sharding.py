"""Parameters of which each rank has a part, as FSDP2 leaves them: torch's `DTensor`s.

They are known by their methods: to import their class would cost those memory and time that shard nothing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class NothingShardedError(RuntimeError):
    """The loop took no notice of its job's `strategy`."""


def is_sharded(tensor: object) -> bool:
    """Whether this rank has a part of it; of a class of tensors, of each of them."""
    return hasattr(tensor, "full_tensor")


def whole(tensor: Any) -> torch.Tensor:
    """The tensor with the parts of all ranks, all of which must ask for it."""
    gathered: torch.Tensor = tensor.full_tensor() if is_sharded(tensor) else tensor
    return gathered


def own_part(tensor: Any) -> torch.Tensor:
    """What this rank has of it."""
    part: torch.Tensor = tensor
    if is_sharded(tensor):
        with torch.no_grad():
            part = tensor.to_local()
    return part


def refuse_replicas(model: nn.Module) -> None:
    """Raise `NothingShardedError` where each rank has the whole of every parameter."""
    if not any(map(is_sharded, model.parameters())):
        raise NothingShardedError("it takes --strategy fsdp and shards no parameter: each rank trains the whole model")
