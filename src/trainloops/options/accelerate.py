"""What users of Accelerate add to their loop: arguments of `Accelerator`, and what they write after the loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainloops.contract import Batch, Job, Loss, Parts
from trainloops.options import HALF_BATCH, LOSS_ITEM, Option

if TYPE_CHECKING:
    import torch
    from torch import nn


def _gathered(_: Job, parts: Parts) -> Loss:
    """The loss, gathered from all processes, of which there is one."""
    from accelerate.utils import gather

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        value = parts.loss(model, batch)
        gather(value.detach())
        return value

    return loss


def _tracked(job: Job, parts: Parts) -> Loss:
    """The loss, logged in every step by an accelerator with a tracker; all accelerators of a process share a state."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=not job.on_accelerator, log_with="tensorboard", project_dir=job.output_dir)
    accelerator.init_trackers("prices")
    steps = iter(range(job.steps * job.grad_accumulation))

    def loss(model: nn.Module, batch: Batch) -> torch.Tensor:
        value = parts.loss(model, batch)
        accelerator.log({"loss": value.item()}, step=next(steps))
        return value

    return loss


OPTIONS = (
    LOSS_ITEM,
    Option(name="gather", loss=_gathered, text="accelerator.gather(loss) in every step"),
    Option(name="clip-grad-norm", job={"grad_clip": 1.0}, text="accelerator.clip_grad_norm_(..., 1.0)"),
    Option(name="autocast", job={"precision": "bf16"}, text="mixed_precision='bf16'"),
    Option(
        name="gradient-accumulation",
        job={"grad_accumulation": 2},
        loader={"batch_size": HALF_BATCH},
        text="gradient_accumulation_steps=2, half the batch",
    ),
    Option(name="tensorboard-1", loss=_tracked, text="accelerator.log in every step", needs=("tensorboard",)),
)
