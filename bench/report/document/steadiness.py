"""What its machine did to a run, in its first lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.groups import beside_defaults
from bench.report.document.numbers import percent
from bench.report.document.text import listed

if TYPE_CHECKING:
    from bench.records.schema import Summary
    from bench.records.steadiness import Steadiness


def after(setting: str, summary: Summary) -> str:
    """`setting`, and after it what else is not the default, what this machine does to pairs of loops, what is missing.

    An older run did not look how steady the machine was: nothing is said of it.
    """
    unusual = beside_defaults(summary.run.settings)
    sentences = [f"Not the default: {listed(unusual)}."] if unusual else []
    sentences += [sentence(summary.steadiness)] if summary.steadiness is not None else []
    sentences += [f"No charts: {summary.no_charts}."] if summary.no_charts is not None else []
    return " ".join([setting, *sentences])


def sentence(steadiness: Steadiness) -> str:
    """Say it in one sentence."""
    if steadiness.unavailable is not None or steadiness.alone is None or steadiness.turns is None:
        return f"How steady this machine was is unavailable: {steadiness.unavailable or 'too little was timed'}."
    differ = "" if steadiness.cores_differ is None else f"; its cores differ by {percent(steadiness.cores_differ)}"
    return (
        f"This machine: two identical loops timed one after the other would come out "
        f"{percent(steadiness.alone)} apart, in turns {percent(steadiness.turns)}{differ}."
    )
