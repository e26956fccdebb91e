"""What a framework can switch on besides what it needs: the options that `bench.prices` puts a price on.

An option is data: a name, what is passed to switch it on, and since when it can be. Adding one is a row in the
module of its runner, and what proves that it is on, in tests/test_options.py. Nothing is imported before a trial
needs it, so that a plan can name all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal

from packaging.specifiers import SpecifierSet

from trainloops.contract import Batch, Job, Loss, Parts, Train

MODULES = {
    "hf-trainer": "trainloops.options.hf_trainer",
    "lightning": "trainloops.options.lightning",
    "accelerate": "trainloops.options.accelerate",
    "fabric": "trainloops.options.fabric",
}
"""The runners that have options; those of the others are in their own code."""

EVERY = 7
"""Optimizer steps from one event to the next, where an option can say: often enough to be seen, no whole turn."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A value that is only made in the trial, of its job and parts."""

    text: str
    """As a user writes it."""
    make: Callable[[Job, Parts], Any]

    def __repr__(self) -> str:
        return self.text


def made(where: str, **arguments: Any) -> Made:
    """What `package.module:attribute` makes of these arguments, in which `OUTPUT` is the trial's scratch folder."""
    module, _, attribute = where.partition(":")
    text = f"{attribute}({', '.join(f'{name}={value!r}' for name, value in arguments.items())})"

    def make(job: Job, parts: Parts) -> Any:
        return getattr(import_module(module), attribute)(**_known(arguments, job, parts))

    return Made(text=text, make=make)


def several(value: Made, count: int) -> Made:
    """A list of so many such values."""
    return Made(text=f"[{value.text}] * {count}", make=lambda *given: [value.make(*given) for _ in range(count)])


OUTPUT = Made(text="...", make=lambda job, _: job.output_dir)
HALF_BATCH = Made(text="half", make=lambda job, _: max(1, job.batch_size // 2))
"""So that a step of two micro-batches trains what a step of one does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One thing that can be switched on in a runner."""

    name: str
    passed: Mapping[str, Mapping[str, Any] | Made] = field(default_factory=dict)
    """By what the runner's module calls it, arguments beyond the runner's own; or what takes its place."""
    job: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the job that are others."""
    loader: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the loader that are others."""
    loss: Callable[[Job, Parts], Loss] | None = None
    """What the loss becomes, for loops in which the user writes it."""
    text: str | None = None
    """How it is switched on, in a user's words; None where the arguments say it."""
    event: str | None = None
    """What happens now and then because of it, and has a price of its own: `checkpoint`."""
    every: int | Literal["epoch", "start"] | None = None
    """Optimizer steps from one event to the next, or where else it happens."""
    needs: tuple[str, ...] = ()
    """Packages (as pip names them) that the runner does without."""
    releases: str = ""
    """In which releases of the runner's first package it can be switched on so, as pip writes it: `>=4.41`."""
    workers: int = 0
    """Processes of its own that load data, for which it needs cores."""
    usual: bool = True
    """Whether it is in the list where nobody asks for it by name."""

    @property
    def setting(self) -> str:
        """How it is switched on, as a user writes it."""
        if self.text is not None:
            return self.text
        return ", ".join(filter(None, (_written(given) for given in self.passed.values())))


def _read(_: Job, parts: Parts) -> Loss:
    """The loss, read as a number."""

    def loss(model: Any, batch: Batch) -> Any:
        value = parts.loss(model, batch)
        value.item()
        return value

    return loss


LOSS_ITEM = Option(name="loss-item", loss=_read, text="loss.item() in every step")


def _written(given: Mapping[str, Any] | Made) -> str:
    if isinstance(given, Made):
        return given.text
    return ", ".join(f"{name}={value!r}" for name, value in given.items())


def of(runner: str) -> tuple[Option, ...]:
    """All options of a runner, in every release; a name stands twice where releases switch it on differently."""
    options: tuple[Option, ...] = import_module(MODULES[runner]).OPTIONS
    return options


def has(option: Option, version: str) -> bool:
    """Whether a release of the runner's first package has the option so."""
    return SpecifierSet(option.releases).contains(version, prereleases=True)


def find(runner: str, name: str, version: str) -> Option:
    """The option of that name as a release of the runner's first package has it; raises `KeyError`."""
    for option in of(runner):
        if option.name == name and has(option, version):
            return option
    raise KeyError(name)


def switched_on(train: Train, option: Option) -> Train:
    """The same loop with an option: what its module calls is called with more arguments, and nothing else is changed.

    So a runner's file says what is the same in every comparison, and no word of options.
    """

    def train_with_option(job: Job, parts: Parts) -> None:
        changed = replace(job, **option.job)
        parts = replace(parts, loader=parts.loader | _known(option.loader, job, parts))
        if option.loss is not None:
            parts = replace(parts, loss=option.loss(changed, parts))
        with passing(train.__module__, option, changed, parts):
            train(changed, parts)

    return train_with_option


@contextmanager
def passing(module: str, option: Option, job: Job, parts: Parts) -> Iterator[None]:
    """While inside, what `module` calls gets the option's arguments, too."""
    with ExitStack() as stack:
        for path, given in option.passed.items():
            owner, name = _owner(module, path)
            value = given.make(job, parts) if isinstance(given, Made) else _given(owner, name, given, job, parts)
            stack.callback(setattr, owner, name, getattr(owner, name))
            setattr(owner, name, value)
        yield


def _owner(module: str, path: str) -> tuple[Any, str]:
    """What has the last name of a dotted path, as the module sees it, and that name."""
    *outer, name = path.split(".")
    owner: Any = sys.modules[module]
    for part in outer:
        owner = getattr(owner, part)
    return owner, name


def _given(owner: Any, name: str, arguments: Mapping[str, Any], job: Job, parts: Parts) -> Any:
    """The class of that name, whose instances get these arguments instead of, or beyond, what they are given.

    It is a class of the same name: checkpoints pickle instances by it.
    """
    original = getattr(owner, name)
    values = _known(arguments, job, parts)

    def __init__(self: Any, **given: Any) -> None:  # noqa: N807 - the class's own
        original.__init__(self, **given | values)

    return type(name, (original,), {"__init__": __init__, "__module__": owner.__name__})


def _known(value: Any, job: Job, parts: Parts) -> Any:
    if isinstance(value, Made):
        return value.make(job, parts)
    if isinstance(value, Mapping):
        return {name: _known(each, job, parts) for name, each in value.items()}
    return [_known(item, job, parts) for item in value] if isinstance(value, list) else value
