"""Parameters of which each rank has a part, as FSDP2 leaves them: torch's `DTensor`s.

Those are known by their methods: to import their class would cost those memory and time that shard nothing.
"""

from __future__ import annotations

from typing import Any

import torch

from trainloops.contract import Parts


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


def refuse_replicas(parts: Parts, strategy: str) -> None:
    """Raise `NothingShardedError` where each rank has the whole of what the strategy divides.

    Under FSDP2 that is every parameter; under DeepSpeed's ZeRO it is what the optimizer updates, one flat part of all.
    """
    parameters = list(parts.model.parameters())
    updated = sum(tensor.numel() for group in parts.optimizer.param_groups for tensor in group["params"])
    is_divided = (
        any(map(is_sharded, parameters)) if strategy == "fsdp" else updated < sum(map(torch.Tensor.numel, parameters))
    )
    if not is_divided:
        raise NothingShardedError(
            f"it takes --strategy {strategy} and shards no parameter: each rank trains the whole model"
        )
