"""What a bisection's journal says of every release that it looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.analyse.cells.counting import count, why_not_counted
from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.gather import gather_group
from bench.analyse.cells.pairs import steps_us_beside
from bench.analyse.releases import nearest_end
from bench.analyse.releases.search import Known, Search, is_nearer_to_last, search
from bench.plan.bisect import STEP_TIME
from bench.plan.comparison_groups import ComparisonGroup, cell
from bench.records.schema import Bisection, Cell, Probe, Run, Trial

CLONE = "clone"
"""The environment that is the older neighbour once more, for the A/A arm of the confirmation."""


def sought(run: Run) -> Bisection:
    """What the run looks for."""
    assert run.settings.bisection is not None
    return run.settings.bisection


def cell_of(run: Run, release: str) -> Cell:
    """The one cell of a bisection, with a release."""
    return cell(run.settings.comparisons[0], run.settings.runners[0], release)


def probes(run: Run, trials: Sequence[Trial]) -> list[Probe]:
    """Return what was seen of every release that was counted, or could not be, oldest first."""
    evidence = _evidence(run, trials)
    requirements = {environment.name: environment.requirements for environment in run.settings.environments}
    counted = [
        Probe(
            release=release.version,
            uploaded=release.uploaded,
            requirements=requirements.get(release.version, []),
            **_counted(evidence[release.version], sought(run).metric),
        )
        for release in sought(run).releases
        if release.version in evidence
    ]
    return _timed(run, trials, counted, evidence) if sought(run).metric == STEP_TIME else _likened(counted)


def _timed(
    run: Run, trials: Sequence[Trial], counted: Sequence[Probe], evidence: Mapping[str, Evidence]
) -> list[Probe]:
    """The probes with their step times, from the blocks of the search: those with the clone confirm what it found."""
    timed = [trial for trial in trials if trial.phase == "timing"]
    confirming = {trial.block for trial in timed if trial.cell.environment == CLONE}
    blocks: dict[str, set[int]] = {release: set() for release in evidence}
    for trial in timed:
        if trial.block not in confirming and trial.cell.environment in blocks:
            blocks[trial.cell.environment].add(trial.block)
    first = next((evidence[probe.release] for probe in counted if probe.status == "ok"), None)
    steps_us = {} if first is None else {name: steps_us_beside(own, first) for name, own in evidence.items()}
    return nearest_end.classify_by_endpoints(
        counted,
        {name: {block: us for block, us in own.items() if block not in confirming} for name, own in steps_us.items()},
        {release: len(own) for release, own in blocks.items()},
        margin=run.settings.margin_of_time,
        cap=run.settings.blocks,
    )


def _evidence(run: Run, trials: Sequence[Trial]) -> dict[str, Evidence]:
    tried = {trial.cell.environment for trial in trials if trial.phase == "counting"}
    cells = tuple(cell_of(run, release.version) for release in sought(run).releases if release.version in tried)
    if not cells:
        return {}
    gathered = gather_group(run, ComparisonGroup(cells=cells, reference=cells[0]), trials)
    return {evidence.cell.environment: evidence for evidence in gathered.evidence}


def _counted(evidence: Evidence, metric: str) -> dict[str, Any]:
    if not evidence.counts:
        return {"status": evidence.failed[-1].status, "reason": evidence.reason}
    if metric == STEP_TIME:
        failed = [trial for trial in evidence.failed if trial.phase == "timing"]
        if failed and not len(evidence.timing_trials):
            return {"status": failed[-1].status, "reason": failed[-1].reason}
        return {"status": "ok"}
    value = count(evidence.counts[0], metric)
    if value is None:
        return {"status": "failed", "reason": why_not_counted(evidence.counts, metric)}
    return {"status": "ok", "value": value}


def _likened(probes: list[Probe]) -> list[Probe]:
    values = [probe.value for probe in probes if probe.value is not None]
    return [
        probe if probe.value is None else probe.model_copy(update={"like": _nearer(probe.value, values[0], values[-1])})
        for probe in probes
    ]


def _nearer(value: float, first: float, last: float) -> str:
    return "last" if first != last and is_nearer_to_last(value, first, last) else "first"


def known(run: Run, probes: Sequence[Probe]) -> Known:
    """Return the values to search by: counts, or for the step time 0 for the first end and 1 for the last."""
    indices = {release.version: index for index, release in enumerate(sought(run).releases)}
    if sought(run).metric != STEP_TIME:
        return {indices[probe.release]: probe.value for probe in probes}
    levels = {"first": 0.0, "last": 1.0, "undecided": None}
    return {
        indices[probe.release]: None if probe.status != "ok" else levels[probe.like or "undecided"]
        for probe in probes
        if probe.status != "ok" or probe.like is not None
    }


def searched(run: Run, probes: Sequence[Probe]) -> Search:
    """Return how far the search has come; it ends at a release that stays undecided."""
    state = search(len(sought(run).releases), known(run, probes), every=sought(run).every)
    if any(probe.like == "undecided" for probe in probes):
        return Search(due=(), gaps=state.gaps)
    return state
