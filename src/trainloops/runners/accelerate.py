"""Hugging Face Accelerate: the hand-written loop with `prepare` and `backward`.

`accumulate` only where gradients are accumulated, as its documentation has it; `prepare` puts the
model's forward under autocast.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from accelerate import Accelerator, FullyShardedDataParallelPlugin
from torch import nn
from torch.utils.data import DataLoader

from trainloops import zero
from trainloops.contract import Job, Parts
from trainloops.runners import compat
from trainloops.sharding import layers


def _fsdp(model: nn.Module) -> FullyShardedDataParallelPlugin:
    names = sorted({type(layer).__name__ for layer in layers(model)})
    by_class = {"auto_wrap_policy": "transformer_based_wrap", "transformer_cls_names_to_wrap": names}
    return FullyShardedDataParallelPlugin(fsdp_version=2, **(by_class if names else {}))


def _deepspeed(job: Job, parts: Parts) -> Any:
    from accelerate import DeepSpeedPlugin
    from accelerate.state import AcceleratorState, PartialState

    # Both as Trainer has it: a process's second `Accelerator` takes no plugin, and one for the CPU leaves it aside.
    AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001
    PartialState(cpu=not job.on_accelerator)
    return DeepSpeedPlugin(hf_ds_config=zero.settings(job, parts.model))


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    with compat.accelerate_0_18_exact_float32() if job.compile else nullcontext():
        accelerator = Accelerator(
            cpu=not job.on_accelerator and job.strategy != "deepspeed",
            mixed_precision="no" if job.precision == "fp32" else job.precision,
            gradient_accumulation_steps=job.grad_accumulation,
            dynamo_backend="inductor" if job.compile else "no",
            fsdp_plugin=_fsdp(parts.model) if job.strategy == "fsdp" else None,
            deepspeed_plugin=_deepspeed(job, parts) if job.strategy == "deepspeed" else None,
            **compat.accelerate_0_30_non_blocking(job),
        )
    loader = DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader)
    model, optimizer, loader = accelerator.prepare(parts.model, parts.optimizer, loader)
    model.train()
    for epoch in range(job.epochs):
        parts.sampler.set_epoch(epoch)
        for batch in loader:
            with accelerator.accumulate(model) if job.grad_accumulation > 1 else nullcontext():
                loss = parts.loss(model, batch)
                accelerator.backward(loss)
                if job.grad_clip is not None and accelerator.sync_gradients:
                    accelerator.clip_grad_norm_(model.parameters(), job.grad_clip)
                optimizer.step()
                optimizer.zero_grad()
