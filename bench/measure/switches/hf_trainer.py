"""The options of a live Hugging Face `Trainer`, nearly all of which are in its `TrainingArguments`.

Not here, since by then they are built into what trains or are what a step trains: mixed precision, the optimizer and
its schedule, accumulation, the order of samples.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from bench.measure.switches.switch import Every, Switch, Training, by_class, is_kind, made_by, plain, written
from bench.measure.switches.training_arguments import argument, attribute, every, known, put, steps_between, strategy

NEEDED = ("DefaultFlowCallback", "ProgressCallback")
"""Callbacks that are no option, or one of their own."""
RECOMPUTED = ("activation_checkpointing", "gradient_checkpointing")
"""What newer releases call it, and older ones."""
LOG_LINE = "log line"


def _log_every(training: Training) -> Every:
    return (
        steps_between(training, "logging_steps") if plain(training.trainer.args.logging_strategy) == "steps" else None
    )


def _without_logging(training: Training) -> None:
    put(training, "logging_strategy", "no")
    put(training, "logging_first_step", value=False)


def _without_bar(training: Training) -> None:
    """As the constructor has it with `disable_tqdm=True`: log lines are printed then."""
    put(training, "disable_tqdm", value=True)
    handler = training.trainer.callback_handler
    printer = sys.modules["transformers.trainer_callback"].PrinterCallback
    others = [callback for callback in handler.callbacks if not is_kind(callback, "ProgressCallback")]
    handler.callbacks = [*others, printer()]


def _without_workers(training: Training) -> None:
    put(training, "dataloader_num_workers", 0)
    put(training, "dataloader_persistent_workers", value=False)
    put(training, "dataloader_prefetch_factor", None)


def _without_memory_metrics(training: Training) -> None:
    put(training, "skip_memory_metrics", value=True)
    training.trainer._memory_tracker.skip_memory_metrics = True  # noqa: SLF001 - made with the trainer


def _recomputes(training: Training) -> bool:
    return getattr(training.trainer.args, known(training, RECOMPUTED)) or _model_recomputes(training)


def _model_recomputes(training: Training) -> bool:
    """Whether its layers have it on, whoever has switched it on."""
    return any(getattr(training.model, f"is_{name}", False) for name in RECOMPUTED)


def _how_it_recomputes(training: Training) -> str:
    name = known(training, RECOMPUTED)
    is_argument = getattr(training.trainer.args, name)
    return written(training.trainer.args, name) if is_argument else f"model.{name}_enable()"


def _without_recomputing(training: Training) -> None:
    for name in RECOMPUTED:
        put(training, name, value=False)
    if _model_recomputes(training):
        getattr(training.model, f"{known(training, RECOMPUTED)}_disable")()


def _is_compiled(training: Training) -> bool:
    return training.trainer.args.torch_compile or hasattr(training.trainer.model_wrapped, "_orig_mod")


def _without_compilation(training: Training) -> None:
    put(training, "torch_compile", value=False)
    plugin = training.trainer.accelerator.state.dynamo_plugin
    plugin.backend = type(plugin.backend)("NO")


def _without_token_counts(training: Training) -> None:
    is_text = isinstance(training.trainer.args.include_num_input_tokens_seen, str)
    put(training, "include_num_input_tokens_seen", "no" if is_text else False)


SWITCHES = (
    argument(
        "progress-bar",
        "disable_tqdm",
        off=True,
        on=lambda training: any(is_kind(callback, "ProgressCallback") for callback in _callbacks(training)),
        turn_off=_without_bar,
    ),
    argument(
        "logging",
        "logging_strategy",
        off="no",
        setting=lambda training: written(training.trainer.args, _logging_argument(training)),
        turn_off=_without_logging,
        event=LOG_LINE,
        every=partial(every, strategies=("logging_strategy",), steps="logging_steps"),
    ),
    argument("logging-nan-filter", "logging_nan_inf_filter", off=False),
    strategy("evaluation", "eval_strategy", "evaluation_strategy", steps="eval_steps", event="evaluation"),
    strategy("checkpoint", "save_strategy", steps="save_steps", event="checkpoint"),
    argument("max-grad-norm", "max_grad_norm", off=0, changes_arithmetic=True),
    argument("workers", "dataloader_num_workers", off=0, turn_off=_without_workers),
    argument(
        "pin-memory",
        "dataloader_pin_memory",
        off=False,
        on=lambda training: training.trainer.args.dataloader_pin_memory and training.trainer.args.device.type != "cpu",
    ),
    argument(
        "gradient-checkpointing",
        *RECOMPUTED,
        off=False,
        on=_recomputes,
        setting=_how_it_recomputes,
        turn_off=_without_recomputing,
    ),
    argument(
        "torch-compile",
        "torch_compile",
        off=False,
        on=_is_compiled,
        turn_off=_without_compilation,
        changes_arithmetic=True,
    ),
    argument("empty-cache", "torch_empty_cache_steps", off=None),
    argument("input-tokens-seen", "include_num_input_tokens_seen", off="no", turn_off=_without_token_counts),
    argument(
        "memory-metrics",
        "skip_memory_metrics",
        off=True,
        on=lambda training: not training.trainer.args.skip_memory_metrics,
        turn_off=_without_memory_metrics,
    ),
    argument("debug", "debug", off=[]),
    attribute(
        "label-smoothing",
        "label_smoother",
        "label_smoothing_factor",
        off="label_smoothing_factor=0",
        changes_arithmetic=True,
    ),
    attribute(
        "neftune-noise",
        "neftune_noise_alpha",
        "neftune_noise_alpha",
        off="neftune_noise_alpha=None",
        changes_arithmetic=True,
    ),
)


def switches(training: Training) -> list[Switch]:
    """All options that such a trainer has, those of its callbacks by their classes."""
    added = [callback for callback in _callbacks(training) if not any(is_kind(callback, kind) for kind in NEEDED)]
    return [*SWITCHES, *(_of_callbacks(name, same[0]) for name, same in by_class(added).items())]


def _of_callbacks(name: str, first: Any) -> Switch:
    about: dict[str, Any] = {
        "on": lambda training: name in by_class(_callbacks(training)),
        "turn_off": partial(_without, name=name),
    }
    if made_by(first, "transformers", "integrations"):
        reporter = name.removesuffix("Callback").lower()
        about |= {"event": LOG_LINE, "every": _log_every, "setting": _always(f"report_to={reporter!r}")}
        return Switch(name=f"report-to-{reporter}", off="report_to='none'", **about)
    return Switch(name=f"callback-{name}", setting=_always(name), off=f"no {name}", **about)


def _always(text: str) -> Callable[[Training], str]:
    return lambda _: text


def _without(training: Training, *, name: str) -> None:
    handler = training.trainer.callback_handler
    handler.callbacks = [callback for callback in handler.callbacks if type(callback).__name__ != name]


def _callbacks(training: Training) -> list[Any]:
    return list(training.trainer.callback_handler.callbacks)


def _logging_argument(training: Training) -> str:
    return "logging_steps" if plain(training.trainer.args.logging_strategy) == "steps" else "logging_strategy"
