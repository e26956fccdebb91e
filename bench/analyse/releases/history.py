"""What the releases of a package cost, one after the other, each against the hand-written loop beside it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from bench.analyse.cells.counting import attribution, count, tables_of
from bench.analyse.cells.evidence import Evidence, GroupEvidence
from bench.analyse.cells.pairs import log_ratios_by_block
from bench.analyse.cells.seen import Seen
from bench.analyse.cells.turns import figures
from bench.analyse.statistics.change_points import change_points
from bench.analyse.statistics.signed_rank import location
from bench.records.cells import ANCHOR, SCRIPT
from bench.records.metrics import EXACT
from bench.records.schema import AttributionRow, Cell, ReleaseFigures, Trial

Ratios = dict[Cell, list[float]]
SAME = ("bitwise", "close")
"""The verdicts of what does the reference's arithmetic; `unlike` is compared although it does not."""


def releases(gathered: Sequence[GroupEvidence], trials: Sequence[Seen], *, seed: int) -> list[ReleaseFigures]:
    """Return the figures of every release, series by series (a series is one runner in one comparison)."""
    ratios = adjacent_ratios(trials) | ratios_in_turns(gathered)
    return [figures for series in _series(gathered) for figures in _figures(series, ratios, seed)]


def ratios_in_turns(gathered: Sequence[GroupEvidence]) -> Ratios:
    """Return step time over the anchor's in each block, of the releases that took turns with it."""
    ratios: Ratios = {}
    for compared in gathered:
        for evidence in compared.evidence:
            if evidence.took_turns and compared.reference is not None and evidence is not compared.reference:
                ratios[evidence.cell] = [
                    math.exp(log) for log in log_ratios_by_block(evidence, compared.reference).values()
                ]
    return ratios


def adjacent_ratios(trials: Sequence[Seen]) -> Ratios:
    """Return step time over the anchor's for each trial without turns, from the trial of the anchor beside it.

    A block measured them in twos, so that positions 2 k and 2 k + 1 are a pair.
    """
    places: defaultdict[tuple[int, int], list[Trial]] = defaultdict(list)
    for trial in trials:
        if isinstance(trial, Trial) and trial.timing is not None and trial.timing.turns is None:
            places[trial.block, trial.position // 2].append(trial)
    ratios: Ratios = defaultdict(list)
    for pair in places.values():
        if len(pair) == 2:
            anchor, release = sorted(pair, key=lambda trial: trial.cell.environment != ANCHOR)
            ours, theirs = (figures(trial, trial.timing).step_us for trial in (release, anchor) if trial.timing)
            if not np.isnan(ratio := ours[0] / theirs[0]):
                ratios[release.cell].append(float(ratio))
    return dict(ratios)


def _series(gathered: Sequence[GroupEvidence]) -> list[list[Evidence]]:
    series: defaultdict[tuple[object, str], list[Evidence]] = defaultdict(list)
    for compared in gathered:
        for evidence in compared.evidence:
            if evidence.cell.environment != ANCHOR:
                series[evidence.cell.without_environment, evidence.cell.runner].append(evidence)
    return list(series.values())


def _figures(series: Sequence[Evidence], ratios: Ratios, seed: int) -> list[ReleaseFigures]:
    proven = [evidence for evidence in series if evidence.equivalence.proven and ratios.get(evidence.cell)]
    changes = change_points([np.log(ratios[evidence.cell]) for evidence in proven], seed=seed)
    factors = {proven[change.index].cell: change.factor for change in changes}
    earlier = [None, *series[:-1]]
    return [
        ReleaseFigures(
            cell=evidence.cell,
            ratio=location(ratios[evidence.cell]) if evidence in proven else None,
            change=factors.get(evidence.cell),
            more=_more(before, evidence),
            reason=None if evidence in proven else _why_not(evidence),
            arithmetic=_arithmetic(series[:place], evidence),
        )
        for place, (before, evidence) in enumerate(zip(earlier, series, strict=True))
    ]


def _arithmetic(earlier: Sequence[Evidence], now: Evidence) -> str | None:
    """Whether `now` begins or ceases to do other arithmetic than the reference; None where that is not known."""
    if now.equivalence.verdict == "unproven":
        return None
    known = [evidence.equivalence.verdict in SAME for evidence in earlier if evidence.equivalence.verdict != "unproven"]
    is_same = now.equivalence.verdict in SAME
    if is_same == (known[-1] if known else True):
        return None
    if is_same:
        return f"the arithmetic of {_reference(now)} again"
    return f"{'no longer' if known else 'not'} the arithmetic of {_reference(now)}: {now.equivalence.detail}"


def _reference(evidence: Evidence) -> str:
    return "the script with the packages of today" if evidence.cell.workload == SCRIPT else "the hand-written loop"


def _why_not(evidence: Evidence) -> str:
    if evidence.reason is not None:
        return evidence.reason
    if evidence.equivalence.proven:
        return f"no block has step times of both it and {_reference(evidence)}"
    return f"not proven to do the arithmetic of {_reference(evidence)}: {evidence.equivalence.detail}"


def _more(before: Evidence | None, now: Evidence) -> dict[str, int]:
    """What most steady steps have more than with the release before; what does not repeat is not told."""
    if before is None or not before.counts or not now.counts:
        return {}
    more = {}
    for metric in EXACT:
        values = [{count(counters, metric.key) for counters in side.counts} for side in (before, now)]
        if all(len(side) == 1 and None not in side for side in values):
            (old,), (new,) = values
            more[metric.key] = (new or 0) - (old or 0)
    return {name: delta for name, delta in more.items() if delta}


def between_releases(gathered: Sequence[GroupEvidence]) -> list[AttributionRow]:
    """Subtract each release's tables from those of the next one, function by function."""
    rows = []
    for series in _series(gathered):
        for before, now in pairwise(series):
            tables = tables_of(before.counts, before.phase_trials)
            rows += attribution(tables, {now.cell: tables_of(now.counts, now.phase_trials)})
    return rows
