"""How each loop's throughput grows with its ranks, what each of them has in memory, and what they tell each other."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from bench.analyse.statistics.signed_rank import block_medians, exponentiated, location, signed_rank_estimate
from bench.records.metrics import metric
from bench.records.schema import Cell, Scaling

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from bench.analyse.cells.evidence import Evidence, GroupEvidence
    from bench.records.schema import Estimate

NO_ONE_RANK = "the same loop on one rank is not in this run"
NO_BLOCK = "no block has samples/s of both"
NO_PEAKS = "no trial of it was timed"
NOT_COUNTED = "no counting trial of it"
NO_PHASES = "no phases trial of it that looked at collectives"
NOT_SEEN = "torch's profiler saw none of its collectives"


def scaling(gathered: Sequence[GroupEvidence]) -> list[Scaling]:
    """One for each cell of a loop that trains on several ranks, those on one included; none in other runs."""
    by_cell = {evidence.cell: evidence for group in gathered for evidence in group.evidence}
    several = {_on_one(cell) for cell in by_cell if cell.ranks > 1}
    return [_of(evidence, by_cell) for cell, evidence in by_cell.items() if _on_one(cell) in several]


def _on_one(cell: Cell) -> Cell:
    return cell.model_copy(update={name: Cell.model_fields[name].default for name in ("ranks", "nodes", "strategy")})


def _of(evidence: Evidence, by_cell: Mapping[Cell, Evidence]) -> Scaling:
    cell = evidence.cell
    efficiency = _efficiency(evidence, by_cell.get(_on_one(cell)))
    peaks_bytes = list(_peaks_bytes(evidence))
    counted = evidence.counts[0] if evidence.counts else None
    shares, exposed = (_shares(evidence, name) for name in ("collective_ns", "exposed_ns"))
    reasons = {
        "efficiency": efficiency if isinstance(efficiency, str) else None,
        "rank_peaks_bytes": None if peaks_bytes else evidence.reason or NO_PEAKS,
        "collectives": None if counted else evidence.reason or NOT_COUNTED,
        "communication_shares": _why_no_shares(evidence, shares),
    }
    seen = reasons["communication_shares"] is None
    return Scaling(
        cell=cell,
        samples_per_second=location(list(_rates(evidence).values())),
        efficiency=None if isinstance(efficiency, str) else efficiency,
        rank_peaks_bytes=peaks_bytes,
        collectives=None if counted is None else counted.collectives,
        collective_bytes=None if counted is None else counted.collective_bytes,
        communication_shares=shares if seen else [],
        exposed_shares=exposed if seen else [],
        unavailable={name: reason for name, reason in reasons.items() if reason is not None},
    )


def _rates(evidence: Evidence) -> dict[int, float]:
    return evidence.by_block(metric("samples_per_second"))


def _efficiency(own: Evidence, one: Evidence | None) -> Estimate | str:
    """Samples/s over those of so many loops on one rank, block by block; or why it cannot be had."""
    if one is None:
        return NO_ONE_RANK
    for side in (own, one):
        if not side.equivalence.proven:
            return f"on {side.cell.ranks} ranks it is not proven to do the arithmetic of the others"
    ours, theirs = _rates(own), _rates(one)
    logs = [math.log(ours[block] / (theirs[block] * own.cell.ranks)) for block in ours if block in theirs]
    return exponentiated(signed_rank_estimate(logs)) or NO_BLOCK


def _shares(evidence: Evidence, name: str) -> list[float]:
    """The middle over steps of what each rank spends so, as a fraction; of one rank nothing, without a measurement."""
    if evidence.cell.ranks == 1:
        return [0.0]
    by_rank: dict[int, list[float]] = {}
    for trial in evidence.phase_trials:
        assert trial.phases is not None
        for rank, steps in enumerate(trial.phases.communication):
            part_ns = getattr(steps, name)
            by_rank.setdefault(rank, []).extend(a / b for a, b in zip(part_ns, steps.step_ns, strict=True) if b)
    return [median(shares) for shares in by_rank.values() if shares]


def _why_no_shares(evidence: Evidence, shares: Sequence[float]) -> str | None:
    if evidence.cell.ranks == 1 or any(shares):
        return None
    looked = any(trial.phases is not None and trial.phases.communication for trial in evidence.phase_trials)
    return NOT_SEEN if looked else evidence.reason or NO_PHASES


def _peaks_bytes(evidence: Evidence) -> Iterator[float]:
    """The middle over blocks of each rank's peak, on its card where that tells, else in the host's memory."""
    timed = evidence.timing_trials
    known = np.array([bool(of_ranks) for of_ranks in timed.rank_peaks_bytes], dtype=bool)
    for rank in range(evidence.cell.ranks if known.any() else 0):
        peaks = np.array([of_ranks[rank] for of_ranks in timed.rank_peaks_bytes[known]], dtype=np.float64)
        yield median(block_medians(timed.block[known], peaks).values())
