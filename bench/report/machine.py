"""What was wrong with the machine while a run went on, for reports that have no other place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.text import escape

if TYPE_CHECKING:
    from bench.records.schema import Summary


def section(summary: Summary) -> list[str]:
    """The section, or nothing where there is nothing to be wary of."""
    if not summary.machine_warnings:
        return []
    return ["## What to be wary of", "\n".join(f"- {escape(warning)}" for warning in summary.machine_warnings)]
