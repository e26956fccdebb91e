"""What scripts train with, setting by setting, and which settings of two differ."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from bench.analyse.cells.differences import Difference, Pair, listed
from bench.records.schema import ScriptFingerprint, ScriptOptimizer, ScriptParameter

IMPLEMENTATION = ("foreach", "fused", "capturable", "differentiable")
"""Settings of an optimizer that choose how it computes, and not what."""
OFF = "off"


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Something that a fingerprint tells in a word."""

    noun: str
    value: Callable[[ScriptFingerprint], str]
    changes_rounding_only: bool = False


def _parameters(parameters: Iterable[ScriptParameter]) -> str:
    known = list(parameters)
    return f"{sum(parameter.numbers for parameter in known):,} in {len(known)} tensors"


def _dtypes(script: ScriptFingerprint) -> str:
    return listed(sorted({parameter.dtype for parameter in script.trainable}))


def _clipping(script: ScriptFingerprint) -> str:
    # One with an infinite limit only asks for the norm, as the Trainer's that is told not to clip.
    limits = (clip for step in script.steps for clip in step.clips if math.isfinite(clip.limit))
    return listed(f"{clip.kind} {clip.limit:g}" for clip in limits)


def _loaders(name: str) -> Callable[[ScriptFingerprint], str]:
    return lambda script: listed(getattr(loader, name) for loader in script.loaders)


TRAINABLE = Setting(noun="trainable parameters", value=lambda script: _parameters(script.trainable))
DTYPE = Setting(noun="dtype of trainable parameters", value=_dtypes)
DATASET = Setting(
    noun="samples of the dataset",
    value=lambda script: listed((f"{loader.samples:,}" for loader in script.loaders if loader.samples), "unknown"),
)
ACCUMULATION = Setting(
    noun="gradient accumulation (backward passes per step)",
    value=lambda script: listed(len(step.losses) for step in script.steps),
    changes_rounding_only=True,
)
CLIPPING = Setting(noun="gradient clipping", value=_clipping)
LOSS_SCALE = Setting(
    noun="loss scale of the GradScaler",
    value=lambda script: listed((f"{step.loss_scale:g}" for step in script.steps if step.loss_scale), OFF),
    changes_rounding_only=True,
)
SKIPPED = Setting(
    noun="updates that the GradScaler skipped", value=lambda script: str(sum(step.skipped for step in script.steps))
)
AUTOCAST = Setting(noun="autocast", value=lambda script: listed(script.autocast, OFF))
DROPOUT = Setting(
    noun="dropout", value=lambda script: listed((p for model in script.models for p in model.dropout), OFF)
)
HOW_IT_COMPUTES = (
    Setting(
        noun="attention",
        value=lambda script: listed(model.attention for model in script.models if model.attention),
        changes_rounding_only=True,
    ),
    Setting(
        noun="gradient checkpointing",
        value=lambda script: "on" if script.recomputes else OFF,
        changes_rounding_only=True,
    ),
    Setting(noun="torch.compile", value=lambda script: "on" if script.compiled else OFF, changes_rounding_only=True),
)
MODEL = Setting(
    noun="model", value=lambda script: listed(model.name for model in script.models), changes_rounding_only=True
)
LOADING = (
    Setting(noun="batch size of the loader", value=_loaders("batch_size")),
    Setting(noun="workers of the loader", value=_loaders("workers")),
    Setting(noun="shuffling by the loader", value=_loaders("shuffle")),
    Setting(noun="drop_last of the loader", value=_loaders("drop_last")),
    Setting(noun="pin_memory of the loader", value=_loaders("pin_memory")),
)


def differing(pair: Pair, settings: Iterable[Setting]) -> Iterator[Difference]:
    """Those of the settings that differ."""
    for setting in settings:
        one, two = map(setting.value, pair.both)
        if one != two:
            sentence = pair.describe(setting.noun, one, two)
            yield Difference(sentence=sentence, changes_rounding_only=setting.changes_rounding_only)


def optimizers(pair: Pair) -> Iterator[Difference]:
    """Other classes; or of the same classes, the settings that are other for some parameters."""
    names = [listed_all(script.optimizers) for script in pair.both]
    if names[0] != names[1]:
        yield Difference(sentence=pair.describe("optimizer", *names))
        return
    for one, two in zip(pair.baseline.optimizers, pair.other.optimizers, strict=True):
        yield from _groups(pair, one, two)


def listed_all(optimizers: Iterable[ScriptOptimizer]) -> str:
    """The classes of optimizers, one as often as it is there."""
    return " and ".join(optimizer.name for optimizer in optimizers) or "none"


def _groups(pair: Pair, one: ScriptOptimizer, two: ScriptOptimizer) -> Iterator[Difference]:
    keys = [list(dict.fromkeys(key for group in side.groups for key in group.settings)) for side in (one, two)]
    # A setting that only one of two releases of torch knows is no difference of the scripts.
    for key in (key for key in keys[0] if key in keys[1]):
        values = _by_value(one, key), _by_value(two, key)
        # Where one trains fewer parameters, which is told apart, it may only have other values.
        are_as_many = values[0].total() == values[1].total()
        if values[0] != values[1] if are_as_many else values[0].keys() != values[1].keys():
            sentence = pair.describe(f"{key} of {one.name}", *map(_values, values))
            yield Difference(sentence=sentence, changes_rounding_only=key in IMPLEMENTATION)


def _by_value(optimizer: ScriptOptimizer, key: str) -> Counter[str]:
    """How many parameters have which value: loops cut the same parameters into groups of their own."""
    numbers: Counter[str] = Counter()
    for group in optimizer.groups:
        value = group.settings.get(key)
        # `weight_decay=0` is what `weight_decay=0.0` is.
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        numbers[f"{value:g}" if is_number else str(value)] += group.numbers
    return numbers


def _values(numbers: Counter[str]) -> str:
    if len(numbers) == 1:
        return next(iter(numbers))
    return " and ".join(f"{value} for {count:,} of the parameters" for value, count in numbers.items())
