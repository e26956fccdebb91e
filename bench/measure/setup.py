"""How a loop has set itself up: what its own objects say at the first optimizer step, whatever it was told.

The optimizer is torch's to tell; the rest is in the objects that the loop's function holds while it trains: a trainer,
an accelerator, a bar, a loader. They are told by their class and asked for what their users can ask them, so that no
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
    for each in held:
        kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(each).__mro__}
        for kind in kinds & READERS.keys():
            facts |= {name: value for name, value in READERS[kind](each).items() if value}
    return facts


def _of_optimizer(optimizer: Optimizer) -> Facts:
    first = optimizer.param_groups[0]
    how = [name for name in IMPLEMENTATIONS if first.get(name)]
    dtypes = {str(each.dtype).removeprefix("torch.") for group in optimizer.param_groups for each in group["params"]}
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


def _of_hf_trainer(trainer: Any) -> Facts:
    given = trainer.args
    return {
        "schedule": str(getattr(given.lr_scheduler_type, "value", given.lr_scheduler_type)),
        "clipping": f"norm {given.max_grad_norm:g}" if given.max_grad_norm else "",
        "log lines": _how_often(given.logging_strategy, given.logging_steps),
        "NaN filter of logs": "on" if given.logging_nan_inf_filter else "",
        "checkpoints": _how_often(given.save_strategy, given.save_steps),
        "trackers": ", ".join(given.report_to),
        "callbacks": _names(trainer.callback_handler.callbacks),
        **_of_accelerator(trainer.accelerator),
        **_of_loader(trainer.callback_handler.train_dataloader),
    }


def _how_often(strategy: Any, steps: float) -> str:
    name = str(getattr(strategy, "value", strategy))
    return {"no": "", "steps": f"every {steps:g} steps"}.get(name, f"every {name}")


def _of_lightning(trainer: Any) -> Facts:
    clip = trainer.gradient_clip_val
    loggers = _names(trainer.loggers)
    return {
        "schedule": _names(lr_scheduler_config.scheduler for lr_scheduler_config in trainer.lr_scheduler_configs),
        "clipping": f"{trainer.gradient_clip_algorithm or 'norm'} {clip:g}" if clip else "",
        "log lines": f"{loggers}, every {trainer.log_every_n_steps} steps" if loggers else "",
        "checkpoints": _names(trainer.checkpoint_callbacks),
        "callbacks": _names(trainer.callbacks),
        "precision": str(trainer.precision),
        **_of_loader(trainer.train_dataloader),
    }


def _of_accelerator(accelerator: Any) -> Facts:
    return {
        "precision": f"mixed precision: {accelerator.mixed_precision}",
        "trackers": ", ".join(tracker.name for tracker in accelerator.trackers),
    }


def _of_fabric(fabric: Any) -> Facts:
    return {"precision": str(fabric.strategy.precision.precision), "trackers": _names(fabric.loggers)}


def _of_loader(loader: Any) -> Facts:
    on = [name for name in ("pin_memory", "persistent_workers") if getattr(loader, name, False)]
    on += ["drop_last"] if getattr(loader.batch_sampler, "drop_last", False) else []
    workers = loader.num_workers
    return {"loader": ", ".join([*on, *([f"{workers} workers"] if workers else [])])}


def _names(things: Iterable[Any]) -> str:
    return ", ".join(type(each).__name__ for each in things)


READERS: dict[str, Callable[[Any], Facts]] = {
    "transformers.Trainer": _of_hf_trainer,
    "pytorch_lightning.Trainer": _of_lightning,
    "accelerate.Accelerator": _of_accelerator,
    "lightning_fabric.Fabric": _of_fabric,
    "lightning_fabric._FabricDataLoader": _of_loader,
    "torch.DataLoader": _of_loader,
    "torch.LRScheduler": lambda schedule: {"schedule": type(schedule).__name__},
    "tqdm.tqdm": lambda bar: {"progress bar": type(bar).__name__},
}
"""Who tells what an object of a class says, by the package that the class is of and its name."""
