"""PyTorch Lightning's `Trainer` with everything off that can be switched off.

These are the settings of its `barebones=True`, given one by one: no logger, no checkpoints, no
progress bar, no model summary, no sanity check.
"""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment, TorchElasticEnvironment
from torch import nn
from torch.utils.data import DataLoader

from trainloops import zero
from trainloops.contract import Batch, Job, Parts
from trainloops.sharding import shard

PRECISION: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}


class LitModel(pl.LightningModule):
    """The module that Lightning wants around a model."""

    def __init__(self, job: Job, parts: Parts) -> None:
        super().__init__()
        # The model and not this module, with which Lightning would compile the loss, too.
        self.model: nn.Module = torch.compile(parts.model) if job.compile else parts.model  # type: ignore[assignment]
        self.parts = parts

    def training_step(self, batch: Batch) -> torch.Tensor:
        """The mean loss over one batch."""
        return self.parts.loss(self.model, batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer that every runner uses."""
        return self.parts.optimizer


class ShardedLitModel(LitModel):
    """The same, which shards the model where Lightning's documentation has it."""

    def configure_model(self) -> None:
        """Called before `configure_optimizers`."""
        shard(self.model, self.parts.optimizer, self.device_mesh["data_parallel"])


def _strategy(job: Job, parts: Parts) -> Any:
    if job.strategy == "fsdp":
        from pytorch_lightning.strategies import ModelParallelStrategy  # came with 2.4

        return ModelParallelStrategy(data_parallel_size=job.ranks, tensor_parallel_size=1)
    if job.strategy == "deepspeed":
        from pytorch_lightning.strategies import DeepSpeedStrategy

        configuration = zero.settings(job, parts.model)
        del configuration["gradient_accumulation_steps"]  # which Lightning sets itself
        return DeepSpeedStrategy(config=configuration)
    return "auto" if job.ranks == 1 else "ddp"


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    # Without one it looks for MPI, and fails where that is half installed.
    environment = LightningEnvironment if job.ranks == 1 else TorchElasticEnvironment
    trainer = pl.Trainer(
        max_epochs=job.epochs,
        accelerator=job.device_type,
        devices=job.ranks // job.nodes,
        num_nodes=job.nodes,
        strategy=_strategy(job, parts),
        plugins=[environment()],
        precision=PRECISION[job.precision],
        accumulate_grad_batches=job.grad_accumulation,
        gradient_clip_val=job.grad_clip,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,
        default_root_dir=job.output_dir,
    )
    sampler = parts.sampler.of_rank(job.rank, job.ranks, job.batch_size)
    loader = DataLoader(parts.dataset, sampler=sampler, **parts.loader)
    module = (ShardedLitModel if job.strategy == "fsdp" else LitModel)(job, parts)
    trainer.fit(module, train_dataloaders=loader)
