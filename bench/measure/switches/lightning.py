"""The options of a live Lightning `Trainer`, and what its module logs.

Not here, since by then they are built into what trains or are what a step trains: precision, strategy, accumulation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.measure.switches.switch import Every, Switch, Training, by_class, is_kind, written

NO_PROFILER = "PassThroughProfiler"
LOG_LINE = "log line"
MAX_NAMED = 3


def attribute(name: str, *attributes: str, off: Any, **about: Any) -> Switch:
    """An option that is one of these attributes, the first that the release has; `off` is what it becomes."""

    def turn_off(training: Training) -> None:
        setattr(training.trainer, _known(training, attributes), off)

    usual: dict[str, Any] = {
        "on": lambda training: getattr(training.trainer, _known(training, attributes)),
        "setting": lambda training: written(training.trainer, _known(training, attributes)).lstrip("_"),
        "turn_off": turn_off,
        "off": f"{attributes[0].lstrip('_')}={off!r}",
    }
    return Switch(name=name, **usual | about)


def _known(training: Training, attributes: tuple[str, ...]) -> str:
    return next((attribute for attribute in attributes if hasattr(training.trainer, attribute)), attributes[0])


def _log_every(training: Training) -> Every:
    every = training.trainer.log_every_n_steps
    return every if every > 1 else None


def _epoch(training: Training) -> int | None:
    """Optimizer steps of an epoch; None where its loader does not tell."""
    batches, together = training.trainer.num_training_batches, training.trainer.accumulate_grad_batches
    return -(-int(batches) // together) if batches != float("inf") and batches > 1 else None


def _validates_every(training: Training) -> Every:
    trainer, epoch = training.trainer, _epoch(training)
    batches = trainer.val_check_batch
    if epoch is None or batches == float("inf"):
        return None
    if batches == trainer.num_training_batches:
        return epoch * (trainer.check_val_every_n_epoch or 1)
    return int(batches) if trainer.accumulate_grad_batches == 1 and batches > 1 else None


def _saves_every(training: Training) -> Every:
    """Of the first checkpoint callback; where it says nothing of steps, as often as it validates, or an epoch ends."""
    (first, *_) = [callback for callback in training.trainer.callbacks if is_kind(callback, "Checkpoint")]
    steps = first._every_n_train_steps  # noqa: SLF001 - nothing else tells
    if steps > 1:
        return int(steps)
    return None if steps == 1 else (_validates_every if training.trainer.enable_validation else _epoch)(training)


def _without_logging(training: Training) -> None:
    training.trainer.log_every_n_steps = sys.maxsize  # of 0 some releases take the remainder


def _without_module_logs(training: Training) -> None:
    for name in ("log", "log_dict"):
        setattr(training.model, name, lambda *_, **__: None)


def _without_profiler(training: Training) -> None:
    package = next(kind.__module__ for kind in type(training.trainer).__mro__ if kind.__name__ == "Trainer")
    top = package.removesuffix(".trainer.trainer")
    modules = (sys.modules.get(f"{top}.{name}") for name in ("profilers", "profiler"))
    training.trainer.profiler = next(getattr(module, NO_PROFILER) for module in modules if module is not None)()


SWITCHES = (
    Switch(
        name="self-log",
        on=lambda training: training.trainer.callback_metrics,
        setting=lambda training: f"self.log of {', '.join(sorted(training.trainer.callback_metrics)[:MAX_NAMED])}",
        off="no self.log",
        turn_off=_without_module_logs,
    ),
    Switch(
        name="logging",
        on=lambda training: training.trainer.loggers and 0 < training.trainer.log_every_n_steps < sys.maxsize,
        setting=lambda training: written(training.trainer, "log_every_n_steps"),
        off="log_every_n_steps=0",
        turn_off=_without_logging,
        event=LOG_LINE,
        every=_log_every,
    ),
    attribute("gradient-clip", "gradient_clip_val", off=None, changes_arithmetic=True),
    attribute("detect-anomaly", "_detect_anomaly", "detect_anomaly", off=False),
    Switch(
        name="profiler",
        on=lambda training: not is_kind(training.trainer.profiler, NO_PROFILER),
        setting=lambda training: f"profiler={type(training.trainer.profiler).__name__}",
        off="profiler=None",
        turn_off=_without_profiler,
    ),
    attribute(
        "sanity-check",
        "num_sanity_val_steps",
        off=0,
        on=lambda training: training.trainer.num_sanity_val_steps and training.trainer.enable_validation,
        event="sanity check",
        every=lambda _: "start",
    ),
    attribute(
        "validation",
        "limit_val_batches",
        off=0,
        on=lambda training: training.trainer.enable_validation,
        event="validation",
        every=_validates_every,
    ),
)
OF_A_KIND: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("ProgressBar", "progress-bar", "enable_progress_bar=False", {}),
    (
        "ModelSummary",
        "model-summary",
        "enable_model_summary=False",
        {"event": "model summary", "every": lambda _: "start"},
    ),
    ("Checkpoint", "checkpoint", "enable_checkpointing=False", {"event": "checkpoint", "every": _saves_every}),
)
"""Callbacks, by a class that they are of, which a user switches off by an argument of its own."""


def switches(training: Training) -> list[Switch]:
    """All options that such a trainer has, those of its callbacks and loggers by their classes."""
    kinds = [kind for kind, *_ in OF_A_KIND]
    others = [callback for callback in training.trainer.callbacks if not any(is_kind(callback, kind) for kind in kinds)]
    loggers = list(getattr(training.trainer, "loggers", []))
    return [
        *(_of_a_kind(*row) for row in OF_A_KIND),
        *SWITCHES,
        *(_of_loggers(name) for name in by_class(loggers)),
        *(_of_callbacks(name) for name in by_class(others)),
    ]


def _of_a_kind(kind: str, name: str, off: str, about: dict[str, Any]) -> Switch:
    def has(training: Training) -> list[str]:
        return [type(callback).__name__ for callback in training.trainer.callbacks if is_kind(callback, kind)]

    return Switch(
        name=name,
        on=has,
        setting=lambda training: ", ".join(has(training)),
        off=off,
        turn_off=partial(_without, chosen=lambda each: is_kind(each, kind)),
        **about,
    )


def _of_callbacks(name: str) -> Switch:
    return Switch(
        name=f"callback-{name}",
        on=lambda training: name in by_class(training.trainer.callbacks),
        setting=lambda _: name,
        off=f"no {name}",
        turn_off=partial(_without, chosen=lambda each: type(each).__name__ == name),
    )


def _of_loggers(name: str) -> Switch:
    def turn_off(training: Training) -> None:
        training.trainer.loggers = [logger for logger in training.trainer.loggers if type(logger).__name__ != name]

    return Switch(
        name=f"logger-{name}",
        on=lambda training: name in by_class(training.trainer.loggers),
        setting=lambda _: f"logger={name}",
        off=f"no {name}",
        turn_off=turn_off,
        event=LOG_LINE,
        every=_log_every,
    )


def _without(training: Training, *, chosen: Callable[[Any], bool]) -> None:
    training.trainer.callbacks = [callback for callback in training.trainer.callbacks if not chosen(callback)]
