"""The compact table of a check of prices: a row an option, what became more expensive first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.blocks import table
from bench.report.document.columns import NOTHING
from bench.report.kinds.price_changes import rows
from bench.report.kinds.prices.rows import counters_of

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.blocks import Table

MAX_ROWS = 12
"""In the terminal: the worst come first, and the rest is in the report."""
DROPPABLE = ("C calls", "ops")


def grid(summary: Summary, at_most: int | None = MAX_ROWS) -> Table | None:
    """Return the options that changed most; of None all."""
    changed = rows.changed(summary)
    if not changed:
        return None
    counters = counters_of(summary)
    shown = [rows.per_step(option, counters) for option in changed[:at_most]]
    left_out = len(changed) - len(shown)
    caption = f"{left_out} other options are in the report." if left_out else ""
    whole = table(rows.of_steps(counters), shown, names=len(rows.NAMES), droppable=DROPPABLE, caption=caption)
    return whole.filled(NOTHING)


def whole_grid(summary: Summary) -> Table | None:
    """Return all options."""
    return grid(summary, at_most=None)
