"""What users of Lightning Fabric add to their loop: arguments of `Fabric`, and what they write after the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainloops.contract import Batch, Job, Loss, Parts
from trainloops.options import HALF_BATCH, LOSS_ITEM, Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _logged(job: Job, parts: Parts) -> Loss:
    """The loss, logged in every step by Fabric's CSV logger, which writes a file every hundred steps."""
    from lightning_fabric import Fabric
    from lightning_fabric.loggers import CSVLogger

    fabric = Fabric(accelerator=job.device_type, devices=1, loggers=CSVLogger(job.output_dir))
    steps = iter(range(job.steps * job.grad_accumulation))

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        value = parts.loss(model, batch)
        fabric.log("loss", value.item(), step=next(steps))
        return value

    return loss


OPTIONS = (
    LOSS_ITEM,
    Option(name="csv-logger", loss=_logged, text="fabric.log in every step, CSVLogger"),
    Option(name="clip-gradients", job={"grad_clip": 1.0}, text="fabric.clip_gradients(..., max_norm=1.0)"),
    Option(name="autocast", job={"precision": "bf16"}, text="precision='bf16-mixed'"),
    Option(
        name="gradient-accumulation",
        job={"grad_accumulation": 2},
        loader={"batch_size": HALF_BATCH},
        text="two micro-batches of half the size",
    ),
)
