"""The options of PyTorch Lightning's `Trainer`, and of what a module does in its steps."""

from __future__ import annotations

from typing import Any

from trainloops.contract import Job, Parts
from trainloops.options import EVERY, HALF_BATCH, OUTPUT, Made, Option, made, several

EVALUATION_BATCHES = 8


def trainer(name: str, *, module: Made | None = None, about: dict[str, Any] | None = None, **given: Any) -> Option:
    """An option of these arguments of `pl.Trainer`, with another module where one is named."""
    passed: dict[str, Any] = {"pl.Trainer": given} | ({"LitModel": module} if module else {})
    return Option(name=name, passed=passed, **about or {})


def logs(**given: Any) -> Made:
    """The module that logs its loss with `self.log` and these arguments."""
    arguments = "".join(f", {name}={value!r}" for name, value in given.items())

    def make(_: Job, __: Parts) -> Any:
        from trainloops.runners.lightning import LitModel

        class LoggingModel(LitModel):
            def training_step(self, batch: Any) -> Any:
                loss = self.parts.loss(self.model, batch)
                self.log("loss", loss, **given)
                return loss

        return LoggingModel

    return Made(text=f'self.log("loss", loss{arguments})', make=make)


def _validated(_: Job, __: Parts) -> Any:
    """The module with batches to validate on."""
    import torch
    from torch.utils.data import DataLoader, Subset

    from trainloops.runners.lightning import LitModel

    class ValidatedModel(LitModel):
        def validation_step(self, batch: Any) -> None:
            self.log("val_loss", self.parts.loss(self.model, batch))

        def val_dataloader(self) -> DataLoader[Any]:
            loader = self.parts.loader
            rows = range(min(len(self.parts.dataset), EVALUATION_BATCHES * loader["batch_size"]))  # type: ignore[arg-type]
            batches = torch.utils.data.BatchSampler(rows, loader["batch_size"], drop_last=True)
            data = Subset(self.parts.dataset, rows)
            return DataLoader(data, batch_sampler=batches, collate_fn=loader["collate_fn"])

    return ValidatedModel


VALIDATED = Made(text="validation_step", make=_validated)
CALLBACKS = "pytorch_lightning.callbacks"
BAR: dict[str, Any] = {"enable_progress_bar": True, "callbacks": [made(f"{CALLBACKS}:TQDMProgressBar")]}
CSV_LOGGER = made("pytorch_lightning.loggers:CSVLogger", save_dir=OUTPUT)
TENSORBOARD_LOGGER = made("pytorch_lightning.loggers:TensorBoardLogger", save_dir=OUTPUT)
CALLBACK = made(f"{CALLBACKS}:Callback")
CHECKPOINT, PER_EPOCH, AT_START = {"event": "checkpoint"}, {"every": "epoch"}, {"every": "start"}
EVALUATION = {"event": f"validation of {EVALUATION_BATCHES} batches"}


def _checkpoint(**when: Any) -> dict[str, Any]:
    saved = made(f"{CALLBACKS}:ModelCheckpoint", dirpath=OUTPUT, **when)
    return {"enable_checkpointing": True, "callbacks": [saved]}


OPTIONS = (
    trainer("progress-bar", **BAR),
    trainer(
        "progress-bar-rich",
        enable_progress_bar=True,
        callbacks=[made(f"{CALLBACKS}:RichProgressBar")],
        about={"needs": ("rich",)},
    ),
    trainer("log-on-step", module=logs()),
    trainer("log-on-epoch", module=logs(on_step=False, on_epoch=True)),
    trainer("log-on-step-and-epoch", module=logs(on_step=True, on_epoch=True)),
    trainer("log-on-bar", **BAR, module=logs(prog_bar=True)),
    trainer("csv-logger", logger=CSV_LOGGER, module=logs()),
    trainer("csv-logger-1", logger=CSV_LOGGER, log_every_n_steps=1, module=logs()),
    trainer(
        "csv-logger-10",
        logger=CSV_LOGGER,
        log_every_n_steps=10,
        module=logs(),
        about={"event": "log line", "every": 10},
    ),
    trainer(
        "tensorboard-1",
        logger=TENSORBOARD_LOGGER,
        log_every_n_steps=1,
        module=logs(),
        about={"needs": ("tensorboard",)},
    ),
    trainer("gradient-clip", gradient_clip_val=1.0),
    trainer("gradient-clip-value", gradient_clip_val=1.0, gradient_clip_algorithm="value"),
    trainer("detect-anomaly", detect_anomaly=True),
    trainer("profiler-simple", profiler="simple"),
    trainer("profiler-advanced", profiler="advanced"),
    trainer("learning-rate-monitor", logger=CSV_LOGGER, callbacks=[made(f"{CALLBACKS}:LearningRateMonitor")]),
    trainer(
        "device-stats-monitor",
        logger=CSV_LOGGER,
        callbacks=[made(f"{CALLBACKS}:DeviceStatsMonitor")],
        about={"needs": ("psutil",)},
    ),
    trainer("timer", callbacks=[made(f"{CALLBACKS}:Timer")]),
    trainer("callbacks-1", callbacks=[CALLBACK]),
    trainer("callbacks-10", callbacks=several(CALLBACK, 10)),
    trainer("bf16-mixed", precision="bf16-mixed"),
    Option(
        name="accumulate-grad-batches",
        job={"grad_accumulation": 2},
        loader={"batch_size": HALF_BATCH},
        text="accumulate_grad_batches=2, half the batch",
    ),
    trainer("model-summary", enable_model_summary=True, about={"event": "model summary"} | AT_START),
    trainer(
        "sanity-check",
        num_sanity_val_steps=2,
        limit_val_batches=2,
        check_val_every_n_epoch=10**6,
        module=VALIDATED,
        about={"event": "sanity check of 2 batches"} | AT_START,
    ),
    trainer("checkpoint", **_checkpoint(every_n_train_steps=EVERY), about=CHECKPOINT | {"every": EVERY}),
    trainer("checkpoint-epoch", **_checkpoint(every_n_epochs=1), about=CHECKPOINT | PER_EPOCH),
    trainer(
        "validation",
        val_check_interval=EVERY,
        check_val_every_n_epoch=None,
        module=VALIDATED,
        about=EVALUATION | {"every": EVERY},
    ),
    trainer("validation-epoch", module=VALIDATED, about=EVALUATION | PER_EPOCH),
)
