"""Two scripts side by side, and one thing that differs between them as a sentence with both values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from bench.records.schema import ScriptFingerprint, ScriptStep


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs between two scripts."""

    sentence: str
    changes_rounding_only: bool = False
    """Whether the arithmetic is the same on paper, so that results may be close all the same."""
    gives_losses: bool = False
    """Whether it gives the losses of the first step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """The fingerprints of two scripts, and what to call them."""

    baseline: ScriptFingerprint
    other: ScriptFingerprint
    names: tuple[str, str]

    @property
    def both(self) -> tuple[ScriptFingerprint, ScriptFingerprint]:
        """The two in order."""
        return self.baseline, self.other

    @property
    def steps(self) -> list[tuple[ScriptStep, ScriptStep]]:
        """Those that both made."""
        return list(zip(self.baseline.steps, self.other.steps, strict=False))

    @property
    def first_different(self) -> int | None:
        """The place of the first step of which a loss or the weights differ, from 0; NaN equals itself."""
        return next((place for place, (one, two) in enumerate(self.steps) if _results(one) != _results(two)), None)

    def describe(self, noun: str, one: object, two: object) -> str:
        """Both values of a thing."""
        return f"{noun}: {one} in {self.names[0]}, {two} in {self.names[1]}"


def _results(step: ScriptStep) -> tuple[str, str]:
    return step.parameters_sha256, repr(step.losses)


def loss(step: ScriptStep) -> float:
    """What a step minimised: the sum over its backward passes."""
    return math.fsum(step.losses)


def relative(one: float, two: float) -> float:
    """|a - b| / max(|a|, |b|)."""
    return 0.0 if one == two else abs(one - two) / max(abs(one), abs(two))


def listed(values: Iterable[object], none: str = "none") -> str:
    """Different values in their order, each once."""
    return ", ".join(dict.fromkeys(map(str, values))) or none
