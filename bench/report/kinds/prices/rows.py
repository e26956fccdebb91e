"""The rows of a price list, as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records.cells import SCRIPT
from bench.records.metrics import had_by, metric, metrics_of
from bench.report.document import metrics, numbers
from bench.report.document.columns import NO_DIFFERENCE, NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.metric import Metric
    from bench.records.schema import Comparison, Estimate, Price, Summary

COUNTED = metrics_of("python_calls", "c_calls", "ops", "syncs", "kernels", "device_syncs", "tensor_bytes")
SETTINGS = ("switched on by", "switched off by")
COSTS = ("µs/step", "of the step")
TERMINAL = "terminal B"
VARIES = "varies"


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceList:
    """The options of one runner in one comparison, the most expensive first."""

    comparison: Comparison
    runner: str
    step_us: Estimate | None
    """Without any option."""
    prices: tuple[Price, ...]
    """Of those that have one."""
    missing: tuple[Price, ...]
    counters: tuple[Metric, ...]
    """Those that there are on any device of the run, so that all of its lists have the same columns."""
    asked_blocks: int

    @property
    def is_script(self) -> bool:
        """Whether its options are on in a script, and switched off."""
        return self.comparison.workload == SCRIPT

    @property
    def names(self) -> dict[str, str]:
        """What tells it from the others, by header."""
        return ({} if self.is_script else {"batch": f"{self.comparison.batch_size:,}"}) | {"runner": self.runner}

    @property
    def per_step(self) -> tuple[str, ...]:
        """The headers of `per_step`."""
        return ("option", *COSTS, *headers(self.counters), *(() if self.is_script else (TERMINAL,)))

    @property
    def switches(self) -> tuple[str, ...]:
        """The headers of `switch`."""
        return ("option", *(SETTINGS if self.is_script else SETTINGS[:1]))

    @property
    def per_event(self) -> tuple[str, ...]:
        """The headers of `per_event`."""
        more = ("per step",) if self.is_script else headers(self.counters)
        return ("option", "what happens", "time", *more)

    @property
    def events(self) -> list[Price]:
        """Those whose events were timed or counted, the most expensive first."""
        known = [price for price in self.prices if price.event_us is not None or price.event_more]
        return sorted(known, key=lambda other: -(other.event_us.value if other.event_us else 0.0))


def counters_of(summary: Summary) -> tuple[Metric, ...]:
    """What steps and events are counted by, on any device of the run."""
    return had_by(summary.run.settings.comparisons, COUNTED)


def headers(counters: Sequence[Metric]) -> tuple[str, ...]:
    """What stands over their columns."""
    return tuple(counter.header for counter in counters)


def lists(summary: Summary) -> list[PriceList]:
    """The price list of each runner in each comparison, in the order of the plan."""
    settings = summary.run.settings
    without = {(row.cell.comparison, row.runner): row.step_time_us for row in summary.cells if row.option is None}
    price_lists = []
    for comparison in settings.comparisons:
        for runner in settings.runners:
            own = [p for p in summary.prices if (p.cell.comparison, p.cell.runner) == (comparison, runner)]
            price_lists.append(
                PriceList(
                    comparison=comparison,
                    runner=runner,
                    step_us=without.get((comparison, runner)),
                    prices=tuple(sorted(filter(has_price, own), key=_expensive_first)),
                    missing=tuple(price for price in own if not has_price(price)),
                    counters=counters_of(summary),
                    asked_blocks=settings.blocks,
                )
            )
    return price_lists


def has_price(price: Price) -> bool:
    """Whether the option was measured, or counted where nothing was to be timed."""
    return price.step_us is not None or price.reason is None


def is_known(price: Price) -> bool:
    """Whether it has an interval: a figure without one may be nothing but noise."""
    return price.step_us is not None and price.step_us.low is not None


def _expensive_first(price: Price) -> tuple[bool, bool, float, int]:
    us = 0.0 if price.step_us is None else price.step_us.value
    calls = 0 if "python_calls" in price.inexact else price.more.get("python_calls", 0)
    return price.step_us is not None and not is_known(price), price.is_noise, -us, -calls


def per_step(price: Price, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What an option costs every step, under `PriceList.per_step`."""
    written = () if price.cell.workload == SCRIPT else (_bytes(price),)
    return price.cell.option or "", step_time(price), share(price), *step_counts(price, counters), *written


def switch(price: Price) -> tuple[str, ...]:
    """How an option is on, and how a script's was switched off, under `PriceList.switches`."""
    return price.cell.option or "", price.setting, *((price.off or "",) if price.cell.workload == SCRIPT else ())


def per_event(price: Price, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What happens now and then because of an option, and what that costs, under `PriceList.per_event`."""
    if price.cell.workload == SCRIPT:
        return price.cell.option or "", happens(price), event_time(price), spread_out(price)
    return price.cell.option or "", happens(price), event_time(price), *event_counts(price, counters)


def steps_between(price: Price) -> int | None:
    """Steps from one event of an option to the next; None where it has none while it trains, or that is unknown."""
    return price.every if price.event is not None and isinstance(price.every, int) else None


def spread_out(price: Price) -> str:
    """What the events of a script's option come to per step: `129 µs`."""
    us = price.events_us_per_step
    return NOTHING if us is None else f"{numbers.number(us)} µs"


def happens(price: Price) -> str:
    """`checkpoint, here every 5 steps`."""
    when = {"epoch": "every epoch", "start": "once at the start"}
    return f"{price.event}, {when.get(str(price.every), f'here every {price.every} steps')}"


def step_time(price: Price) -> str:
    """`+152 [148, 157]`, or that it cost nothing measurable."""
    if price.step_us is None:
        return NOTHING
    return NO_DIFFERENCE if price.is_noise else numbers.estimate(price.step_us, sign="+")


def share(price: Price) -> str:
    """`+11.2 %`; of what is noise, between which bounds."""
    of_step = price.share
    if of_step is None:
        return NOTHING
    if price.is_noise:
        bound = within(price)
        return f"within ±{numbers.percent_up(bound)}" if bound else NO_DIFFERENCE
    value = f"{numbers.signed(100 * of_step.value, -1 if abs(of_step.value) < 0.0995 else 0)} %"
    return value if is_known(price) else f"{value} {numbers.TOO_FEW_BLOCKS}"


def within(price: Price) -> float | None:
    """How much of the step it costs or saves at most, as a fraction; None without an interval."""
    of_step = price.share
    if of_step is None or of_step.low is None or of_step.high is None:
        return None
    return max(abs(of_step.low), abs(of_step.high))


def event_time(price: Price) -> str:
    """`12.3 ms [11.9, 12.8]`."""
    if price.event_us is None:
        return NOTHING
    scale, unit = (1e3, "ms") if abs(price.event_us.value) >= 1e3 else (1.0, "µs")
    bounds = {name: None if us is None else us / scale for name, us in price.event_us.model_dump().items()}
    value, _, interval = numbers.estimate(price.event_us.model_copy(update=bounds)).partition(" ")
    return f"{value} {unit} {interval}"


def step_counts(price: Price, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What a step shows more, under `headers`."""
    return _more(price, price.more, counters)


def event_counts(price: Price, counters: Sequence[Metric]) -> tuple[str, ...]:
    """What an event shows more, under `headers`; nothing of one that was not counted, as at the start."""
    return _more(price, price.event_more, counters) if price.event_more else (NOTHING,) * len(counters)


def _more(price: Price, more: dict[str, int], counters: Sequence[Metric]) -> tuple[str, ...]:
    return tuple(_count(price, counter.key, more) if is_counted(price, counter) else NOTHING for counter in counters)


def is_counted(price: Price, counter: Metric) -> bool:
    """Whether both a step with the option and one without were counted by it."""
    return counter.exists_on(price.cell.device) and counter.key not in price.uncounted


def _count(price: Price, key: str, more: dict[str, int]) -> str:
    """`+12`, or `0`; a word where steps have nothing usual that could be subtracted."""
    return VARIES if key in price.inexact else difference(key, more.get(key, 0))


def difference(key: str, delta: float) -> str:
    """`+12`, or `0`, in the unit of the column."""
    return in_column(key, metrics.difference(key, delta)) if delta else "0"


def in_column(key: str, figure: str) -> str:
    """A figure under a header that has its unit."""
    return figure.removesuffix(f" {metric(key).unit.shown}")


def _bytes(price: Price) -> str:
    return NOTHING if price.terminal_bytes_per_step is None else numbers.number(price.terminal_bytes_per_step)
