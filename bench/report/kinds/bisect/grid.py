"""The compact table of a bisection: a row a release that was looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.kinds.bisect import report

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.report.document.blocks import Table


def grid(summary: Summary) -> Table | None:
    """Return what was seen of every release that was looked at."""
    return report.looked_at(summary) if summary.probes else None
