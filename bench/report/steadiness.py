"""How steady the machine was, in a run's first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.numbers import percent

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.records.steadiness import Steadiness


def after(setting: str, summary: Summary) -> str:
    """`setting`, and after it what this machine does to pairs of loops; nothing of an older run, which did not look."""
    return setting if summary.steadiness is None else f"{setting} {sentence(summary.steadiness)}"


def sentence(found: Steadiness) -> str:
    """Say it in one sentence."""
    if found.unavailable is not None or found.alone is None or found.turns is None:
        return f"How steady this machine was is unavailable: {found.unavailable or 'too little was timed'}."
    differ = "" if found.cores_differ is None else f"; its cores differ by {percent(found.cores_differ)}"
    return (
        f"This machine: two identical loops timed one after the other would come out {percent(found.alone)} apart, "
        f"in turns {percent(found.turns)}{differ}."
    )
