"""Hugging Face `Trainer` on a plain `nn.Module`: `compute_loss` overridden, dataset of dicts.

Everything that reports, saves, evaluates or filters is off. `remove_unused_columns=False`, because
Trainer would drop `labels`, which the plain module's `forward` does not name.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.utils.data import Sampler
from transformers import PrinterCallback, Trainer, TrainingArguments

from trainloops import zero
from trainloops.contract import Batch, Job, Parts
from trainloops.runners import compat
from trainloops.sharding import layers


class PlainModuleTrainer(Trainer):
    """The article's Trainer: the loss is computed here, and the order of samples is ours."""

    def __init__(self, *, parts: Parts, **kwargs: Any) -> None:
        self.parts = parts
        super().__init__(**kwargs)
        # Trainer's documentation asks for it where `compute_loss` does not use `num_items_in_batch`.
        self.model_accepts_loss_kwargs = False

    def compute_loss(self, model: nn.Module, inputs: Batch, **_: Any) -> torch.Tensor:
        """Return the mean loss over one batch.

        `**_` takes what is not needed here: `return_outputs`, and `num_items_in_batch`, which came with 4.46.
        """
        return self.parts.loss(model, inputs)

    def _get_train_sampler(self, *_: Any) -> Sampler[int]:
        # Trainer's own loader path, with our order; 4.52 began to pass the dataset here.
        return self.parts.sampler


class ShardedTrainer(PlainModuleTrainer):
    """The same under FSDP and DeepSpeed, where Trainer takes no `optimizers`, or leaves them aside."""

    def create_optimizer(self, *_: Any) -> torch.optim.Optimizer:
        """The optimizer that every runner uses."""
        self.optimizer = self.parts.optimizer
        return self.parts.optimizer


def _fsdp(model: nn.Module) -> dict[str, Any]:
    names = sorted({type(layer).__name__ for layer in layers(model)})
    by_class = {"auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "transformer_layer_cls_to_wrap": names}
    return {"fsdp": True, "fsdp_config": {"version": 2, **(by_class if names else {"auto_wrap_policy": "NO_WRAP"})}}


def train(job: Job, parts: Parts) -> None:
    """Train `parts.model` as `job` says."""
    with compat.accelerate_0_18_exact_float32() if job.compile else nullcontext():
        arguments = TrainingArguments(
            output_dir=job.output_dir,
            num_train_epochs=job.epochs,
            per_device_train_batch_size=job.batch_size,
            gradient_accumulation_steps=job.grad_accumulation,
            max_grad_norm=job.grad_clip or 0.0,
            bf16=job.precision == "bf16",
            fp16=job.precision == "fp16",
            use_cpu=not job.on_accelerator,
            torch_compile=job.compile,
            ddp_find_unused_parameters=False,  # which Trainer would look for in a plain module
            **(_fsdp(parts.model) if job.strategy == "fsdp" else {}),
            **({"deepspeed": zero.settings(job, parts.model)} if job.strategy == "deepspeed" else {}),
            seed=job.seed,
            lr_scheduler_type="constant",
            dataloader_num_workers=parts.loader["num_workers"],
            dataloader_pin_memory=parts.loader["pin_memory"],
            dataloader_drop_last=parts.loader["drop_last"],
            remove_unused_columns=False,
            logging_nan_inf_filter=False,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            **compat.transformers_4_41_non_blocking(job),
        )
        is_sharded = job.strategy != "ddp"
        trainer = (ShardedTrainer if is_sharded else PlainModuleTrainer)(
            parts=compat.transformers_4_46_averaged(job, parts),
            model=parts.model,
            args=arguments,
            train_dataset=parts.dataset,
            data_collator=parts.loader["collate_fn"],
            optimizers=(None if is_sharded else parts.optimizer, None),
        )
    trainer.remove_callback(PrinterCallback)  # `disable_tqdm` puts it there
    trainer.train()
