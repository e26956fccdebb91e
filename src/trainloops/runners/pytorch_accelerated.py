"""pytorch-accelerated: its `Trainer`, with the callbacks that train and without those that print.

Overridden are, as its documentation proposes, what a batch's loss is and, where gradients are clipped,
the optimizer's step: its own clipping is of single values, and after each micro-batch.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from accelerate import Accelerator
from pytorch_accelerated.callbacks import MoveModulesToDeviceCallback, TrainerCallback
from pytorch_accelerated.trainer import Trainer

from trainloops.contract import Batch, Job, Parts
from trainloops.runners import compat


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    loader = {"sampler": parts.sampler, "worker_init_fn": None, **parts.loader}
    collate = loader.pop("collate_fn")
    trainer = PartsTrainer(job, parts)
    trainer.train(
        parts.dataset,
        num_epochs=job.epochs,
        per_device_batch_size=job.batch_size,
        gradient_accumulation_steps=job.grad_accumulation,
        train_dataloader_kwargs=loader,
        collate_fn=collate,
    )


class SetsEpoch(TrainerCallback):
    """Tells the sampler which epoch begins."""

    def on_train_epoch_start(self, trainer: PartsTrainer, **_: Any) -> None:
        """Its history counts epochs from 1."""
        trainer.parts.sampler.set_epoch(trainer.run_history.current_epoch - 1)


class PartsTrainer(Trainer):
    """A trainer of ready parts."""

    def __init__(self, job: Job, parts: Parts) -> None:
        self.job, self.parts = job, parts
        callbacks = (MoveModulesToDeviceCallback, SetsEpoch)
        super().__init__(model=parts.model, loss_func=parts.loss, optimizer=parts.optimizer, callbacks=callbacks)

    def calculate_train_batch_loss(self, batch: Batch) -> dict[str, Any]:
        """The workload's loss of a batch that is a dict."""
        loss = self.loss_func(self.model, batch)
        return {"loss": loss, "model_outputs": loss.detach(), "batch_size": self.job.batch_size}

    def _create_accelerator(self) -> Accelerator:
        with compat.accelerate_0_18_exact_float32() if self.job.compile else nullcontext():
            return Accelerator(
                cpu=not self.job.on_accelerator,
                mixed_precision="no" if self.job.precision == "fp32" else self.job.precision,
                dynamo_backend="inductor" if self.job.compile else "no",
            )

    def optimizer_step(self) -> None:
        """Clip where an optimizer step follows, and not after each micro-batch."""
        if self.job.grad_clip is not None:
            self._accelerator.clip_grad_norm_(self.model.parameters(), self.job.grad_clip)
        super().optimizer_step()
