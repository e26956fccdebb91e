"""What the timing pass says of steps, epochs and start-up."""

from __future__ import annotations

from statistics import median

import numpy as np

from bench.analyse.cells.collector import collection_us, collections_per_step, collector_us_per_step
from bench.analyse.cells.evidence import NOT_RUN, Evidence
from bench.analyse.cells.rows import missing
from bench.analyse.cells.rows.missing import FigureOrReason, why
from bench.analyse.cells.throughput import epoch_cost
from bench.analyse.cells.trial_figures import NO_SAMPLES
from bench.analyse.statistics.signed_rank import coefficient_of_variation, location, signed_rank_estimate
from bench.records.cells import SCRIPT
from bench.records.metrics import metric
from bench.records.schema import STEP_QUANTILES, Estimate

COLLECTOR = ("collector_us_per_step", "collector_pauses_per_1000_steps", "collector_pause_us")
WHOLE = ("whole_s", "whole_steps", "after_steps_s")


def steps(evidence: Evidence) -> dict[str, FigureOrReason]:
    """Step times, throughput, start-up and what else is timed."""
    steps_us = list(evidence.step_us_by_block.values())
    cv = coefficient_of_variation(steps_us)
    return {
        "step_time_us": location(steps_us) or why(evidence, missing.NO_STEADY_STEP),
        **_percentiles(evidence),
        "device_step_time_us": location(_over_blocks(evidence, "device_step_time_us"))
        or why(evidence, _no_device_step(evidence)),
        "samples_per_second": location(_over_blocks(evidence, "samples_per_second"))
        or why(evidence, _no_rate(evidence)),
        "startup_s": location(_over_blocks(evidence, "startup_s")) or why(evidence, NOT_RUN),
        "epoch_boundary_us": _epoch_cost(evidence) or why(evidence, _no_epoch(evidence)),
        **_collector(evidence),
        **_whole(evidence),
        "run_to_run_cv": why(evidence, missing.NO_SPREAD) if cv is None else cv,
    }


def _over_blocks(evidence: Evidence, key: str) -> list[float]:
    return list(evidence.by_block(metric(key)).values())


def _no_rate(evidence: Evidence) -> str:
    return NO_SAMPLES if np.isnan(evidence.timing_trials.samples).any() else missing.NO_STEADY_STEP


def _no_device_step(evidence: Evidence) -> str:
    return missing.NO_STEADY_STEP if evidence.timing_trials.has_events.any() else missing.NO_EVENTS


def _no_epoch(evidence: Evidence) -> str:
    return missing.NO_EPOCHS if evidence.cell.workload == SCRIPT else missing.NO_BOUNDARY


def _epoch_cost(evidence: Evidence) -> Estimate | None:
    """What an epoch costs: of trials that take turns, all together tell it; else the middle over blocks."""
    if evidence.took_turns and evidence.length is not None:
        return epoch_cost(evidence.timing_trials, evidence.cell, evidence.length)
    return signed_rank_estimate(_over_blocks(evidence, "epoch_boundary_us"))  # not on logarithms: it may be negative


def _collector(evidence: Evidence) -> dict[str, FigureOrReason]:
    if not evidence.took_turns:
        return dict.fromkeys(COLLECTOR, why(evidence, missing.NOT_COUNTED_THEN))
    collections = evidence.timing_trials.collections
    if not collections.are_whole.all():
        return dict.fromkeys(COLLECTOR, missing.WITHOUT_IMPORTS)
    per_step, pause_us = collections_per_step(collections), collection_us(collections)
    return {
        "collector_us_per_step": collector_us_per_step(collections),
        "collector_pauses_per_1000_steps": 1000 * per_step,
        "collector_pause_us": missing.NO_COLLECTION if pause_us is None else pause_us,
    }


def _whole(evidence: Evidence) -> dict[str, FigureOrReason]:
    if not _over_blocks(evidence, "whole_steps"):
        return dict.fromkeys(WHOLE, why(evidence, missing.NOT_WHOLE))
    return {
        "whole_s": location(_over_blocks(evidence, "whole_s")) or missing.NOT_WHOLE,
        "whole_steps": median(_over_blocks(evidence, "whole_steps")),
        "after_steps_s": location(_over_blocks(evidence, "after_steps_s")) or missing.NOT_WHOLE,
    }


def _percentiles(evidence: Evidence) -> dict[str, FigureOrReason]:
    """Take percentiles of all the steady steps of all trials: what a user sees, not an estimate with an interval."""
    names = ("step_p50_us", "step_p95_us", "step_p99_us", "step_quantiles_us")
    steady_us = evidence.timing_trials.steady_us
    pooled = steady_us[~np.isnan(steady_us)]
    if not len(pooled):
        return dict.fromkeys(names, why(evidence, missing.NO_STEADY_STEP))
    pooled.sort()
    percentiles = np.percentile(pooled, [50, 95, 99]).tolist()
    spread = np.percentile(pooled, np.arange(STEP_QUANTILES) * 100 / STEP_QUANTILES).round(3).tolist()
    return dict(zip(names, [*percentiles, spread], strict=True))
