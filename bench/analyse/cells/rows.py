"""The figures of one row, each with the reason why where it cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median

import numpy as np

from bench.analyse.cells import counting
from bench.analyse.cells.evidence import NOT_RUN, Evidence, GroupEvidence, differences_by_block, log_ratios_by_block
from bench.analyse.cells.trial_figures import (
    NO_SAMPLES,
    collection_us,
    collections_per_step,
    collector_us_per_step,
    phases_us,
)
from bench.analyse.statistics.signed_rank import (
    blocks_needed,
    coefficient_of_variation,
    exponentiated,
    location,
    signed_rank_estimate,
)
from bench.records.metrics import COUNTED, Metric, metric, parts
from bench.records.schema import (
    STEP_QUANTILES,
    CellSummary,
    CompilationFigures,
    CounterFigures,
    DeviceMemory,
    Estimate,
    EvaluationTime,
    Interpreter,
    NoiseFloor,
    Pass,
    Phase,
    Phases,
)
from bench.records.trials import SCRIPT

FLOOR = "floor"

Found = (
    Estimate
    | DeviceMemory
    | CounterFigures
    | CompilationFigures
    | Mapping[str, float]
    | Mapping[Phase, float]
    | list[float]
    | float
    | str
)
"""A figure, or the sentence that says why there is none."""

NO_STEADY_STEP = "too many of its timed steps lie at the end of an epoch (--steps gives it more)"
NO_EPOCHS = "where a script's epochs end is its own affair"
NO_BOUNDARY = "too few epochs ended among the timed steps"
COLLECTOR = ("collector_us_per_step", "collector_pauses_per_1000_steps", "collector_pause_us")
WHOLE = ("whole_s", "whole_steps", "after_steps_s")
NO_COLLECTION = "a full collection is so rare that none was seen"
WITHOUT_IMPORTS = "full collections of a price list leave out what was imported"
NOT_COUNTED_THEN = "runs did not count the collector's pauses when this one was made"
NO_EVENTS = "this device records no timing events"
NOT_WHOLE = "only scripts with --to-the-end run to their end"
NO_SPREAD = "one block has no spread"
NO_CLONE = "no clone of the baseline was timed next to it"
TOO_FEW_FOR_FLOOR = f"the interval of the baseline's clone takes {blocks_needed()} blocks"
NOT_ALONE = "no interpreter imported it while the others were idle"
NOT_TOLD_APART = "torch was imported together with the framework"
NOT_SPLIT = "the phases pass has no good trial of this cell"
NO_EVALUATION = "only scripts evaluate"
NO_TERMINAL = "its trials of the first block had no terminal"
NO_DEFAULTS = "in the matched profile nothing is left to defaults"
NO_MATCHED = "its matched loop took no turns with it"
NOT_ASKED_FOR = "its model is not compiled"
NOT_COMPILED = "no trial of it has compiled anything"
NOT_REPORTED = "the trials did not report it"


def row(
    evidence: Evidence, compared: GroupEvidence, interpreters: Collection[Interpreter], itself: NoiseFloor | None
) -> CellSummary:
    """Return the row of a cell, given its group and that one's noise floor, and its runner's interpreters there."""
    common = evidence.common_blocks()
    found = {
        **_steps(common),
        **_pairs(evidence, compared),
        **_defaults(evidence, compared),
        "noise_floor": _noise_floor(evidence, itself),
        **_memory(common),
        **_counters(evidence),
        **_phases(evidence),
        "joules_per_1000_samples": _energy(common),
        **_imports(evidence, interpreters),
        "compilation": _compilation(evidence),
    }
    facts = {
        "status": evidence.status,
        "reason": evidence.reason,
        "blocks": evidence.blocks,
        "trials": len(evidence.timed) + len(evidence.failed),
        "failed_trials": len(evidence.failed),
        "length": evidence.length,
        "equivalence": evidence.equivalence,
        "setup": evidence.setup if _has_defaults(compared) else {},
        "unavailable": {name: value for name, value in found.items() if isinstance(value, str)},
    }
    known = {name: value for name, value in found.items() if not isinstance(value, str)}
    return CellSummary.model_validate(evidence.cell.model_dump() | facts | known)


def _why_not(evidence: Evidence, planned: Pass, otherwise: str) -> str:
    """Return why a figure of one pass is missing: `otherwise`, unless the run did without that pass."""
    return otherwise if planned in evidence.passes else f"not measured: --only skipped the {planned} pass"


def _why(evidence: Evidence, otherwise: str) -> str:
    """Return why a timed figure is missing: `otherwise`, unless the cell was not timed at all."""
    if evidence.timed:
        return otherwise
    return _why_not(evidence, "timing", evidence.reason or NOT_RUN)


def _steps(evidence: Evidence) -> dict[str, Found]:
    def over_blocks(key: str) -> list[float]:
        return list(evidence.by_block(metric(key)).values())

    steps_us = list(evidence.step_us_by_block.values())
    cv = coefficient_of_variation(steps_us)
    return {
        "step_time_us": location(steps_us) or _why(evidence, NO_STEADY_STEP),
        **_percentiles(evidence),
        "device_step_time_us": location(over_blocks("device_step_time_us"))
        or _why(evidence, _no_device_step(evidence)),
        "samples_per_second": location(over_blocks("samples_per_second")) or _why(evidence, _no_rate(evidence)),
        "startup_s": location(over_blocks("startup_s")) or _why(evidence, NOT_RUN),
        "epoch_boundary_us": _epoch_cost(evidence) or _why(evidence, _no_epoch(evidence)),
        **_collector(evidence),
        **_whole(evidence),
        "run_to_run_cv": _why(evidence, NO_SPREAD) if cv is None else cv,
    }


def _no_rate(evidence: Evidence) -> str:
    return NO_SAMPLES if any(trial.samples is None for trial in evidence.timed) else NO_STEADY_STEP


def _no_device_step(evidence: Evidence) -> str:
    has_events = any(trial.has_events for trial in evidence.timed)
    return NO_STEADY_STEP if has_events else NO_EVENTS


def _no_epoch(evidence: Evidence) -> str:
    return NO_EPOCHS if evidence.cell.workload == SCRIPT else NO_BOUNDARY


def _epoch_cost(evidence: Evidence) -> Estimate | None:
    """What an epoch costs: of trials that take turns, all together tell it once; else the middle over blocks."""
    by_block = list(evidence.by_block(metric("epoch_boundary_us")).values())
    if by_block and min(by_block) == max(by_block):
        return Estimate(value=by_block[0])
    return signed_rank_estimate(by_block)  # not on logarithms: noise can make it negative


def _collector(evidence: Evidence) -> dict[str, Found]:
    if not evidence.took_turns:
        return dict.fromkeys(COLLECTOR, _why(evidence, NOT_COUNTED_THEN))
    if not all(trial.collections is None or trial.collections.are_whole for trial in evidence.timed):
        return dict.fromkeys(COLLECTOR, WITHOUT_IMPORTS)
    per_step, pause_us = collections_per_step(evidence.timed), collection_us(evidence.timed)
    return {
        "collector_us_per_step": collector_us_per_step(evidence.timed),
        "collector_pauses_per_1000_steps": 1000 * per_step,
        "collector_pause_us": NO_COLLECTION if pause_us is None else pause_us,
    }


def _whole(evidence: Evidence) -> dict[str, Found]:
    def over_blocks(key: str) -> list[float]:
        return list(evidence.by_block(metric(key)).values())

    if not over_blocks("whole_steps"):
        return dict.fromkeys(WHOLE, _why(evidence, NOT_WHOLE))
    return {
        "whole_s": location(over_blocks("whole_s")) or NOT_WHOLE,
        "whole_steps": median(over_blocks("whole_steps")),
        "after_steps_s": location(over_blocks("after_steps_s")) or NOT_WHOLE,
    }


def _percentiles(evidence: Evidence) -> dict[str, Found]:
    """Take percentiles of all the steady steps of all trials: what a user sees, not an estimate with an interval."""
    names = ("step_p50_us", "step_p95_us", "step_p99_us", "step_quantiles_us")
    pooled = np.concatenate([np.empty(0), *(trial.steady_us for trial in evidence.timed)])
    if not len(pooled):
        return dict.fromkeys(names, _why(evidence, NO_STEADY_STEP))
    pooled.sort()
    told = np.percentile(pooled, [50, 95, 99]).tolist()
    spread = np.percentile(pooled, np.arange(STEP_QUANTILES) * 100 / STEP_QUANTILES).round(3).tolist()
    return dict(zip(names, [*told, spread], strict=True))


def _pairs(evidence: Evidence, compared: GroupEvidence) -> dict[str, Found]:
    reference, name = compared.baseline(evidence), compared.group.name(compared.group.baseline(evidence.cell))
    floor = next((other for other in compared.evidence if other.cell.runner == FLOOR), None)
    return {
        "ratio": _compared(ratio, evidence, reference, name, name),
        "overhead_us": _compared(overhead_us, evidence, reference, name, name),
        "floor_ratio": _compared(ratio, evidence, floor, FLOOR, name),
    }


def _has_defaults(compared: GroupEvidence) -> bool:
    return any(other.cell.profile == "stock" for other in compared.evidence)


def _defaults(evidence: Evidence, compared: GroupEvidence) -> dict[str, Found]:
    """What a loop's defaults cost, and what it writes."""
    written = list(evidence.by_block(metric("terminal_bytes_per_step")).values())
    matched = compared.of(compared.group.matched(evidence.cell))
    missing = _why(evidence, NO_MATCHED if evidence.cell.profile == "stock" else NO_DEFAULTS)
    return {
        "terminal_bytes_per_step": written[0] if written else _why(evidence, NO_TERMINAL),
        "defaults_us": (None if matched is None else overhead_us(evidence, matched)) or missing,
        "defaults_ratio": (None if matched is None else ratio(evidence, matched)) or missing,
    }


def _noise_floor(evidence: Evidence, itself: NoiseFloor | None) -> Found:
    if itself is None:
        return _why(evidence, NO_CLONE)
    return itself.floor if itself.floor is not None else _why(evidence, TOO_FEW_FOR_FLOOR)


def ratio(own: Evidence, other: Evidence) -> Estimate | None:
    """Own step time over the other's, from the pairs of each block; None without any."""
    return exponentiated(signed_rank_estimate(_values(log_ratios_by_block(own, other))))


def overhead_us(own: Evidence, other: Evidence) -> Estimate | None:
    """Own step time minus the other's, from the same pairs."""
    return signed_rank_estimate(_values(differences_by_block(own, other)))


def _values(by_block: Mapping[int, float]) -> Sequence[float]:
    return list(by_block.values())


def _compared(
    estimate: Callable[[Evidence, Evidence], Estimate | None],
    evidence: Evidence,
    other: Evidence | None,
    partner: str,
    reference: str,
) -> Found:
    """Compare step times block by block, or say what forbids it: only equal arithmetic may be compared."""
    if other is None or not evidence.timed:
        return _why(evidence, f"{partner} is not in this run")
    for side in (evidence, other):
        if not side.equivalence.proven:
            return f"{side.cell.runner} is not proven to do the arithmetic of {reference}: {side.equivalence.detail}"
    pairs = estimate(evidence, other)
    return pairs or f"no block has step times of both {evidence.cell.runner} and {partner}"


def _memory(evidence: Evidence) -> dict[str, Found]:
    device = {kind: _peak(evidence, peak) for kind, peak in parts("device_memory_bytes").items()}
    known = {kind: value for kind, value in device.items() if not isinstance(value, str)}
    return {
        "host_rss_bytes": _peak(evidence, metric("host_rss_bytes")),
        "device_memory_bytes": DeviceMemory(**known),
        **{f"device_memory_bytes.{kind}": value for kind, value in device.items() if kind not in known},
    }


def _peak(evidence: Evidence, peak: Metric) -> float | str:
    """Return the median over blocks of one of the memory's peaks."""
    by_block = evidence.by_block(peak)
    if by_block:
        return median(by_block.values())
    reasons = [trial.memory.unavailable[peak.key] for trial in evidence.timed if peak.key in trial.memory.unavailable]
    return _why(evidence, reasons[-1] if reasons else NOT_REPORTED)


def _counters(evidence: Evidence) -> dict[str, Found]:
    counted = counting.figures(evidence.counts)
    if counted is None:
        return dict.fromkeys(
            ("counters", "tensor_bytes", "tensor_bytes_by_category"),
            _why_not(evidence, "counting", counting.NOT_COUNTED),
        )
    missing = [figure for figure in COUNTED if getattr(counted, figure.key) is None]
    return {
        "counters": counted,
        **_tensors(evidence),
        **{figure.path: counting.why_not_counted(evidence.counts, figure.key) for figure in missing},
    }


def _tensors(evidence: Evidence) -> dict[str, Found]:
    counts, names = evidence.counts, ("tensor_bytes", "tensor_bytes_by_category")
    if counts[0].tensor_bytes is None:
        return dict.fromkeys(names, _why(evidence, counting.why_not_counted(counts, names[0])))
    return dict(zip(names, (counts[0].tensor_bytes.value, counts[0].tensor_bytes_by_category), strict=True))


def _compilation(evidence: Evidence) -> Found:
    if not evidence.cell.compile:
        return NOT_ASKED_FOR
    if not evidence.compilations:
        return evidence.reason or NOT_COMPILED
    _, last = evidence.compilations[-1]
    timed = [each for phase, each in evidence.compilations if phase == "timing"]
    proof = next((each for phase, each in evidence.compilations if phase == "equivalence"), None)
    return CompilationFigures(
        seconds=median(each.seconds for each in timed) if timed else None,
        first_seconds=None if proof is None else proof.seconds,
        graphs=last.graphs,
        graph_breaks=last.graph_breaks,
        in_turns=sum(each.in_turns for each in timed) if timed else None,
    )


def _phases(evidence: Evidence) -> dict[str, Found]:
    split = [figures for trial in evidence.split if trial.phases and (figures := phases_us(trial, trial.phases))]
    return {"phases_us": split[0] if split else _why_not(evidence, "phases", NOT_SPLIT), **_evaluation(evidence)}


EVALUATION = ("evaluation_us", "evaluation_share", "evaluation_steps")


def _evaluation(evidence: Evidence) -> dict[str, Found]:
    """Of the timed steps; where there are none, of those that were split into phases."""
    looks = [each.evaluation for each in evidence.timed if each.evaluation is not None]
    looks = looks or [each for trial in evidence.split if trial.phases and (each := _while_split(trial.phases))]
    ns, of_ns, steps = (sum(getattr(look, part) for look in looks) for part in ("ns", "of_ns", "steps"))
    if not steps:
        return dict.fromkeys(EVALUATION, _why_not(evidence, "timing", NO_EVALUATION))
    return dict(zip(EVALUATION, (ns / steps / 1e3, ns / of_ns, steps), strict=True))


def _while_split(phases: Phases) -> EvaluationTime | None:
    if not phases.evaluation_ns:
        return None
    ns = sum(phases.evaluation_ns)
    of_ns = ns + sum(map(sum, phases.phase_ns.values()))
    return EvaluationTime(ns=ns, of_ns=of_ns, steps=len(phases.evaluation_ns))


def _energy(evidence: Evidence) -> Found:
    by_block = evidence.by_block(metric("joules_per_1000_samples"))
    if by_block:
        return median(by_block.values())
    reasons = [reason for trial in evidence.timed if (reason := trial.no_energy) is not None]
    return _why(evidence, reasons[-1] if reasons else NOT_REPORTED)


def _imports(evidence: Evidence, interpreters: Collection[Interpreter]) -> dict[str, Found]:
    alone_s = [interpreter.import_s for interpreter in interpreters if interpreter.alone]
    torch_s = [
        interpreter.import_torch_s
        for interpreter in interpreters
        if interpreter.alone and interpreter.import_torch_s is not None
    ]
    grown_bytes = [interpreter.import_rss_bytes for interpreter in interpreters]
    return {
        "import_s": median(alone_s) if alone_s else _why(evidence, NOT_ALONE),
        "import_torch_s": median(torch_s) if torch_s else _why(evidence, NOT_TOLD_APART if alone_s else NOT_ALONE),
        "import_rss_bytes": median(grown_bytes) if grown_bytes else _why(evidence, NOT_REPORTED),
    }
