"""The compact table of a price list: a row an option, the most expensive first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.blocks import table
from bench.report.document.columns import NOTHING
from bench.report.kinds.prices import rows

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.blocks import Table

MAX_ROWS = 12
"""In the terminal, of each runner: what is expensive is there, and the rest in the report."""
DROPPABLE = ("terminal B", "C calls")


def grid(summary: Summary, at_most: int | None = MAX_ROWS) -> Table | None:
    """Return the options that cost most; of None all."""
    lists = rows.lists(summary)
    lines = [
        (*own.names.values(), *rows.per_step(price, own.counters)) for own in lists for price in own.prices[:at_most]
    ]
    if not lines:
        return None
    names = tuple(lists[0].names)
    headers = (*names, *lists[0].per_step)
    left_out = sum(len(own.prices) for own in lists) - len(lines)
    caption = f"{left_out} less expensive options are in the report." if left_out else ""
    whole = table(headers, lines, names=len(names) + 1, droppable=DROPPABLE, caption=caption)
    return whole.filled(NOTHING)


def whole_grid(summary: Summary) -> Table | None:
    """Return all options."""
    return grid(summary, at_most=None)
