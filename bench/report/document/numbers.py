"""Figures as people read them: three significant digits, an interval never finer than it is wide."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bench.analyse.signs import MINUS

if TYPE_CHECKING:
    from bench.records.schema import Estimate

TIMES = "\N{MULTIPLICATION SIGN}"
SIGNIFICANT_DIGITS = 3
MAX_EXTRA_DIGITS = 2
RATIO_PLACE = -2
TOO_FEW_BLOCKS = "[?]"
"""Stands where an interval would stand."""


def number(value: float, place: int | None = None) -> str:
    """`value` rounded to the digit that stands for 10**place, by default to three significant digits."""
    place = _last_place(value) if place is None else place
    rounded = round(value, -place) + 0.0  # + 0.0 turns -0.0 into 0.0
    return f"{rounded:,.{max(0, -place)}f}".replace("-", MINUS)


def estimate(figure: Estimate, *, sign: str = "-", place: int | None = None, apart_from: float = 0.0) -> str:
    """`318 [312, 325]`, of the two parts that `value_and_interval` gives."""
    return " ".join(value_and_interval(figure, sign=sign, place=place, apart_from=apart_from))


def value_and_interval(
    figure: Estimate, *, sign: str = "-", place: int | None = None, apart_from: float = 0.0
) -> tuple[str, str]:
    """`318` and `[312, 325]`; with `sign="+"` also a positive value has its sign.

    As fine as `place` or three significant digits, coarser where the interval is wide, finer where
    its bounds would look equal to each other or to `apart_from`, the value that means no difference.
    """
    place = _shared_place(figure, _last_place(figure.value) if place is None else place, apart_from)
    value = signed(figure.value, place) if sign == "+" else number(figure.value, place)
    if figure.low is None or figure.high is None:
        return value, TOO_FEW_BLOCKS
    return value, f"[{number(figure.low, place)}, {number(figure.high, place)}]"


def ratio(figure: Estimate) -> str:
    """`1.88 [1.86, 1.90]`."""
    return estimate(figure, place=RATIO_PLACE, apart_from=1.0)


def signed(value: float, place: int | None = None) -> str:
    """Do as `number`, with a plus before what is more than nothing."""
    return f"{'+' if value > 0 else ''}{number(value, place)}"


def with_spread(figure: Estimate) -> str:
    """`681 ±0.9 %`: the interval's farther bound, in per cent of the value."""
    if figure.low is None or figure.high is None:
        return f"{number(figure.value)} {TOO_FEW_BLOCKS}"
    farther = max(figure.high - figure.value, figure.value - figure.low)
    return f"{number(figure.value)} ±{percent(farther / figure.value)}"


def percent(fraction: float) -> str:
    """`0.9 %`, `12 %`; never rounded to nothing."""
    value = 100 * fraction
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{number(value, 0 if abs(value) >= 9.95 else -1)} %"


def percent_up(fraction: float) -> str:
    """Do as `percent`, but round up: for what something is surely below."""
    value = 100 * fraction
    finest = 1 if value >= 9.95 else 10
    return percent(math.ceil(round(value * finest, 6)) / finest / 100)  # the inner round: 3.0000000001 is 3


def times(figure: Estimate) -> str:
    """Do as `ratio` without the interval: `1.88` and the sign for times."""
    value, _ = value_and_interval(figure, place=RATIO_PLACE, apart_from=1.0)
    return value + TIMES


def rate(per_second: float) -> str:
    """Write a throughput for running text: `94 k`, `1.21 M`, `9,410`."""
    if per_second >= 999_500:
        return f"{number(per_second / 1e6)} M"
    if per_second >= 10_000:
        return f"{number(per_second / 1e3, 0)} k"
    return number(per_second, max(0, _last_place(per_second)))


def duration(seconds: float) -> str:
    """Write a waiting time: `40 s`, `3 min 20 s`, `1 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def at_least(seconds: float) -> str:
    """Write a threshold of time with two significant digits, rounded up: `32 ms`, `1.3 s`."""
    unit, value = ("s", seconds) if seconds >= 1 else ("ms", seconds * 1e3)
    step = 10.0 ** (_exponent(value) - 1)
    up = math.ceil(round(value / step, 6)) * step  # the inner round: 32.000000001 is 32
    return f"{number(up, _exponent(up) - 1)} {unit}"


def covers(figure: Estimate, point: float) -> bool:
    """Whether the interval holds `point`: no difference that this figure can tell. False without an interval."""
    return figure.low is not None and figure.high is not None and figure.low <= point <= figure.high


def _exponent(value: float) -> int:
    return math.floor(math.log10(abs(value)))


def _last_place(value: float) -> int:
    if value == 0:
        return 0
    rounded = float(f"{value:.{SIGNIFICANT_DIGITS - 1}e}")  # 999.6 becomes 1000, which has one digit more
    return _exponent(rounded) - SIGNIFICANT_DIGITS + 1


def _shared_place(figure: Estimate, place: int, apart_from: float) -> int:
    if figure.low is None or figure.high is None or figure.low == figure.high:
        return place
    widest = max(place, _exponent((figure.high - figure.low) / 2) - 1)  # its half-width has two digits at most
    finer = (widest - extra for extra in range(MAX_EXTRA_DIGITS))
    return next((p for p in finer if _tells_apart(figure, p, apart_from)), widest - MAX_EXTRA_DIGITS)


def _tells_apart(figure: Estimate, place: int, apart_from: float) -> bool:
    low, high, same = (number(value or 0.0, place) for value in (figure.low, figure.high, apart_from))
    return low != high and (covers(figure, apart_from) or same not in (low, high))
