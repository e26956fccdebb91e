"""What the machine can resolve and what was wrong with it, for reports that have no other place for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.blocks import Section, Warnings
from bench.report.kinds.machine import calibration

if TYPE_CHECKING:
    from bench.records.schema import Summary


def sections(summary: Summary) -> list[Section]:
    """What a calibration made of the plan, and what to be wary of; nothing where neither is known."""
    by, found = summary.run.settings.by_calibration, []
    if by is not None:
        found.append(Section(title="What this machine can resolve", blocks=(calibration.bullets(by),)))
    if summary.warnings:
        warnings = Warnings(lines=tuple(summary.warnings), counted=False)
        found.append(Section(title="What to be wary of", blocks=(warnings,)))
    return found
