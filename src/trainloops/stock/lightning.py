"""PyTorch Lightning's `Trainer` with `max_steps=...`: its own logger, checkpoints, progress bar and model summary.

The module logs its loss as that of "Lightning in 15 minutes" does.
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment
from torch.utils.data import DataLoader

from trainloops.contract import Batch, Job, Parts
from trainloops.runners.lightning import LitModel


class LoggingModel(LitModel):
    """The module that Lightning wants around a model."""

    def training_step(self, batch: Batch) -> torch.Tensor:
        """The mean loss over one batch, logged."""
        loss = self.parts.loss(self.model, batch)
        self.log("train_loss", loss)
        return loss


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    trainer = pl.Trainer(
        max_steps=job.steps,
        accelerator=job.device_type,
        devices=1,
        plugins=[LightningEnvironment()],  # else it looks for MPI, and fails where that is half installed
        default_root_dir=job.output_dir,
    )
    loader = DataLoader(
        parts.dataset, batch_size=job.batch_size, sampler=parts.sampler, collate_fn=parts.loader["collate_fn"]
    )
    trainer.fit(LoggingModel(job, parts), train_dataloaders=loader)
