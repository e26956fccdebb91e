"""The passes that come before the timed blocks: how often each runs on a cell, and on which sets of interpreters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bench.plan.schedule import Slot
from bench.records.schema import Cell, Pass, Settings

REPLICATES: dict[Pass, int] = {"equivalence": 1, "counting": 2, "phases": 1, "trace": 1}
"""How often each runs on a cell, each time in other interpreters."""
ONCE = REPLICATES | {"counting": 1}
"""In a price list: forty options take minutes to count, and nothing is judged."""
ORDER: tuple[Pass, ...] = tuple(REPLICATES)
COUNTING_SETS = max(REPLICATES.values())
UNTIMED_BLOCK = -1
"""The block number of their trials."""

Planned = tuple[Pass, Slot]


def replicates(settings: Settings, wanted: Mapping[Pass, int] | None = None) -> dict[Pass, int]:
    """How often each pass of a run runs on a cell before its timed blocks: as usual, or as is wanted."""
    is_price_list = settings.design == "options" and not settings.environments
    usual = ONCE if is_price_list else REPLICATES
    return {phase: often for phase, often in (wanted or usual).items() if phase in settings.passes}


def planned(cells: Iterable[Cell], replicates: Mapping[Pass, int], *, replicate: int) -> list[Planned]:
    """The trials on the set of interpreters of this number, pass after pass."""
    return [
        (phase, Slot(cell=cell, block=UNTIMED_BLOCK, replicate=replicate, position=0))
        for phase, often in replicates.items()
        if replicate < often
        for cell in cells
    ]
