"""What could not be decided, in words: in how many cells, and how much worse is ruled out there all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.records.metrics import metric
from bench.report.document import numbers
from bench.report.document.text import listed, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import FigureGroup, Verdict

ADJECTIVES: dict[FigureGroup, str] = {"time": "time", "memory": "memory", "start": "start-up", "counters": "counter"}


def inconclusive(watched: Sequence[Verdict], groups: Sequence[FigureGroup]) -> str:
    """Say which of the groups have no verdict in how many cells, and what is ruled out; empty where all have one.

    `1 of 6 cells has no time verdict (it rules out more than 60 % worse); the other 5 did not regress`
    """
    by_group = {group: [verdict for verdict in watched if metric(verdict.metric).group == group] for group in groups}
    cells = len({verdict.cell for verdict in watched})
    sentences = [_of_group(group, _open(own), cells) for group, own in by_group.items() if _open(own)]
    return f"{listed(sentences)}{_others(watched)}" if sentences else ""


def ruled_out(verdict: Verdict) -> str:
    """`rules out more than 60 % worse`, of what is undecided; empty where it has no bounds."""
    if verdict.verdict != "undecided" or verdict.rules_out is None:
        return ""
    return f"rules out {more_than(verdict.rules_out)}"


def more_than(rules_out: float) -> str:
    """`more than 60 % worse`."""
    return f"more than {numbers.percent_up(rules_out)} worse"


def _open(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [verdict for verdict in verdicts if verdict.verdict == "undecided"]


def _of_group(group: FigureGroup, open_: Sequence[Verdict], of: int) -> str:
    cells = len({verdict.cell for verdict in open_})
    some = f"{cells:,} of {plural(of, 'cell')} {'has' if cells == 1 else 'have'}"
    return f"{some} no {ADJECTIVES[group]} verdict ({_limits(open_, cells)})"


def _limits(open_: Sequence[Verdict], cells: int) -> str:
    """What is ruled out in all of these cells; of counts, which they are."""
    measured = [verdict for verdict in open_ if not metric(verdict.metric).exact]
    if not measured:
        return listed(list(dict.fromkeys(metric(verdict.metric).name for verdict in open_)))
    bounds = [verdict.rules_out for verdict in measured if verdict.rules_out is not None]
    if not bounds:
        return "nothing is ruled out"
    unbounded = len({verdict.cell for verdict in measured if verdict.rules_out is None})
    limits = f"{'it rules' if cells == 1 else 'they rule'} out {more_than(max(bounds))}"
    return f"{limits}, and nothing in {unbounded:,}" if unbounded else limits


def _others(watched: Sequence[Verdict]) -> str:
    """What is known of the rest, where that is good news."""
    if any(verdict.verdict == "regressed" for verdict in watched):
        return ""
    others = {verdict.cell for verdict in watched} - {verdict.cell for verdict in _open(watched)}
    if others:
        return f"; the other {'one' if len(others) == 1 else f'{len(others):,}'} did not regress"
    return "; nothing else regressed" if len(_open(watched)) < len(watched) else ""
