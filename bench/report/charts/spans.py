"""What an axis covers, where a value lies on it in pixels, and which values to write at it.

Charts choose their own domains, so that labels can be kept apart in pixels before anything is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_TICKS = 7
DECADE = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """An axis from `low` to `high` along `size_px` pixels, counted from the low end."""

    low: float
    high: float
    size_px: float
    log: bool = False

    def pixel(self, value: float) -> float:
        """Where `value` lies, in pixels from the low end."""
        low, high, at = (self._line(each) for each in (self.low, self.high, value))
        return (at - low) / (high - low) * self.size_px

    def value(self, pixel: float) -> float:
        """The value at a pixel; also of one beyond the ends."""
        low, high = self._line(self.low), self._line(self.high)
        at = low + pixel / self.size_px * (high - low)
        return math.exp(at) if self.log else at

    def padded(self, before_px: float, after_px: float) -> Span:
        """Return the axis with room at its ends, on the same number of pixels."""
        inner = Span(low=self.low, high=self.high, size_px=self.size_px - before_px - after_px, log=self.log)
        low, high = inner.value(-before_px), inner.value(inner.size_px + after_px)
        return Span(low=low, high=high, size_px=self.size_px, log=self.log)

    def extended(self, after_px: float) -> Span:
        """Return the axis with so many more pixels at its high end, and the values that lie there."""
        high, size_px = self.value(self.size_px + after_px), self.size_px + after_px
        return Span(low=self.low, high=high, size_px=size_px, log=self.log)

    @property
    def even(self) -> bool:
        """Whether the ticks are steps of one size."""
        return not self.log or self.high / self.low < 4

    def number_format(self) -> str:
        """How d3 shall write the ticks: even steps with as many decimals as the finest needs."""
        if not self.even:
            return ",~r"
        texts = (f"{tick:.6f}".rstrip("0").partition(".")[2] for tick in self.ticks())
        return f",.{max(map(len, texts), default=0)}f"

    def ticks(self) -> list[float]:
        """Round values inside: of every decade as many as there is room for, or even steps on a short axis."""
        if self.even:
            return _steps(self.low, self.high)
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        sets = ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1, 3), (1,))
        found = ([digit * DECADE**decade for decade in decades for digit in digits] for digits in sets)
        inside = [[tick for tick in ticks if self.low <= tick <= self.high] for ticks in found]
        return next((ticks for ticks in inside if len(ticks) <= MOST_TICKS), inside[-1])

    def _line(self, value: float) -> float:
        return math.log(value) if self.log else value


def covering(values: Iterable[float], size_px: float, *, log: bool = False) -> Span:
    """Return the axis that just holds all `values`; a log axis leaves out what is not above nothing."""
    held = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = min(held, default=1.0), max(held, default=1.0)
    if low == high:
        low, high = (low / 1.5, high * 1.5) if log else (low - abs(low) / 2 - 1e-9, high + abs(high) / 2 + 1e-9)
    return Span(low=low, high=high, size_px=size_px, log=log)


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move positions as little as keeps them `gap` apart and inside `low` to `high`, in their order.

    The least squares solution, by pooling neighbours that would collide (Barlow, *Statistical Inference under
    Order Restrictions*, 1972). Where there is no room for all, they go on above `high`.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([wanted[index] - rank * gap])
        while len(pools) > 1 and _mean(pools[-2]) >= _mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    highest = max(low, high - (len(wanted) - 1) * gap)
    bases = [min(max(_mean(pool), low), highest) for pool in pools for _ in pool]
    placed = [0.0] * len(wanted)
    for rank, (index, base) in enumerate(zip(order, bases, strict=True)):
        placed[index] = base + rank * gap
    return placed


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _steps(low: float, high: float) -> list[float]:
    raw = (high - low) / (MOST_TICKS + 1)  # even steps are read faster than those of a log axis
    power = DECADE ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(index * step, 12) + 0.0 for index in range(first, last + 1)]
