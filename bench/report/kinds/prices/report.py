"""The report of a price list: what each option costs, per step and each time that something happens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from bench.analyse.cells.names import name
from bench.analyse.statistics.signed_rank import blocks_needed
from bench.plan.comparison_groups import cell
from bench.report.document import blocks, glossary, numbers, steadiness
from bench.report.document.blocks import Commands, Paragraph, Row, Table, Warnings, bullets, paragraphs, section
from bench.report.document.columns import NOTHING
from bench.report.document.environment import machine_and_packages
from bench.report.document.text import About, listed, plural
from bench.report.kinds.prices import rows, words
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.records.metric import Metric
    from bench.records.schema import Estimate, Price, Summary
    from bench.report.document.blocks import Document, Folded, Part
    from bench.report.kinds.prices.rows import PriceList

MAX_NAMED = 5


def document(summary: Summary, folder: str) -> Document:
    """Say everything; a price list is repeated by its command, not by its folder."""
    del folder
    return blocks.document(
        words.of(summary).title.format(listed(summary.run.settings.runners)),
        Paragraph(setting(summary), role="setting"),
        section("What each option costs", map(_list, rows.lists(summary)), answers=True),
        paragraphs(sentences.failures(summary), role="note"),
        section("Warnings", Warnings(lines=tuple(summary.warnings), counted=False)) if summary.warnings else None,
        glossary.how_to_read(
            (*words.of(summary).how_to_read, *glossary.of_device(summary.run.settings, are_differences=True))
        ),
        section("How to repeat it", Commands(summary.run.command), machine_and_packages(summary)),
    )


def _list(prices: PriceList) -> Part:
    first = prices.prices[0] if prices.prices else None
    return blocks.part(
        heading(prices),
        blocks.facets_of(first.cell) if first else {},
        Paragraph(heading(prices), strong=True, role="answer"),
        bullets([answer(prices), *arithmetic(prices), *missing(prices), *unseen(prices)], role="answer"),
        _of_steps(prices) if prices.prices else None,
        [Paragraph("What happens now and then:"), _of_events(prices)] if prices.events else None,
        _switches(prices) if prices.prices else None,
    )


def _of_steps(prices: PriceList) -> Table:
    texts = partial(rows.per_step, counters=prices.counters)
    return _table(prices.per_step, prices.prices, texts, lambda price: price.step_us, names=1)


def _of_events(prices: PriceList) -> Table:
    texts = partial(rows.per_event, counters=prices.counters)
    return _table(prices.per_event, prices.events, texts, lambda price: price.event_us, names=2)


def _switches(prices: PriceList) -> Folded | None:
    """How options are switched on and off, which is long: beside the figures it would push them out of sight."""
    title = words.of_comparison(prices.comparison).switches
    return blocks.folded(
        title, blocks.table(prices.switches, map(rows.switch, prices.prices), names=len(prices.switches))
    )


def _table(
    headers: tuple[str, ...],
    prices: Sequence[Price],
    texts: Callable[[Price], tuple[str, ...]],
    timed: Callable[[Price], Estimate | None],
    *,
    names: int,
) -> Table:
    place = headers.index("µs/step" if "µs/step" in headers else "time")
    rows_of_options = tuple(_row(texts(price), timed(price), place) for price in prices)
    return Table(headers=headers, rows=rows_of_options, names=names).filled(NOTHING)


def _row(texts: tuple[str, ...], timed: Estimate | None, place: int) -> Row:
    value = None if timed is None else timed.value
    return Row(texts=texts, values=tuple(value if column == place else None for column in range(len(texts))))


def setting(summary: Summary) -> str:
    """How it was measured."""
    settings = summary.run.settings
    plain = "the same loop without any" if settings.scripts is None else "the script as it is"
    timed = f"each option took turns with {plain} and a clone of that, in {_blocks(summary)}"
    how = timed if "timing" in settings.passes else "steps were counted, not timed"
    return steadiness.after(words.of(summary).switched.format(how), summary)


def _blocks(summary: Summary) -> str:
    """In how many blocks, of which prices that are known well enough have fewer."""
    seen = [cell.blocks for cell in summary.cells if cell.option is not None and cell.blocks]
    fewest, most = min(seen, default=0), max(seen, default=0)
    return plural(most, "block") if fewest == most else f"{fewest} to {plural(most, 'block')}"


def heading(prices: PriceList) -> str:
    """Which list it is."""
    if prices.is_script:
        return f"{prices.runner} on {prices.comparison.device}"
    return name(cell(prices.comparison, prices.runner))


def answer(prices: PriceList) -> str:
    """What a step takes without options, and which are the most expensive."""
    if prices.step_us is None:
        return f"{plural(len(prices.prices), 'option')} counted."
    plain = f"A step takes {numbers.number(prices.step_us.value)} µs {words.of_comparison(prices.comparison).step}."
    named = [line(price) for price in prices.prices if _costs(price)][:MAX_NAMED]
    most = f"Per step, the most expensive: {'; '.join(named)}." if named else None
    return " ".join(filter(None, [plain, most, _now_and_then(prices), _nothing(prices), _unknown(prices)]))


def _costs(price: Price) -> bool:
    return rows.is_known(price) and price.step_us is not None and price.step_us.value > 0 and not price.is_noise


def _now_and_then(prices: PriceList) -> str | None:
    """What events cost a script, which decides how often they come."""
    known = [p for p in prices.events if p.events_us_per_step and p.event_us and (p.event_us.low or 0.0) > 0]
    dearest = sorted(known, key=lambda price: -(price.events_us_per_step or 0.0))[:MAX_NAMED]
    named = [f"{p.cell.option} {rows.spread_out(p)} ({rows.event_time(p)} each {p.every:,} steps)" for p in dearest]
    return f"What happens now and then, spread over all steps: {'; '.join(named)}." if named else None


def _nothing(prices: PriceList) -> str | None:
    bounds = [rows.within(price) for price in prices.prices if price.is_noise and rows.is_known(price)]
    known = [bound for bound in bounds if bound is not None]
    if not known:
        return None
    within = f"known to within ±{numbers.percent_up(max(known))} of the step or better"
    where = " in a usual step" if prices.is_script else ""
    return f"{plural(len(known), 'option')} cost nothing measurable{where}, {within}."


def _unknown(prices: PriceList) -> str | None:
    """What a price without an interval lacks."""
    count = sum(price.step_us is not None and not rows.is_known(price) for price in prices.prices)
    if not count:
        return None
    come = "comes" if count == 1 else "come"
    lacks = "for which the time did not suffice (--budget gives more, --option asks for fewer)"
    if prices.asked_blocks < blocks_needed():
        lacks = f"and --blocks asked for {prices.asked_blocks}"
    return f"{plural(count, 'price')} [?] {come} last: an interval takes {blocks_needed()} blocks, {lacks}."


def line(price: Price) -> str:
    """`logging-1 +152 [148, 157] µs (+11 %)`; of a script `(+11 % of every step)`."""
    of_what = words.of_comparison(price.cell).share
    return f"{price.cell.option} {rows.step_time(price)} µs ({rows.share(price)}{of_what})"


def arithmetic(each: PriceList) -> list[str]:
    """Which options of a script are no mere overhead."""
    names = [f"{price.cell.option}" for price in each.prices if price.changes_arithmetic]
    if not names:
        return []
    verb = "changes" if len(names) == 1 else "change"
    return [f"{listed(names)} {verb} the arithmetic: without it, a step trains something else."]


def unseen(each: PriceList) -> list[str]:
    """Which events of a script are so rare that the timed steps had none."""
    return [
        f"{price.cell.option}: no {price.event} fell into the timed steps, since one comes every {every:,} steps; "
        f"--steps {2 * every} has some."
        for price in each.prices
        for every in [rows.steps_between(price)]
        if each.is_script and price.step_us is not None and price.event_us is None and every is not None
    ]


def missing(prices: PriceList) -> list[str]:
    """Which options have no price, or no counts, and why; what all of them lack is told once."""
    lines: list[str] = [About(f"{price.cell.option}", f": {price.reason}") for price in prices.missing]
    if not any(rows.is_counted(price, counter) for price in prices.prices for counter in prices.counters):
        return lines  # a list that counts nothing
    lacking: dict[tuple[str, str], list[Price]] = {}
    for price in prices.prices:
        for reason, names in _uncounted(price, prices.counters).items():
            lacking.setdefault((listed(names), reason), []).append(price)
    for (counted_by, reason), some in lacking.items():
        if len(some) == len(prices.prices) > 1:
            lines.append(f"No {counted_by} of any option, since {reason}")
        else:
            lines += [About(f"{price.cell.option}", f": no {counted_by}, since {reason}") for price in some]
    return lines


def _uncounted(price: Price, counters: Sequence[Metric]) -> dict[str, list[str]]:
    """By the reason, what it was not counted by."""
    by_reason: dict[str, list[str]] = {}
    for counter in counters:
        if counter.key in price.uncounted:
            by_reason.setdefault(price.uncounted[counter.key], []).append(counter.name)
    return by_reason


def one_line(summary: Summary) -> str:
    """What was priced, and what costs most, for a list of runs."""
    prices = [price for price_list in rows.lists(summary) for price in price_list.prices]
    shares = [(price.share.value, price) for price in prices if price.share is not None and _costs(price)]
    most = max(shares, key=lambda each: each[0])[1] if shares else None
    dearest = f"; most per step: {most.cell.option} of {most.cell.runner} {rows.share(most)}" if most else ""
    return f"prices of {plural(len(prices), 'option')} of {listed(summary.run.settings.runners)}{dearest}"
