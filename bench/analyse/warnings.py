"""What a reader should be wary of: sentences that name the cell, made from the same evidence as the rows.

The rules are declared here, and none of them drops a trial. How often they cry wolf, by simulation
with block figures that spread by 2 % (4 %) and nothing else: drift 2 % (5 %) of comparisons with 6
blocks, 0.3 % (0.6 %) with 10; two groups 0.2 % (3 %) of cells with 12 trials, less with more; a lone
block 0.1 % (2 %) of ratios with 6 blocks, none (0.03 %) with 8.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.cells.evidence import log_ratios_by_block
from bench.analyse.signs import signed_percent
from bench.analyse.statistics.checks import drift, two_groups
from bench.analyse.statistics.signed_rank import (
    blocks_needed,
    interquartile_range,
    location,
    resolution,
)
from bench.records.schema import Comparison

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bench.analyse.cells.evidence import Compared, Evidence
    from bench.analyse.statistics.signed_rank import Floats
    from bench.records.schema import Cell

WIDE_SPREAD = 0.05
LONG_REGION = 1.25
WAITED_SHARE = 0.05
CLOCK_MOVED = 0.05
LONE_BLOCK_MIN_HALF_WIDTH = 0.05
LONE_BLOCK_FACTOR = 3.0


def warnings_of(gathered: Sequence[Compared]) -> list[str]:
    """Return every warning about a run, kind by kind, from its evidence by round."""
    timed = {cell.cell: cell for compared in gathered for cell in compared.evidence if cell.timed}
    references = {compared.round.reference for compared in gathered}
    cells = list(timed.values())
    found = [_failures(cells), _contradictions(cells), _too_few_blocks(cells)]
    found += [_drift([cell for cell in cells if cell.cell in references]), _spread(cells), _two_groups(cells)]
    found += [_long_regions(cells), _lone_blocks(gathered), _alone(cells), _lost_clones(gathered), _waited(cells)]
    found += [_clocks(cells), _recompiled(cells)]
    return list(chain.from_iterable(found))


def name(cell: Cell) -> str:
    """Name a cell as in `lightning at batch 64 of mlp on cpu, precision=bf16`: with what is not the default."""
    option = "" if cell.option is None else f" with {cell.option}"
    return f"{cell.runner}{option}{cell.at_batch} of {place(cell)}"


def place(cell: Cell) -> str:
    """Where a cell is: `mlp on cpu, precision=bf16`."""
    unusual = (
        f", {field}={value}"
        for field, info in Comparison.model_fields.items()
        if not info.is_required() and (value := getattr(cell, field)) != info.default
    )
    return f"{cell.workload} on {cell.device}{''.join(unusual)}"


def _recompiled(cells: Sequence[Evidence]) -> Iterator[str]:
    """Cells whose timed steps were not all of them steps: torch compiled in some."""
    for cell in cells:
        if count := sum(each.in_turns for phase, each in cell.compilations if phase == "timing"):
            times = "once" if count == 1 else f"{count:,} times"
            found = f"torch.compile compiled again in its timed steps, {times}"
            yield f"{name(cell.cell)}: {found}; --warmup gives it more steps before"


def _failures(cells: Sequence[Evidence]) -> Iterator[str]:
    """Cells that have figures although some of their trials failed; a cell without figures says why in its row."""
    for cell in cells:
        if cell.failed:
            trials = len(cell.timed) + len(cell.failed)
            yield f"{name(cell.cell)}: {len(cell.failed)} of {trials} trials failed, the last with: {cell.reason}"


def _contradictions(cells: Sequence[Evidence]) -> Iterator[str]:
    for cell in cells:
        if cell.contradictions:
            doubtful = f"{len(cell.contradictions)} of {len(cell.timed)} trials contradict themselves"
            yield f"{name(cell.cell)}: {doubtful}; in the last, {cell.contradictions[-1]}"


def _too_few_blocks(cells: Sequence[Evidence]) -> Iterator[str]:
    """One sentence for all cells with the same number of blocks, since most often that is every cell."""
    by_blocks: defaultdict[int, list[Evidence]] = defaultdict(list)
    for cell in cells:
        by_blocks[cell.blocks].append(cell)
    for blocks, few in sorted(by_blocks.items()):
        if blocks < blocks_needed():
            more = f" and {len(few) - 1} more" if len(few) > 1 else ""
            need = f"a 95 % interval needs {blocks_needed()}"
            yield f"{name(few[0].cell)}{more}: {blocks} block{'' if blocks == 1 else 's'}, but {need}"


def _drift(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find a trend in the blocks of references."""
    for cell in cells:
        moved = drift(list(cell.step_us_by_block.values()))
        if moved is not None and moved.is_trend:
            change = signed_percent(moved.change, "+.1f")
            trend = f"step time moved by {change} from the first half of the blocks to the last"
            yield f"{name(cell.cell)}: {trend}; ratios are formed inside a block and bear it, step times do not"


def _spread(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find trials of which the middle half spans more than 5 % of their median."""
    for cell in cells:
        steps_us = _trials_us(cell)
        if len(steps_us) and (wide := interquartile_range(steps_us) / np.median(steps_us)) > WIDE_SPREAD:
            spread = f"the middle half of its trials spans {100 * wide:.1f} % of their median step time"
            yield f"{name(cell.cell)}: {spread}; is something else running?"


def _two_groups(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find trials in two groups."""
    for cell in cells:
        if (groups := two_groups(_trials_us(cell))) is not None:
            around = " and ".join(f"{np.median(group):.4g} µs ({len(group)})" for group in groups)
            yield f"{name(cell.cell)}: its trials form two groups, around {around}"


def _long_regions(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find loops whose time is a quarter longer than their steps, and say of each comparison how much longer it is.

    Steps in which Python collects its garbage do it, and ends of epochs: a median sees neither, throughput both.
    """
    found: defaultdict[Comparison, list[tuple[float, Evidence]]] = defaultdict(list)
    for cell in cells:
        ratios = [trial.longer for trial in cell.timed if trial.longer is not None]
        if ratios and (longer := float(np.median(ratios))) > LONG_REGION:
            found[cell.cell.comparison].append((longer, cell))
    for long in found.values():
        most, worst = max(long, key=lambda each: each[0])
        more = f" (of {len(long)} such runners the worst)" if len(long) > 1 else ""
        told = f"all in all it takes {most:.1f} times as long as its steps{more}"
        yield f"{name(worst.cell)}: {told}: samples/s has its pauses and ends of epochs, step time and ratio have not"


def _lone_blocks(gathered: Sequence[Compared]) -> Iterator[str]:
    """Find ratios known to 5 % at best only because of one block: were it like the others, three times as well.

    One sentence for each block of a comparison, since what disturbs it mostly disturbs several loops.
    """
    for compared in gathered:
        found: defaultdict[int, list[tuple[float, float, Evidence]]] = defaultdict(list)
        for evidence, ratios in _ratios_by_block(compared):
            logs = np.log(list(ratios.values()))
            apart = int(np.argmax(np.abs(logs - np.median(logs))))
            alike = np.where(np.arange(len(logs)) == apart, np.median(logs), logs)
            wide, narrow = _half_width(logs), _half_width(alike)
            if wide > LONE_BLOCK_MIN_HALF_WIDTH and wide > LONE_BLOCK_FACTOR * narrow:
                found[list(ratios)[apart]].append((wide, narrow, evidence))
        for block, disturbed in sorted(found.items()):
            wide, narrow, worst = max(disturbed, key=lambda each: each[0])
            more = f" (of {len(disturbed)} such ratios the worst)" if len(disturbed) > 1 else ""
            widths = f"the ratio's CI is ±{100 * wide:.0f} % with it, ±{100 * narrow:.1f} % without{more}"
            yield f"{name(worst.cell)}: block {block + 1} is an outlier: {widths}; run more blocks"


def _alone(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find comparisons whose loops could not take turns, one sentence each."""
    reasons = {cell.cell.comparison: (cell, cell.alone) for cell in cells if cell.alone is not None}
    for cell, reason in reasons.values():
        yield f"{name(cell.cell)}: the loops of its comparison were timed one after the other, because {reason}"


def _waited(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find comparisons whose core ran something else for more than a twentieth of their turns, one sentence each."""
    found: defaultdict[Comparison, list[tuple[float, Evidence]]] = defaultdict(list)
    for cell in cells:
        share = float(np.mean([trial.waited_share for trial in cell.timed]))
        if share > WAITED_SHARE:
            found[cell.cell.comparison].append((share, cell))
    for waited in found.values():
        most, worst = max(waited, key=lambda each: each[0])
        told = f"its core ran something else for {100 * most:.0f} % of its turns"
        more = f", the most of {len(waited)} such loops" if len(waited) > 1 else ""
        yield f"{name(worst.cell)}: {told}{more}; that is taken out of its steps, what it does to caches is not"


def _clocks(cells: Sequence[Evidence]) -> Iterator[str]:
    """Find comparisons whose card had another clock after a trial's last turn than after its first: one sentence each.

    It falls for heat or power, and rises where the warm-up was too short for it.
    """
    found: defaultdict[Comparison, list[tuple[int, int, Evidence]]] = defaultdict(list)
    for cell in cells:
        for first, last in (trial.sm_clock_mhz for trial in cell.timed if trial.sm_clock_mhz is not None):
            if abs(last - first) > CLOCK_MOVED * max(first, last):
                found[cell.cell.comparison].append((first, last, cell))
    for moved in found.values():
        first, last, worst = max(moved, key=lambda each: abs(each[1] - each[0]))
        more = f", the most of {len(moved)} such trials" if len(moved) > 1 else ""
        moved_how = "fell" if last < first else "rose"
        told = f"its card's clock {moved_how} from {first:,} to {last:,} MHz in its turns{more}"
        yield f"{name(worst.cell)}: {told}; ratios are formed inside a cycle and bear it, step times do not"


def _lost_clones(gathered: Sequence[Compared]) -> Iterator[str]:
    """Find clones that failed: without them a comparison has no noise floor."""
    for compared in gathered:
        clone = compared.clone
        if clone is not None and clone.failed:
            trials = len(clone.timed) + len(clone.failed)
            yield f"the clone of {name(clone.cell)}: {len(clone.failed)} of {trials} trials failed: {clone.reason}"


def _ratios_by_block(compared: Compared) -> Iterator[tuple[Evidence, dict[int, float]]]:
    """Step time over the reference's in each block, of cells that have an interval."""
    reference = compared.reference
    if reference is None:
        return
    for evidence in compared.evidence:
        ratios = {block: float(np.exp(log)) for block, log in log_ratios_by_block(evidence, reference).items()}
        if evidence is not reference and evidence.equivalence.proven and len(ratios) >= blocks_needed():
            yield evidence, ratios


def _half_width(logs: Floats) -> float:
    ratio = location(np.exp(logs))
    half_width = None if ratio is None else resolution(ratio)
    return 0.0 if half_width is None else half_width


def _trials_us(cell: Evidence) -> Floats:
    return np.sort([trial.step_us for trial in cell.timed if trial.step_us is not None])
