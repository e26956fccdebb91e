"""What a machine can resolve, from blocks in which the hand-written loop ran against a clone of itself.

How well other numbers of blocks would do is told by resampling the A/A log ratios: drawn with
replacement and with a random sign, since which of two equal arms is called the clone is arbitrary,
then judged by the project's own intervals. Both figures are medians over such draws. Simulated with
18 blocks of normal noise, they are right in the median, and within 20 % in more than half of the
calibrations (tests/analyse/machine/test_calibration.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np

from bench.analyse.cells.gather import gather
from bench.analyse.cells.pairs import log_ratios_by_block
from bench.analyse.machine import foreign_load
from bench.analyse.statistics.checks import drift
from bench.analyse.statistics.sequential import GAMMA, bounds_of_rows, detectable_effect
from bench.analyse.statistics.signed_rank import (
    LEVEL,
    Floats,
    coefficient_of_variation,
    exponentiated,
    signed_rank_estimate,
)
from bench.plan.calibration import BLOCK_COUNTS
from bench.plan.upgrade import BASELINE, CLONE
from bench.records.calibrations import Calibration, CalibrationBlock, Identity, Resolution
from bench.records.schema import Run, Trial

MIN_BLOCKS = 6
"""With fewer there is nothing to tell."""
DRAWS = 4000


def calibrate(run: Run, trials: Sequence[Trial], *, made_at: datetime) -> Calibration | None:
    """Turn a run of clones into what its machine can resolve; None with fewer than `MIN_BLOCKS` whole blocks."""
    blocks = whole_blocks(run, trials)
    if len(blocks) < MIN_BLOCKS:
        return None
    comparison = run.settings.comparisons[0]
    same = np.log([block.ratio for block in blocks])
    baselines_us = [block.baseline_us for block in blocks]
    itself = exponentiated(signed_rank_estimate(same))
    assert itself is not None  # there are blocks
    disturbed = foreign_load.marked(run, trials)
    return Calibration(
        made_at=made_at,
        wall_s=(made_at - run.started_at).total_seconds(),
        identity=Identity.of(run.machine, comparison.device),
        comparison=comparison,
        blocks=blocks,
        marked_blocks=len(disturbed),
        run_to_run_cv=coefficient_of_variation(baselines_us) or 0.0,
        ratio_spread=math.expm1(float(same.std(ddof=1))),
        drift=drift(baselines_us),
        against_itself=itself,
        resolutions=resolutions(same),
        warnings=list(foreign_load.warnings_of(disturbed, run, trials)),
    )


def whole_blocks(run: Run, trials: Sequence[Trial]) -> list[CalibrationBlock]:
    """The blocks in which both arms took their turns, in the order of time."""
    (compared,) = gather(run, trials)
    arms = {evidence.cell.environment: evidence for evidence in compared.evidence}
    baseline, clone = arms[BASELINE], arms[CLONE]
    return [
        CalibrationBlock(baseline_us=baseline.step_us_by_block[block], ratio=math.exp(log_ratio))
        for block, log_ratio in log_ratios_by_block(clone, baseline).items()
        if block in baseline.step_us_by_block
    ]


def resolutions(same: Floats, counts: Sequence[int] = BLOCK_COUNTS) -> list[Resolution]:
    """What each number of blocks would tell, given the A/A log ratios of some blocks.

    Few blocks are the first of many, so that chance does not make more of them look worse.
    """
    random = np.random.default_rng(0)
    shape = (DRAWS, max(counts))
    rows = random.choice(same, shape) * random.choice([-1.0, 1.0], shape)
    return [_resolution(rows[:, :blocks]) for blocks in counts]


def _resolution(rows: Floats) -> Resolution:
    half, looked = _half_width(rows, (1 - LEVEL) / 2), _half_width(rows, GAMMA)
    return Resolution(
        blocks=rows.shape[1],
        half_width=None if half is None else math.expm1(half),
        detectable_change=detectable_effect(looked),
    )


def _half_width(rows: Floats, gamma: float) -> float | None:
    """The median half width of the rows' intervals, on the log scale; None where so few values have none."""
    bounds = bounds_of_rows(rows, gamma)
    half = float(np.median((bounds.high - bounds.low) / 2))
    return half if math.isfinite(half) else None
