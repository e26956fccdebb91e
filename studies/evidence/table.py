"""How a section of the evidence is printed: a heading, a table, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

from tabulate import tabulate

from bench.records.schema import Estimate


def section(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], *notes: str) -> str:
    """A piece of markdown; cells are texts already."""
    table = tabulate(rows, headers=columns, tablefmt="github", disable_numparse=True)
    return "\n\n".join([f"## {title}", table, *notes]) + "\n"


def percent(log_ratio: Estimate | None) -> str:
    """A log ratio as a change in per cent, with its interval: `+0.3 % [-0.1, +0.8]`."""
    if log_ratio is None:
        return "unavailable"
    value = f"{100 * log_ratio.value:+.1f} %"
    if log_ratio.low is None or log_ratio.high is None:
        return value
    return f"{value} [{100 * log_ratio.low:+.1f}, {100 * log_ratio.high:+.1f}]"


def ratio(estimate: Estimate | None) -> str:
    """A ratio with its interval: `1.003 [0.998, 1.009]`."""
    if estimate is None:
        return "unavailable"
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
