"""What the machine can resolve and what was wrong with it, for reports that have no other place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.blocks import Section, Warnings, section
from bench.report.kinds.machine import calibration

if TYPE_CHECKING:
    from bench.records.schema import Summary


def sections(summary: Summary) -> list[Section | None]:
    """What a calibration made of the plan, and what to be wary of; nothing where neither is known."""
    by, warnings = summary.run.settings.by_calibration, tuple(summary.warnings)
    resolves = calibration.bullets(by)
    return [
        section("What this machine can resolve", resolves) if resolves else None,
        section("Warnings", Warnings(lines=warnings, counted=False)) if warnings else None,
    ]
