"""FSDP2 as torch's tutorial has it: each layer is a unit by itself, and what is left of the model another.

For every loop but those whose framework makes the units itself, and hears by the names of their classes which.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from torch import nn
from torch.nn.parallel import DistributedDataParallel

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh
    from torch.optim import Optimizer

    from trainloops.contract import Job


def layers(model: nn.Module) -> Iterator[nn.Module]:
    """What models of many layers have in a `ModuleList`, of which one may be within another; none in other models."""
    for child in model.children():
        if isinstance(child, nn.ModuleList):
            yield from child
        else:
            yield from layers(child)


def all_ranks(job: Job) -> DeviceMesh:
    """The mesh of a job whose ranks do nothing but divide data and parameters."""
    from torch.distributed.device_mesh import init_device_mesh

    return init_device_mesh(job.device_type, (job.ranks,))


def shard(model: nn.Module, optimizer: Optimizer, mesh: DeviceMesh) -> nn.Module:
    """Let each rank of the mesh hold and update its part of every parameter; model and optimizer are changed in place.

    Whoever makes the optimizer afterwards need not change it; one that is there would keep the whole parameters alive.
    """
    # Here, and not where nobody asks for it: an import is part of what is measured.
    from torch.distributed.fsdp import fully_shard

    for layer in layers(model):
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    (group,) = optimizer.param_groups
    group["params"] = list(model.parameters())
    return model


def reduce_gradients(model: nn.Module, *, now: bool) -> None:
    """Let the next backward reduce them over the ranks, or leave it to a later one: `no_sync` without its block."""
    if isinstance(model, DistributedDataParallel):
        model.require_backward_grad_sync = now
    else:
        model.set_requires_gradient_sync(now)  # type: ignore[operator]
