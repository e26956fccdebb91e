"""Hugging Face `Trainer` with `TrainingArguments(output_dir=...)`: its own optimizer, schedule, clipping, checkpoints.

The plain module and its loss are those of the matched loop, and `remove_unused_columns=False` with them, without which
a dataset of dicts does not train at all.
"""

from __future__ import annotations

import os

from torch.utils.data import default_collate
from transformers import TrainingArguments

from trainloops.contract import Job, Parts
from trainloops.runners.hf_trainer import PlainModuleTrainer

# Before 5.0 it reports to whatever tracker is installed: a benchmark must not do so to somebody's account.
os.environ.setdefault("WANDB_MODE", "offline")
os.environ.setdefault("COMET_MODE", "OFFLINE")


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    arguments = TrainingArguments(
        output_dir=job.output_dir,
        num_train_epochs=job.epochs,
        per_device_train_batch_size=job.batch_size,
        use_cpu=not job.on_accelerator,
        remove_unused_columns=False,
    )
    collate = parts.loader["collate_fn"]
    trainer = PlainModuleTrainer(
        parts=parts,
        model=parts.model,
        args=arguments,
        train_dataset=parts.dataset,
        data_collator=None if collate is default_collate else collate,
    )
    trainer.train()
