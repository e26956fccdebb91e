"""The figures of one row, each with the reason why where it cannot be had."""

from __future__ import annotations

from collections.abc import Callable

from bench.analyse.cells.evidence import Evidence, GroupEvidence
from bench.analyse.cells.pairs import overhead_us, ratio
from bench.analyse.cells.rows import missing, passes, resources, steps
from bench.analyse.cells.rows.missing import FigureOrReason, why
from bench.analyse.cells.rows.resources import ImportFigures
from bench.records.cells import FLOOR
from bench.records.metrics import metric
from bench.records.schema import (
    CellSummary,
    Estimate,
    NoiseFloor,
)


def row(evidence: Evidence, compared: GroupEvidence, imports: ImportFigures, itself: NoiseFloor | None) -> CellSummary:
    """Return the row of a cell, given its group and that one's noise floor, and what its runner's imports take."""
    common = evidence.common_blocks()
    figures = {
        **steps.steps(common),
        **_pairs(evidence, compared),
        **_defaults(evidence, compared),
        "noise_floor": _noise_floor(evidence, itself),
        **resources.memory(common),
        **passes.counters(evidence),
        **passes.phases(evidence),
        "joules_per_1000_samples": resources.energy(common),
        **resources.imports(evidence, imports),
        "compilation": passes.compilation(evidence),
    }
    facts = {
        "status": evidence.status,
        "reason": evidence.reason,
        "blocks": evidence.blocks,
        "trials": len(evidence.timing_trials) + len(evidence.failed),
        "failed_trials": len(evidence.failed),
        "length": evidence.length,
        "equivalence": evidence.equivalence,
        "setup": evidence.setup if _has_defaults(compared) else {},
        "unavailable": {name: value for name, value in figures.items() if isinstance(value, str)},
    }
    known = {name: value for name, value in figures.items() if not isinstance(value, str)}
    return CellSummary.model_validate(evidence.cell.model_dump() | facts | known)


def _pairs(evidence: Evidence, compared: GroupEvidence) -> dict[str, FigureOrReason]:
    reference, name = compared.baseline(evidence), compared.group.name(compared.group.baseline(evidence.cell))
    floor = next((other for other in compared.evidence if other.cell.runner == FLOOR), None)
    return {
        "ratio": _compared(ratio, evidence, reference, name, name),
        "overhead_us": _compared(overhead_us, evidence, reference, name, name),
        "floor_ratio": _compared(ratio, evidence, floor, FLOOR, name),
    }


def _has_defaults(compared: GroupEvidence) -> bool:
    return any(other.cell.profile == "stock" for other in compared.evidence)


def _defaults(evidence: Evidence, compared: GroupEvidence) -> dict[str, FigureOrReason]:
    """What a loop's defaults cost, and what it writes."""
    written = list(evidence.by_block(metric("terminal_bytes_per_step")).values())
    matched = compared.of(compared.group.matched(evidence.cell))
    reason = why(evidence, missing.NO_MATCHED if evidence.cell.profile == "stock" else missing.NO_DEFAULTS)
    return {
        "terminal_bytes_per_step": written[0] if written else why(evidence, missing.NO_TERMINAL),
        "defaults_us": (None if matched is None else overhead_us(evidence, matched)) or reason,
        "defaults_ratio": (None if matched is None else ratio(evidence, matched)) or reason,
    }


def _noise_floor(evidence: Evidence, itself: NoiseFloor | None) -> FigureOrReason:
    if itself is None:
        return why(evidence, missing.NO_CLONE)
    return itself.floor if itself.floor is not None else why(evidence, missing.TOO_FEW_FOR_FLOOR)


def _compared(
    estimate: Callable[[Evidence, Evidence], Estimate | None],
    evidence: Evidence,
    other: Evidence | None,
    partner: str,
    reference: str,
) -> FigureOrReason:
    """Compare step times block by block, or say what forbids it: only equal arithmetic may be compared."""
    if other is None or not len(evidence.timing_trials):
        return why(evidence, f"{partner} is not in this run")
    for side in (evidence, other):
        if not side.equivalence.proven:
            return f"{side.cell.runner} is not proven to do the arithmetic of {reference}: {side.equivalence.detail}"
    pairs = estimate(evidence, other)
    return pairs or f"no block has step times of both {evidence.cell.runner} and {partner}"
