"""Rows for options that are arguments of a Hugging Face `Trainer`: read, written and changed in its `args`."""

from __future__ import annotations

from enum import Enum
from functools import partial
from typing import Any

from bench.measure.switches.switch import Every, Switch, Training, plain, written

OFF: tuple[Any, ...] = (None, False, 0, "no", "", [])


def argument(name: str, *arguments: str, off: Any, **about: Any) -> Switch:
    """An option that is on where the first of these arguments that the release has is; `off` is what it becomes."""

    def on(training: Training) -> bool:
        return plain(getattr(training.trainer.args, known(training, arguments))) not in OFF

    def setting(training: Training) -> str:
        return written(training.trainer.args, known(training, arguments))

    def turn_off(training: Training) -> None:
        put(training, known(training, arguments), off)

    def written_off(training: Training) -> str:
        return f"{known(training, arguments)}={off!r}"

    usual: dict[str, Any] = {"on": on, "setting": setting, "turn_off": turn_off, "off": written_off}
    return Switch(name=name, **usual | about)


def known(training: Training, arguments: tuple[str, ...]) -> str:
    """What the installed release calls an argument: the first of these that it has."""
    return next((name for name in arguments if hasattr(training.trainer.args, name)), arguments[0])


def put(training: Training, name: str, value: Any) -> None:
    """Give an argument another value, of its own kind; some releases freeze what is set."""
    before = getattr(training.trainer.args, name, None)
    object.__setattr__(training.trainer.args, name, type(before)(value) if isinstance(before, Enum) else value)


def strategy(name: str, *strategies: str, steps: str, event: str) -> Switch:
    """Something that happens every so many steps, or every epoch."""

    def setting(training: Training) -> str:
        args, chosen = training.trainer.args, known(training, strategies)
        return written(args, chosen, steps) if plain(getattr(args, chosen)) == "steps" else written(args, chosen)

    return argument(
        name,
        *strategies,
        off="no",
        setting=setting,
        event=event,
        every=partial(every, strategies=strategies, steps=steps),
    )


def every(training: Training, strategies: tuple[str, ...], steps: str) -> Every:
    """Optimizer steps from one time to the next that something happens, which one of these arguments decides."""
    chosen = plain(getattr(training.trainer.args, known(training, strategies)))
    if chosen == "steps":
        return steps_between(training, steps)
    return _steps_of_epoch(training) if chosen == "epoch" else None


def steps_between(training: Training, name: str) -> int | None:
    """How many; a part of the whole training is what the trainer's state makes of it, and one is no event."""
    given = getattr(training.trainer.args, name)
    steps = given if isinstance(given, int) else getattr(training.trainer.state, name, None)
    return steps if isinstance(steps, int) and steps > 1 else None


def _steps_of_epoch(training: Training) -> int | None:
    """Optimizer steps of an epoch; None where its loader has no length, or releases differ in what the rest is."""
    batches = len(training.trainer.callback_handler.train_dataloader)
    steps, rest = divmod(batches, training.trainer.args.gradient_accumulation_steps)
    return steps if steps > 1 and not rest else None


def attribute(name: str, of_trainer: str, argument_name: str, **about: Any) -> Switch:
    """An option that the trainer has made an attribute of, from an argument."""
    return Switch(
        name=name,
        on=lambda training: getattr(training.trainer, of_trainer) is not None,
        setting=lambda training: written(training.trainer.args, argument_name),
        turn_off=lambda training: setattr(training.trainer, of_trainer, None),
        **about,
    )
