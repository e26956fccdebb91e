"""One option of a trainer: what tells that it is on, and what switches it off."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

UNKNOWN = "unknown"
"""What an object of another release does not tell."""
Every = int | Literal["start"] | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What is about to train, or trains."""

    trainer: Any
    model: Any


Ask = Callable[[Training], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Switch:
    """An option that is on or off in a live trainer."""

    name: str
    on: Ask
    """What is true where it is on."""
    setting: Ask
    """How it is switched on, as a user writes it."""
    off: str | Ask
    """How it is switched off, as a user writes it; in some releases otherwise."""
    turn_off: Callable[[Training], None]
    event: str | None = None
    """What happens now and then because of it."""
    every: Callable[[Training], Every] | None = None
    """Optimizer steps from one event to the next, or that it happens at the start; None where that is unknown."""
    changes_arithmetic: bool = False

    def is_on(self, training: Training) -> bool | None:
        """Whether it is on; None where that is unknown."""
        try:
            return bool(self.on(training))
        except (AttributeError, TypeError):
            return None

    def option(self, training: Training) -> dict[str, Any] | None:
        """Its record, all but the name of the script; None where it is off."""
        is_on = self.is_on(training)
        if is_on is False:
            return None
        return {
            "name": self.name,
            "setting": UNKNOWN if is_on is None else _answer(self.setting, training, UNKNOWN),
            "off": self.off if isinstance(self.off, str) else _answer(self.off, training, UNKNOWN),
            "event": self.event,
            "every": None if self.every is None else _answer(self.every, training, None),
            "changes_arithmetic": self.changes_arithmetic,
            "missing": None if is_on else f"the installed {_package(training)} does not tell whether it is on",
        }


def _answer(ask: Ask, training: Training, otherwise: Any) -> Any:
    try:
        return ask(training)
    except (AttributeError, TypeError):
        return otherwise


def _package(training: Training) -> str:
    """Of the trainer's class, or of the one that the script has made its own of."""
    kinds = (kind for kind in type(training.trainer).__mro__ if kind.__name__ == "Trainer")
    return next((kind.__module__.partition(".")[0] for kind in kinds), "release")


def plain(value: Any) -> Any:
    """An enum's value, or those of a list; anything else as it is."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def written(owner: Any, *names: str) -> str:
    """`save_strategy='steps', save_steps=10`, where some releases have 10 as 10.0."""
    return ", ".join(f"{name}={_usual(name, plain(getattr(owner, name)))!r}" for name in names)


def _usual(name: str, value: Any) -> Any:
    return int(value) if name.endswith("_steps") and isinstance(value, float) and value.is_integer() else value


def by_class(things: Iterable[Any]) -> dict[str, list[Any]]:
    """Objects by the name of their class, in their order."""
    objects: dict[str, list[Any]] = {}
    for thing in things:
        objects.setdefault(type(thing).__name__, []).append(thing)
    return objects


def made_by(thing: Any, package: str, *modules: str) -> bool:
    """Whether its class is of one of these modules of a package."""
    module = f"{type(thing).__module__}."
    return any(module.startswith(f"{package}.{part}.") for part in modules)


def is_kind(thing: Any, name: str) -> bool:
    """Whether its class, or one that it extends, is called so."""
    return any(kind.__name__ == name for kind in type(thing).__mro__)
