"""How a loop has set itself up: what its own objects say at the first optimizer step, whatever it was given.

The optimizer is torch's to tell; the rest is in the objects that the loop's function holds while it trains: a trainer,
an accelerator, a bar, a loader. They are known by their class and asked for what their users can ask them, so that no
framework is imported here. What writes a line by itself, as `print` does, is no object, and stays unseen.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch.optim import Optimizer

from bench.measure.hooks import after_each_step

Facts = dict[str, str]
"""What is so, by what it is about; what a loop does not have is not in it."""
Ask = Callable[[Any], str]
UNKNOWN = "unknown"
"""What an object of another release does not say."""
HYPERPARAMETERS = ("lr", "betas", "momentum", "eps", "weight_decay")
IMPLEMENTATIONS = ("fused", "foreach")


@contextmanager
def reading(train: Callable[..., None]) -> Iterator[Facts]:
    """While `train` runs, fill the facts that are yielded at its first optimizer step."""
    facts: Facts = {}

    def read(optimizer: Optimizer) -> None:
        if not facts:
            held = _locals_of(train)
            facts.update(_of_optimizer(optimizer), **_of_objects(held))

    with after_each_step(read):
        yield facts


def _locals_of(train: Callable[..., None]) -> list[Any]:
    """What the function that is under way holds."""
    code, frame = getattr(train, "__code__", None), sys._getframe()  # noqa: SLF001 - the only way to a caller's objects
    while frame.f_back is not None and frame.f_code is not code:
        frame = frame.f_back
    return list(frame.f_locals.values()) if frame.f_code is code else []


def _of_objects(held: Iterable[Any]) -> Facts:
    facts: Facts = {}
    for thing in held:
        kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(thing).__mro__}
        for kind in kinds & READERS.keys():
            facts |= {name: answer for name, ask in READERS[kind].items() if (answer := _answer(ask, thing))}
    return facts


def _answer(ask: Ask, asked: Any) -> str:
    """What an object says; releases have things elsewhere, and no proof of arithmetic may fail for that."""
    try:
        return ask(asked)
    except (AttributeError, TypeError):
        return UNKNOWN


def _of_optimizer(optimizer: Optimizer) -> Facts:
    first = optimizer.param_groups[0]
    how = [name for name in IMPLEMENTATIONS if first.get(name)]
    dtypes = {
        str(parameter.dtype).removeprefix("torch.") for group in optimizer.param_groups for parameter in group["params"]
    }
    return {
        "optimizer": ", ".join([type(optimizer).__name__, *how]),
        "parameter groups": f"of {' and '.join(str(len(group['params'])) for group in optimizer.param_groups)} tensors",
        **{name: _in_all(name, optimizer.param_groups) for name in HYPERPARAMETERS if name in first},
        "dtype": ", ".join(sorted(dtypes)),
    }


def _in_all(name: str, groups: Iterable[Mapping[str, Any]]) -> str:
    """Once what is the same in all groups, else one value after the other."""
    values = [group[name] for group in groups]
    shown = [f"{float(value):g}" if isinstance(value, int | float) else str(value) for value in values]
    return shown[0] if len(set(shown)) == 1 else " and ".join(shown)


def _how_often(strategy: Any, steps: float) -> str:
    name = str(getattr(strategy, "value", strategy))
    return {"no": "", "steps": f"every {steps:g} steps"}.get(name, f"every {name}")


def _norm(largest: float | None, algorithm: str | None = None) -> str:
    return f"{algorithm or 'norm'} {largest:g}" if largest else ""


def _lightning_logs(trainer: Any) -> str:
    loggers = _names(trainer.loggers)
    return f"{loggers}, every {trainer.log_every_n_steps} steps" if loggers else ""


def _loader(loader: Any) -> str:
    on = [name for name in ("pin_memory", "persistent_workers") if getattr(loader, name, False)]
    on += ["drop_last"] if getattr(loader.batch_sampler, "drop_last", False) else []
    return ", ".join([*on, *([f"{loader.num_workers} workers"] if loader.num_workers else [])])


def _names(things: Iterable[Any]) -> str:
    return ", ".join(type(thing).__name__ for thing in things)


ACCELERATOR: dict[str, Ask] = {
    "precision": lambda accelerator: f"mixed precision: {accelerator.mixed_precision}",
    "trackers": lambda accelerator: ", ".join(tracker.name for tracker in accelerator.trackers),
}
HF_TRAINER: dict[str, Ask] = {
    "schedule": lambda trainer: str(getattr(trainer.args.lr_scheduler_type, "value", trainer.args.lr_scheduler_type)),
    "clipping": lambda trainer: _norm(trainer.args.max_grad_norm),
    "log lines": lambda trainer: _how_often(trainer.args.logging_strategy, trainer.args.logging_steps),
    "NaN filter of logs": lambda trainer: "on" if trainer.args.logging_nan_inf_filter else "",
    "checkpoints": lambda trainer: _how_often(trainer.args.save_strategy, trainer.args.save_steps),
    "callbacks": lambda trainer: _names(trainer.callback_handler.callbacks),
    "precision": lambda trainer: ACCELERATOR["precision"](trainer.accelerator),
    "trackers": lambda trainer: ", ".join(trainer.args.report_to),
    "loader": lambda trainer: _loader(trainer.callback_handler.train_dataloader),
}
LIGHTNING: dict[str, Ask] = {
    "schedule": lambda trainer: _names(config.scheduler for config in trainer.lr_scheduler_configs),
    "clipping": lambda trainer: _norm(trainer.gradient_clip_val, trainer.gradient_clip_algorithm),
    "log lines": _lightning_logs,
    "checkpoints": lambda trainer: _names(trainer.checkpoint_callbacks),
    "callbacks": lambda trainer: _names(trainer.callbacks),
    "precision": lambda trainer: str(trainer.precision),
    "loader": lambda trainer: _loader(trainer.train_dataloader),
}
READERS: dict[str, dict[str, Ask]] = {
    "transformers.Trainer": HF_TRAINER,
    "pytorch_lightning.Trainer": LIGHTNING,
    "accelerate.Accelerator": ACCELERATOR,
    "lightning_fabric.Fabric": {
        "precision": lambda fabric: str(fabric.strategy.precision.precision),
        "trackers": lambda fabric: _names(fabric.loggers),
    },
    "lightning_fabric._FabricDataLoader": {"loader": _loader},
    "torch.DataLoader": {"loader": _loader},
    "torch.LRScheduler": {"schedule": lambda schedule: type(schedule).__name__},
    "tqdm.tqdm": {"progress bar": lambda bar: type(bar).__name__},
}
"""What to ask an object of a class, by the package that the class is of and its name; "" is what it does not have."""
