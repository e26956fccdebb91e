"""The compact table of two runs: that of a check, with the verdicts that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.kinds.compare.outcome import is_reported
from bench.report.kinds.upgrade.grid import Watched, of_verdicts

if TYPE_CHECKING:
    from bench.records.schema import TwoRuns
    from bench.report.document.blocks import Table


def grid(found: TwoRuns) -> Table | None:
    """Return the table; None where nothing was judged."""
    told = [each for each in found.judged if is_reported(each, found.fail_on)]
    return of_verdicts(
        [
            Watched(verdict=each.verdict, watched=each.group in found.fail_on, awaited=each.group in found.fail_on)
            for each in told
        ]
    )
