"""How far a run is to be trusted, in sentences: what it could resolve, and what noise alone shows."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from bench.analyse.statistics.signed_rank import resolution
from bench.report.document import numbers
from bench.report.document.groups import Group, cell_names
from bench.report.document.text import listed, listed_few, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import CellSummary, Summary


COMPILED = (
    "Compiling is part of the first step, and of no step time. Timed trials find code that the run compiled before, as "
    "a script does that is started again; the first time is that of the trial that proves the arithmetic, and the "
    "run's first loop compiled everything then. A graph break is a place where the compiler let Python go on."
)
WITHOUT_WORKERS = "host MB is the training process's: what its loader workers take is not in it."

Figure = tuple[float, str]
"""A fraction, and the cell that it belongs to."""


def quality(summary: Summary) -> list[str]:
    """How far to trust the run, in one line: its noise floor, its widest ratio, its warnings; nothing if not timed."""
    if not summary.noise_floors:
        return []
    widths = _smallest_differences(summary)
    phrases = [_worst_floor(summary), *([_widest(max(widths))] if widths else []), _warned(summary)]
    return [f"How far to trust it: {'; '.join(phrases)}.", *_unlike_clones(summary)]


def _worst_floor(summary: Summary) -> str:
    known = [noise_floor for noise_floor in summary.noise_floors if noise_floor.floor is not None]
    if not known:
        return "no noise floor is known, because the blocks are too few"
    worst = max(known, key=lambda noise_floor: noise_floor.floor or 0.0)
    floor = numbers.percent(worst.floor or 0.0)
    among = f", the worst of {len(known)}" if len(known) > 1 else ""
    return f"noise floor {floor} ({worst.runner} against its own clone{worst.comparison.at_batch}{among})"


def _widest(widest: Figure) -> str:
    width, where = widest
    return f"widest ratio ±{numbers.percent(width)} ({where})"


def _warned(summary: Summary) -> str:
    if not summary.warnings:
        return "no warnings"
    count = plural(len(summary.warnings), "warning")
    if summary.first_warning is None:
        return count
    return f"{count}{': ' if len(summary.warnings) == 1 else ', the first: '}{summary.first_warning}"


def _unlike_clones(summary: Summary) -> list[str]:
    """Baselines that differ from their own clone, where nothing differs."""
    apart = [
        floor for floor in summary.noise_floors if floor.ratio.low is not None and not numbers.covers(floor.ratio, 1.0)
    ]
    return [
        f"The clone of {floor.runner}{floor.comparison.at_batch} takes {numbers.ratio(floor.ratio)} times "
        "as long as the loop that it is a clone of: smaller differences than that are noise."
        for floor in apart
    ]


def noise_floors(summary: Summary, group: Group) -> list[str]:
    """What the baseline takes against its own clone in each comparison of a group."""
    places = {cell.comparison for cell in group.cells}
    floors = [
        f"{numbers.ratio(floor.ratio)}{floor.comparison.at_batch}"
        for floor in summary.noise_floors
        if floor.comparison in places
    ]
    return [f"Noise floor, the baseline's own clone over it: {listed(floors)}."] if floors else []


def resolvable(summary: Summary) -> list[str]:
    """How far the figures of blocks spread, and the smallest difference that the intervals can show."""
    spreads = [(cell.run_to_run_cv, name) for cell, name in cell_names(summary) if cell.run_to_run_cv is not None]
    smallest = _smallest_differences(summary)
    return [
        _typical("From block to block a cell's step time varies by {} (coefficient of variation", spreads, "cell")
        if spreads
        else "How much step times vary from block to block is unknown, since that takes two blocks.",
        _typical("The smallest difference in step time that shows is {} (half the interval's width", smallest, "ratio")
        if smallest
        else "No ratio has an interval, because the blocks are too few: ask for more with --blocks.",
    ]


def added_blocks(summary: Summary) -> list[str]:
    """For which ratios blocks were added to those planned, and which are not known well enough all the same."""
    settings = summary.run.settings
    if settings.target_ci is None:
        return []
    target = numbers.percent(settings.target_ci)
    named = [(cell, name) for cell, name in cell_names(summary) if smallest_difference(cell) is not None]
    longer = sorted(((cell.blocks, name) for cell, name in named if cell.blocks > settings.blocks), reverse=True)
    differences = _smallest_differences(summary)
    wide = sorted(((width, name) for width, name in differences if width > settings.target_ci), reverse=True)
    sentences = []
    if longer:
        cells = listed_few([f"{name} ({plural(blocks, 'block')})" for blocks, name in longer])
        sentences.append(
            f"Extra blocks were run for ratios whose CI was wider than ±{target} after {settings.blocks}: {cells}."
        )
    if wide:
        cells = listed_few([f"{name} (±{numbers.percent(width)})" for width, name in wide])
        sentences.append(f"Still wider than ±{target} at the end: {cells}.")
    return sentences


def _smallest_differences(summary: Summary) -> list[Figure]:
    named = ((smallest_difference(cell), name) for cell, name in cell_names(summary))
    return [(difference, name) for difference, name in named if difference is not None]


def smallest_difference(cell: CellSummary) -> float | None:
    """Return the smallest relative difference from the baseline that the row's interval can show, as a fraction."""
    if cell.ratio is None or cell.equivalence.verdict == "baseline":
        return None
    return resolution(cell.ratio)


def spread(cell: CellSummary) -> str | None:
    """Return the spread of the row's block figures in per cent."""
    return None if cell.run_to_run_cv is None else numbers.percent(cell.run_to_run_cv)


def shown_difference(cell: CellSummary) -> str | None:
    """`smallest_difference` in per cent."""
    smallest = smallest_difference(cell)
    return None if smallest is None else numbers.percent(smallest)


def _typical(opening: str, figures: Sequence[Figure], noun: str) -> str:
    """Put the median of the figures into `opening`, then tell how many there are, and the worst of them."""
    worst, where = max(figures)
    typical = numbers.percent(median(value for value, _ in figures))
    counted = f"median of {plural(len(figures), noun)}"
    return f"{opening.format(typical)}; {counted}), at worst {numbers.percent(worst)}: {where}."
