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

from bench.analyse.caution import Caution
from bench.analyse.cells.names import name
from bench.analyse.cells.pairs import log_ratios_by_block
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

    from bench.analyse.cells.evidence import Evidence, GroupEvidence
    from bench.analyse.statistics.signed_rank import Floats

WIDE_SPREAD = 0.05
LONG_REGION = 1.25
WAITED_SHARE = 0.05
CLOCK_MOVED = 0.05
LONE_BLOCK_MIN_HALF_WIDTH = 0.05
LONE_BLOCK_FACTOR = 3.0


def warnings_of(gathered: Sequence[GroupEvidence]) -> list[Caution]:
    """Return every warning about a run, kind by kind, from its evidence by group."""
    timed = {cell.cell: cell for compared in gathered for cell in compared.evidence if len(cell.timing_trials)}
    references = {compared.group.reference for compared in gathered}
    cells = list(timed.values())
    cautions = [_failures(cells), _contradictions(cells), _too_few_blocks(cells)]
    cautions += [_drift([cell for cell in cells if cell.cell in references]), _spread(cells), _two_groups(cells)]
    cautions += [_long_regions(cells), _lone_blocks(gathered), _alone(cells), _lost_clones(gathered), _waited(cells)]
    cautions += [_clocks(cells), _recompiled(cells)]
    return list(chain.from_iterable(cautions))


def _recompiled(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Cells whose timed steps were not all of them steps: torch compiled in some."""
    for cell in cells:
        if count := sum(compilation.in_turns for phase, compilation in cell.compilations if phase == "timing"):
            times = "once" if count == 1 else f"{count:,} times"
            sentence = f"torch.compile compiled again in its timed steps, {times}"
            yield Caution(f"{name(cell.cell)}: {sentence}", "; --warmup gives it more steps before")


def _failures(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Cells that have figures although some of their trials failed; a cell without figures says why in its row."""
    for cell in cells:
        if cell.failed:
            trials = len(cell.timing_trials) + len(cell.failed)
            failed = f"{name(cell.cell)}: {len(cell.failed)} of {trials} trials failed"
            yield Caution(failed, f", the last with: {cell.reason}")


def _contradictions(cells: Sequence[Evidence]) -> Iterator[Caution]:
    for cell in cells:
        if cell.contradictions:
            doubtful = f"{len(cell.contradictions)} of {len(cell.timing_trials)} trials contradict themselves"
            yield Caution(f"{name(cell.cell)}: {doubtful}", f"; in the last, {cell.contradictions[-1]}")


def _too_few_blocks(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """One sentence for all cells with the same number of blocks, since most often that is every cell."""
    by_blocks: defaultdict[int, list[Evidence]] = defaultdict(list)
    for cell in cells:
        by_blocks[cell.blocks].append(cell)
    for blocks, few in sorted(by_blocks.items()):
        if blocks < blocks_needed():
            more = f" and {len(few) - 1} more" if len(few) > 1 else ""
            counted = f"{name(few[0].cell)}{more}: {blocks} block{'' if blocks == 1 else 's'}"
            yield Caution(counted, f", but a 95 % interval needs {blocks_needed()}")


def _drift(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find a trend in the blocks of references."""
    for cell in cells:
        moved = drift(list(cell.step_us_by_block.values()))
        if moved is not None and moved.is_trend:
            change = signed_percent(moved.change, "+.1f")
            trend = f"step time moved by {change} from the first half of the blocks to the last"
            bears = "; ratios are formed inside a block and bear it, step times do not"
            yield Caution(f"{name(cell.cell)}: {trend}", bears)


def _spread(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find cells of which the middle half of the trials spans more than 5 % of their median: one sentence for all."""
    spreads = [(_relative_spread(_trials_us(cell)), cell) for cell in cells]
    wide = [(spread, cell) for spread, cell in spreads if spread > WIDE_SPREAD]
    if wide:
        most, worst = max(wide, key=lambda pair: pair[0])
        more = f" (of {len(wide)} such cells the worst)" if len(wide) > 1 else ""
        spread = f"the middle half of its trials spans {100 * most:.1f} % of their median step time{more}"
        yield Caution(f"{name(worst.cell)}: {spread}", "; is something else running?")


def _two_groups(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find cells whose trials are in two groups: one sentence for all, with those that are farthest apart."""
    split = [(groups, cell) for cell in cells if (groups := two_groups(_trials_us(cell))) is not None]
    if split:
        groups, worst = max(split, key=lambda pair: float(np.median(pair[0][1]) / np.median(pair[0][0])))
        around = " and ".join(f"{np.median(group):.4g} µs ({len(group)})" for group in groups)
        more = f" (of {len(split)} such cells the farthest apart)" if len(split) > 1 else ""
        yield Caution(f"{name(worst.cell)}: its trials form two groups", f", around {around}{more}")


def _long_regions(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find loops whose time is a quarter longer than their steps, and say of each comparison how much longer it is.

    Steps in which Python collects its garbage do it, and ends of epochs: a median sees neither, throughput both.
    """
    by_comparison: defaultdict[Comparison, list[tuple[float, Evidence]]] = defaultdict(list)
    for cell in cells:
        ratios = _known(cell.timing_trials.longer)
        if len(ratios) and (longer := float(np.median(ratios))) > LONG_REGION:
            by_comparison[cell.cell.comparison].append((longer, cell))
    for long in by_comparison.values():
        most, worst = max(long, key=lambda pair: pair[0])
        more = f" (of {len(long)} such runners the worst)" if len(long) > 1 else ""
        sentence = f"all in all it takes {most:.1f} times as long as its steps"
        why = ": samples/s has its pauses and ends of epochs, step time and ratio have not"
        yield Caution(f"{name(worst.cell)}: {sentence}", f"{more}{why}")


def _lone_blocks(gathered: Sequence[GroupEvidence]) -> Iterator[Caution]:
    """Find ratios known to 5 % at best only because of one block: were it like the others, three times as well.

    One sentence for each block of a comparison, since what disturbs it mostly disturbs several loops.
    """
    for compared in gathered:
        by_block: defaultdict[int, list[tuple[float, float, Evidence]]] = defaultdict(list)
        for evidence, ratios in _ratios_by_block(compared):
            logs = np.log(list(ratios.values()))
            apart = int(np.argmax(np.abs(logs - np.median(logs))))
            alike = np.where(np.arange(len(logs)) == apart, np.median(logs), logs)
            wide, narrow = _half_width(logs), _half_width(alike)
            if wide > LONE_BLOCK_MIN_HALF_WIDTH and wide > LONE_BLOCK_FACTOR * narrow:
                by_block[list(ratios)[apart]].append((wide, narrow, evidence))
        for block, disturbed in sorted(by_block.items()):
            wide, narrow, worst = max(disturbed, key=lambda triple: triple[0])
            more = f" (of {len(disturbed)} such ratios the worst)" if len(disturbed) > 1 else ""
            widths = f"the ratio's CI is ±{100 * wide:.0f} % with it, ±{100 * narrow:.1f} % without{more}"
            yield Caution(f"{name(worst.cell)}: block {block + 1} is an outlier", f": {widths}; run more blocks")


def _alone(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find comparisons whose loops could not take turns, one sentence each."""
    reasons = {cell.cell.comparison: (cell, cell.alone) for cell in cells if cell.alone is not None}
    for cell, reason in reasons.values():
        sentence = "the loops of its comparison were timed one after the other"
        yield Caution(f"{name(cell.cell)}: {sentence}", f", because {reason}")


def _waited(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find comparisons whose core ran something else for more than a twentieth of their turns, one sentence each."""
    by_comparison: defaultdict[Comparison, list[tuple[float, Evidence]]] = defaultdict(list)
    for cell in cells:
        share = float(np.mean(cell.timing_trials.waited_share))
        if share > WAITED_SHARE:
            by_comparison[cell.cell.comparison].append((share, cell))
    for waited in by_comparison.values():
        most, worst = max(waited, key=lambda pair: pair[0])
        sentence = f"its core ran something else for {100 * most:.0f} % of its turns"
        more = f", the most of {len(waited)} such loops" if len(waited) > 1 else ""
        left = "; that is taken out of its steps, what it does to caches is not"
        yield Caution(f"{name(worst.cell)}: {sentence}", f"{more}{left}")


def _clocks(cells: Sequence[Evidence]) -> Iterator[Caution]:
    """Find comparisons whose card had another clock after a trial's last turn than after its first: one sentence each.

    It falls for heat or power, and rises where the warm-up was too short for it.
    """
    by_comparison: defaultdict[Comparison, list[tuple[int, int, Evidence]]] = defaultdict(list)
    for cell in cells:
        for first, last in filter(None, cell.timing_trials.sm_clock_mhz):
            if abs(last - first) > CLOCK_MOVED * max(first, last):
                by_comparison[cell.cell.comparison].append((first, last, cell))
    for moved in by_comparison.values():
        first, last, worst = max(moved, key=lambda triple: abs(triple[1] - triple[0]))
        more = f", the most of {len(moved)} such trials" if len(moved) > 1 else ""
        moved_how = "fell" if last < first else "rose"
        sentence = f"its card's clock {moved_how} from {first:,} to {last:,} MHz in its turns"
        bears = "; ratios are formed inside a cycle and bear it, step times do not"
        yield Caution(f"{name(worst.cell)}: {sentence}", f"{more}{bears}")


def _lost_clones(gathered: Sequence[GroupEvidence]) -> Iterator[Caution]:
    """Find clones that failed: without them a comparison has no noise floor."""
    for compared in gathered:
        clone = compared.clone
        if clone is not None and clone.failed:
            trials = len(clone.timing_trials) + len(clone.failed)
            failed = f"the clone of {name(clone.cell)}: {len(clone.failed)} of {trials} trials failed"
            yield Caution(failed, f": {clone.reason}")


def _ratios_by_block(compared: GroupEvidence) -> Iterator[tuple[Evidence, dict[int, float]]]:
    """Step time over the reference's in each block, of cells that have an interval."""
    for evidence in compared.evidence:
        reference = compared.baseline(evidence)
        if reference is None:
            continue
        ratios = {block: float(np.exp(log)) for block, log in log_ratios_by_block(evidence, reference).items()}
        if evidence is not reference and evidence.equivalence.proven and len(ratios) >= blocks_needed():
            yield evidence, ratios


def _relative_spread(steps_us: Floats) -> float:
    return interquartile_range(steps_us) / float(np.median(steps_us)) if len(steps_us) else 0.0


def _half_width(logs: Floats) -> float:
    ratio = location(np.exp(logs))
    half_width = None if ratio is None else resolution(ratio)
    return 0.0 if half_width is None else half_width


def _trials_us(cell: Evidence) -> Floats:
    return np.sort(_known(cell.timing_trials.step_us))


def _known(figures: Floats) -> Floats:
    return figures[~np.isnan(figures)]
