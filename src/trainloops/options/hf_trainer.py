"""The options of Hugging Face `Trainer`: nearly all are arguments of `TrainingArguments`.

Left out is what the recipe of a plain module has no use for: `group_by_length` and its successor
`train_sampling_strategy` sort texts by length, where the order of samples is the same for every loop here.
"""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

from trainloops.contract import Job, Parts
from trainloops.options import EVERY, HALF_BATCH, Made, Option, made, several
from trainloops.workloads import RECOMPUTE, WorkloadError

EVALUATION_BATCHES = 8


def arguments(name: str, *, trainer: Any = None, about: dict[str, Any] | None = None, **given: Any) -> Option:
    """An option of these `TrainingArguments`; `trainer` is what else `Trainer` itself is given, or its subclass."""
    passed = {"TrainingArguments": given} | ({"PlainModuleTrainer": trainer} if trainer else {})
    return Option(name=name, passed=passed, **about or {})


def _evaluated(job: Job, parts: Parts) -> Any:
    """The trainer with a dataset to evaluate; `prediction_step` as whoever has a loss of their own overrides it."""
    import torch
    from torch.utils.data import Subset

    from trainloops.runners.hf_trainer import PlainModuleTrainer

    batches = range(min(len(parts.dataset), EVALUATION_BATCHES * job.batch_size))  # type: ignore[arg-type]

    class EvaluatedTrainer(PlainModuleTrainer):
        def __init__(self, **given: Any) -> None:
            super().__init__(eval_dataset=Subset(parts.dataset, batches), **given)

        def prediction_step(self, model: Any, inputs: Any, *_: Any, **__: Any) -> tuple[Any, None, None]:
            with torch.no_grad():
                return self.compute_loss(model, self._prepare_inputs(inputs)), None, None

    return EvaluatedTrainer


def _smoothed(_: Job, parts: Parts) -> Any:
    """The trainer whose loss is that of its label smoother, which a `compute_loss` of one's own has to call itself."""
    from trainloops.runners.hf_trainer import PlainModuleTrainer

    parts.model.config = SimpleNamespace(problem_type=None)  # type: ignore[assignment]  # 5.x looks there, unasked

    class SmoothedTrainer(PlainModuleTrainer):
        def compute_loss(self, model: Any, inputs: Any, **__: Any) -> Any:
            features = next(value for name, value in inputs.items() if name != "labels")
            return self.label_smoother({"logits": model(features)}, inputs["labels"])

    return SmoothedTrainer


def _columns(_: Job, parts: Parts) -> list[str]:
    return list(parts.dataset[0])


def _counted_tokens(_: Job, parts: Parts) -> bool:
    """What is counted is the model's main input, which a plain module has to name."""
    parts.model.main_input_name = next(name for name in parts.dataset[0] if name != "labels")  # type: ignore[assignment]
    return True


def _wandb(_: Job, __: Parts) -> str:
    os.environ["WANDB_MODE"] = "offline"
    return "wandb"


def _weight_decay(_: Job, parts: Parts) -> tuple[Any, None]:
    for group in parts.optimizer.param_groups:
        group["weight_decay"] = 0.01
    return parts.optimizer, None


def _recomputed(job: Job, parts: Parts) -> bool:
    if not any(hasattr(parts.model, name) for name in RECOMPUTE):
        raise WorkloadError(f"the model of {job.workload} has no {' or '.join(RECOMPUTE)}; those of transformers have")
    return True


SAME_BATCH = Made(text="the same", make=lambda job, _: job.batch_size)
EVALUATED = Made(text="prediction_step overridden", make=_evaluated)
SMOOTHED = Made(text="compute_loss with its label_smoother", make=_smoothed)
RECOMPUTED = Made(text="True", make=_recomputed)
OWN_OPTIMIZER = {"optimizers": (None, None)}
"""Trainer makes its optimizer itself."""
EVERY_STEP: dict[str, Any] = {"logging_strategy": "steps", "logging_steps": 1}
CALLBACK = made("transformers:TrainerCallback")
LOG_LINE = {"event": "log line"}
WORKERS = {"event": "start of an epoch", "every": "epoch", "workers": 2}
CHECKPOINT, PER_EPOCH = {"event": "checkpoint"}, {"every": "epoch"}
EVALUATION = {"event": f"evaluation of {EVALUATION_BATCHES} batches"}
OLD_EVALUATION, NEW_EVALUATION = EVALUATION | {"releases": "<4.41"}, EVALUATION | {"releases": ">=4.41"}

OPTIONS = (
    arguments("logging-1", **EVERY_STEP),
    arguments("logging-10", logging_strategy="steps", logging_steps=10, about=LOG_LINE | {"every": 10}),
    arguments("logging-500", logging_strategy="steps", logging_steps=500),
    arguments("logging-epoch", logging_strategy="epoch", about=LOG_LINE | PER_EPOCH),
    arguments("logging-nan-filter", logging_nan_inf_filter=True),
    arguments("progress-bar", disable_tqdm=False),
    arguments("progress-bar-logging-1", disable_tqdm=False, **EVERY_STEP),
    arguments("tensorboard-1", report_to="tensorboard", **EVERY_STEP, about={"needs": ("tensorboard",)}),
    arguments("mlflow-1", report_to="mlflow", **EVERY_STEP, about={"needs": ("mlflow",)}),
    arguments("wandb-1", report_to=Made(text="'wandb'", make=_wandb), **EVERY_STEP, about={"needs": ("wandb",)}),
    arguments("max-grad-norm", max_grad_norm=1.0),
    arguments("weight-decay", trainer={"optimizers": Made(text="weight_decay=0.01", make=_weight_decay)}),
    arguments("schedule-linear", lr_scheduler_type="linear"),
    arguments("schedule-cosine", lr_scheduler_type="cosine"),
    arguments("warmup-steps", lr_scheduler_type="constant_with_warmup", warmup_steps=100),
    arguments("optim-adamw", optim="adamw_torch", learning_rate=1e-3, trainer=OWN_OPTIMIZER),
    arguments("optim-adamw-fused", optim="adamw_torch_fused", learning_rate=1e-3, trainer=OWN_OPTIMIZER),
    arguments("optim-sgd", optim="sgd", learning_rate=1e-3, trainer=OWN_OPTIMIZER),
    arguments("optim-adafactor", optim="adafactor", learning_rate=1e-3, trainer=OWN_OPTIMIZER),
    arguments("label-smoothing", label_smoothing_factor=0.1, trainer=SMOOTHED),
    arguments("input-tokens-seen", include_num_input_tokens_seen=Made(text="True", make=_counted_tokens)),
    arguments("remove-unused-columns", remove_unused_columns=True, label_names=Made(text="[...]", make=_columns)),
    arguments(
        "gradient-accumulation",
        gradient_accumulation_steps=2,
        per_device_train_batch_size=HALF_BATCH,
    ),
    arguments("gradient-checkpointing", gradient_checkpointing=RECOMPUTED, about={"usual": False}),
    arguments("torch-compile", torch_compile=True, about={"usual": False}),
    arguments("bf16", bf16=True),
    arguments("callbacks-1", trainer={"callbacks": [CALLBACK]}),
    arguments("callbacks-10", trainer={"callbacks": several(CALLBACK, 10)}),
    arguments("workers-2", dataloader_num_workers=2, about=WORKERS),
    arguments(
        "workers-2-persistent",
        dataloader_num_workers=2,
        dataloader_persistent_workers=True,
        about=WORKERS | {"releases": ">=4.36"},
    ),
    arguments(
        "checkpoint", save_strategy="steps", save_steps=EVERY, save_total_limit=1, about=CHECKPOINT | {"every": EVERY}
    ),
    arguments(
        "checkpoint-model-only",
        save_strategy="steps",
        save_steps=EVERY,
        save_total_limit=1,
        save_only_model=True,
        about=CHECKPOINT | {"every": EVERY, "releases": ">=4.37"},
    ),
    arguments("checkpoint-epoch", save_strategy="epoch", save_total_limit=1, about=CHECKPOINT | PER_EPOCH),
    arguments(
        "evaluation",
        eval_strategy="steps",
        per_device_eval_batch_size=SAME_BATCH,
        eval_steps=EVERY,
        trainer=EVALUATED,
        about=NEW_EVALUATION | {"every": EVERY},
    ),
    arguments(
        "evaluation",
        evaluation_strategy="steps",
        per_device_eval_batch_size=SAME_BATCH,
        eval_steps=EVERY,
        trainer=EVALUATED,
        about=OLD_EVALUATION | {"every": EVERY},
    ),
    arguments(
        "evaluation-epoch",
        eval_strategy="epoch",
        per_device_eval_batch_size=SAME_BATCH,
        trainer=EVALUATED,
        about=NEW_EVALUATION | PER_EPOCH,
    ),
    arguments(
        "evaluation-epoch",
        evaluation_strategy="epoch",
        per_device_eval_batch_size=SAME_BATCH,
        trainer=EVALUATED,
        about=OLD_EVALUATION | PER_EPOCH,
    ),
)
