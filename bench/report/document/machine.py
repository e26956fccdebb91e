"""What the machine can resolve and what was wrong with it, for reports that have no other place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.text import escape
from bench.report.kinds.machine import calibration

if TYPE_CHECKING:
    from bench.records.schema import Summary


def section(summary: Summary) -> list[str]:
    """What a calibration made of the plan, and what to be wary of; nothing where neither is known."""
    found = []
    if summary.run.settings.by_calibration is not None:
        found += ["## What this machine can resolve", f"- {calibration.sentence(summary.run.settings.by_calibration)}"]
    if summary.machine_warnings:
        warnings = "\n".join(f"- {escape(warning)}" for warning in summary.machine_warnings)
        found += ["## What to be wary of", warnings]
    return found
