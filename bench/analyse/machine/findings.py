"""Findings of the doctor: how one is made, and how several are ordered and summed up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import get_args

from bench.records.health import Finding, Severity

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the mildest to the worst."""


def fine(subject: str, seen: str) -> Finding:
    """What was looked at and is as it should be."""
    return Finding(subject=subject, severity="fine", seen=seen)


def unknown(subject: str, unavailable: Mapping[str, str], field: str) -> Finding:
    """What could not be looked at: never fine, and never worse than a note."""
    reason = unavailable.get(field, "it was not read")
    return Finding(
        subject=subject,
        severity="note",
        seen=f"not available: {reason}",
        effect="impact unknown",
    )


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """The findings by severity, each kind in the order in which it was looked at."""
    return sorted(findings, key=lambda finding: -SEVERITIES.index(finding.severity))


def is_fit(findings: Iterable[Finding]) -> bool:
    """Whether nothing makes the machine unfit to measure."""
    return all(finding.severity != "unfit" for finding in findings)


def percent(cores: float) -> str:
    """A share of one core in per cent."""
    return f"{100 * cores:.0f} %"
