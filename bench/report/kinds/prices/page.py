"""What a page says of a price list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.content import Block, Content, Datum, Grid, Points, Row, Section, Words
from bench.report.kinds.prices import report, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.records.schema import Estimate, Price, Summary
    from bench.report.kinds.prices.rows import PriceList


def content(summary: Summary, folder: str) -> Content:
    """Say everything that report.md says of the prices."""
    del folder  # a price list is repeated by its command, not by its folder
    lists = rows.lists(summary)
    return Content(
        title=report.title(summary),
        setting=report.setting(summary),
        answer=tuple(Words(text=f"{report.heading(each)}: {report.answer(each)}") for each in lists),
        sections=tuple(Section(title=report.heading(each), blocks=_blocks(each)) for each in lists),
        warnings=tuple(summary.warnings),
        commands=(summary.run.command,),
        how_to_read=report.HOW_TO_READ,
    )


def _blocks(each: PriceList) -> tuple[Block, ...]:
    blocks: list[Block] = [_grid("Per step", rows.PER_STEP, each.prices, rows.per_step, lambda price: price.step_us)]
    if each.events:
        grid = _grid("Now and then", rows.PER_EVENT, each.events, rows.per_event, lambda price: price.event_us)
        blocks.append(grid)
    return (*blocks, *([Points(lines=tuple(report.missing(each)))] if each.missing else []))


def _grid(
    title: str,
    headers: tuple[str, ...],
    prices: Sequence[Price],
    texts: Callable[[Price], tuple[str, ...]],
    timed: Callable[[Price], Estimate | None],
) -> Grid:
    place = headers.index("µs/step" if "µs/step" in headers else "time")
    return Grid(title=title, headers=headers, names=2, rows=tuple(_row(texts(p), timed(p), place) for p in prices))


def _row(texts: tuple[str, ...], timed: Estimate | None, place: int) -> Row:
    value = None if timed is None else timed.value
    data = (Datum(text=text, value=value if column == place else None) for column, text in enumerate(texts))
    return Row(data=tuple(data))
