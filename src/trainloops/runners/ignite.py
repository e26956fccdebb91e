"""PyTorch Ignite: the hand-written step, called by an `Engine` that fires its events around it."""

from __future__ import annotations

import torch
from ignite.engine import Engine, Events
from ignite.utils import convert_tensor
from torch import nn
from torch.nn.utils import clip_grad_norm_
from torch.utils.data import DataLoader

from trainloops.contract import Batch, Job, Parts


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    model: nn.Module = torch.compile(parts.model) if job.compile else parts.model  # type: ignore[assignment]
    optimizer = parts.optimizer
    loss_of = parts.autocast(parts.loss)
    scaler = torch.amp.GradScaler(job.device_type) if job.precision == "fp16" else None

    def step(engine: Engine, batch: Batch) -> torch.Tensor:
        model.train()
        if job.on_accelerator:
            batch = convert_tensor(batch, device=job.device, non_blocking=job.pins_memory)
        loss = loss_of(model, batch)
        if job.grad_accumulation > 1:
            loss = loss / job.grad_accumulation
        (loss if scaler is None else scaler.scale(loss)).backward()
        if engine.state.iteration % job.grad_accumulation == 0:
            if job.grad_clip is not None:
                if scaler is not None:
                    scaler.unscale_(optimizer)
                clip_grad_norm_(model.parameters(), job.grad_clip)
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
                scaler.update()
            optimizer.zero_grad()
        return loss.detach()

    trainer = Engine(step)
    trainer.add_event_handler(Events.EPOCH_STARTED, lambda engine: parts.sampler.set_epoch(engine.state.epoch - 1))
    trainer.run(DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader), max_epochs=job.epochs)
