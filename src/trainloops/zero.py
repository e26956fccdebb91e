"""DeepSpeed's ZeRO-2: what every loop asks of it, and the hand-written loop of its tutorial.

Each rank has a part of the gradients and of the optimizer's state. The engine does what is arithmetic in other loops:
it divides the loss where gradients are accumulated, clips them, and clears them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn
from torch.utils.data import DataLoader

from trainloops.contract import Batch, Job, Parts

STAGE = 2
"""What Accelerate and Lightning take where nothing is said."""
BUCKET = 500_000_000
"""Gradients that DeepSpeed by itself collects before it reduces them, in a buffer that is there from the start."""


def settings(job: Job, model: nn.Module) -> dict[str, Any]:
    """DeepSpeed's configuration. It is told of the device in the environment; by itself it takes the best there is."""
    os.environ["DS_ACCELERATOR"] = job.device_type
    gradients = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    return {
        "train_micro_batch_size_per_gpu": job.batch_size,
        "gradient_accumulation_steps": job.grad_accumulation,
        "gradient_clipping": job.grad_clip or 0.0,
        # No larger than the model: of a small one the peak would be that of an empty buffer.
        "zero_optimization": {"stage": STAGE, "reduce_bucket_size": min(BUCKET, gradients)},
        # Torch's optimizers, and not those of its own that it would take for them.
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,
        "steps_per_print": job.steps + 1,
    }


def loaded(job: Job, parts: Parts) -> Iterator[Batch]:
    """The batches of all epochs, each on the device by the time that it is asked for."""
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = DataLoader(parts.dataset, sampler=sampler, **parts.loader)
    for epoch in range(job.epochs):
        sampler.set_epoch(epoch)
        for batch in loader:
            yield {key: value.to(job.device, non_blocking=job.pins_memory) for key, value in batch.items()}


def train(job: Job, parts: Parts, batches: Iterable[Batch]) -> None:
    """Train `parts.model` on them."""
    configuration = settings(job, parts.model)
    import deepspeed  # reads the environment

    engine, *_ = deepspeed.initialize(model=parts.model, optimizer=parts.optimizer, config=configuration)
    engine.train()
    for batch in batches:
        engine.backward(parts.loss(engine, batch))
        engine.step()
