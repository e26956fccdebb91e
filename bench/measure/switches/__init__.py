"""What a script's own trainer has switched on, and how each of it is switched off before it trains.

The script is not changed: what trains is caught at the method that every training begins with, as soon as the script
has imported its class. An option is a row in the module of its framework: what tells that it is on, how a user writes
it, and what switches it off in the live object. No framework is imported here; what an object of another release does
not tell is unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from bench.measure.imports import when_imported
from bench.measure.sites import runs_the_loop
from bench.measure.switches import hf_trainer, lightning
from bench.measure.switches.switch import Switch, Training

Switches = Callable[[Training], list[Switch]]
"""Tells the options of what trains, as it is now."""
Begun = Callable[[Training, Switches], None]
ENTRIES: dict[str, tuple[str, str, Switches]] = {
    "transformers.trainer": ("Trainer", "train", hf_trainer.switches),
    "pytorch_lightning.trainer.trainer": ("Trainer", "fit", lightning.switches),
    "lightning.pytorch.trainer.trainer": ("Trainer", "fit", lightning.switches),
}
"""By module, a class, the method by which it begins to train, and the options that its objects have."""
NO_TRAINER = "it trains with neither the Trainer of transformers nor that of Lightning, so no option is known"
NOTHING_OFF = "no Trainer began to train"


def before_training(begun: Begun) -> None:
    """From now on and for good, call `begun` with whatever begins to train, and what tells its options."""
    for module, (name, method, switches) in ENTRIES.items():
        when_imported(module, partial(_wrap, name=name, method=method, switches=switches, begun=begun))


def _wrap(module: Any, *, name: str, method: str, switches: Switches, begun: Begun) -> None:
    owner = getattr(module, name)
    train = getattr(owner, method)

    @wraps(train)
    @runs_the_loop
    def training(trainer: Any, *args: Any, **kwargs: Any) -> Any:
        model = args[0] if args and method == "fit" else kwargs.get("model", getattr(trainer, "model", None))
        begun(Training(trainer=trainer, model=model), switches)
        return train(trainer, *args, **kwargs)

    setattr(owner, method, training)


class Seen:
    """What trains, once it does, and what is on in it."""

    def __init__(self) -> None:
        self._training: tuple[Training, Switches] | None = None
        before_training(self._begun)

    def _begun(self, training: Training, switches: Switches) -> None:
        self._training = training, switches

    def options(self, steps: int) -> list[dict[str, Any]] | None:
        """Each option that is on, and those of which that is unknown, as their records have them; None of no trainer.

        What is on is asked while it trains, when all of it is made. After which steps something happens is known where
        the trainer, too, has counted so many: one that goes on with a checkpoint has not.
        """
        if self._training is None:
            return None
        training, switches = self._training
        options = [option for switch in switches(training) if (option := switch.option(training)) is not None]
        if steps - _steps_made(training) in (0, 1):
            return options
        return [option | {"every": None} if isinstance(option["every"], int) else option for option in options]


class SwitchedOff:
    """Switches one option off in whatever begins to train, before some of it can tell that it is on."""

    def __init__(self, name: str | None) -> None:
        """Without a name nothing is done, and what trains is not looked at."""
        self._name = name
        self._training: tuple[Training, Switches] | None = None
        if name is not None:
            before_training(self.begin)

    def begin(self, training: Training, switches: Switches) -> None:
        """Switch the option off in what is about to train."""
        self._training = training, switches
        for switch in switches(training):
            if switch.name == self._name:
                switch.turn_off(training)

    def why_not(self) -> str | None:
        """Why its trial is none without the option, asked while it trains; None where it is one."""
        if self._name is None:
            return None
        if self._training is None:
            return NOTHING_OFF
        training, switches = self._training
        still_on = any(switch.is_on(training) for switch in switches(training) if switch.name == self._name)
        return f"{self._name} was on all the same, after it had been switched off" if still_on else None


def _steps_made(training: Training) -> int:
    """As the trainer counts them, some before its step's hooks are called and some after."""
    counter = training.trainer if hasattr(training.trainer, "global_step") else training.trainer.state
    return int(getattr(counter, "global_step", 0))


__all__ = ["NO_TRAINER", "Seen", "Switch", "SwitchedOff", "Training", "before_training"]
