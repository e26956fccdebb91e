"""Between which releases a bisection's metric moved, by which functions, and what a timed comparison says of it."""

from __future__ import annotations

from collections.abc import Sequence

from bench.analyse.cells.counting import attribution, count, tables_of
from bench.analyse.cells.evidence import GroupEvidence
from bench.analyse.cells.gather import gather_group
from bench.analyse.releases.probes import CLONE, cell_of, probes, searched, sought
from bench.analyse.releases.search import Gap
from bench.analyse.verdicts import upgrade
from bench.plan.bisect import STEP_TIME
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.upgrade import ARMS, arms
from bench.records.schema import AttributionRow, Environment, Probe, Run, Summary, Transition, Trial, Verdict


def bisected(summary: Summary, trials: Sequence[Trial]) -> Summary:
    """Add to a bisection's summary what it looked at, where the metric moved, and what is behind that."""
    run = summary.run
    seen = probes(run, trials)
    moves = transitions(run, trials, seen)
    update = {
        "probes": seen,
        "moves": moves,
        "attribution": attributed(run, trials, moves),
        "verdicts": verdicts(run, trials, moves[0]) if moves else [],
    }
    return summary.model_copy(update=update)


def transitions(run: Run, trials: Sequence[Trial], probes: Sequence[Probe]) -> list[Transition]:
    """Return where the metric moved, the largest move first; that is the one to confirm."""
    by_release = {probe.release: probe for probe in probes}
    moves = [_move(run, trials, gap, by_release) for gap in searched(run, probes).gaps]
    return sorted(moves, key=lambda transition: -abs((transition.after or 0) - (transition.before or 0)))


def _move(run: Run, trials: Sequence[Trial], gap: Gap, probes: dict[str, Probe]) -> Transition:
    releases = [release.version for release in sought(run).releases]
    older, newer = releases[gap.older], releases[gap.newer]
    compared = _neighbours(run, trials, older, newer)
    return Transition(
        older=older,
        newer=newer,
        before=probes[older].value,
        after=probes[newer].value,
        between=[releases[index] for index in gap.unusable],
        untested=len(gap.untested),
        repeated=_repeated(compared, sought(run).metric),
        equivalence=compared.evidence[1].equivalence,
    )


def _neighbours(run: Run, trials: Sequence[Trial], older: str, newer: str) -> GroupEvidence:
    reference, cell = cell_of(run, older), cell_of(run, newer)
    return gather_group(run, ComparisonGroup(cells=(reference, cell), reference=reference), trials)


def _repeated(compared: GroupEvidence, metric: str) -> bool | None:
    """Whether a second fresh interpreter gave the same counts, on both sides."""
    counted = [evidence.counts for evidence in compared.evidence]
    if metric == STEP_TIME or any(len(counts) < 2 for counts in counted):
        return None
    return all(count(counts[0], metric) == count(counts[-1], metric) for counts in counted)


def attributed(run: Run, trials: Sequence[Trial], moves: Sequence[Transition]) -> list[AttributionRow]:
    """Subtract the older neighbour's tables from the newer one's, move by move."""
    rows = []
    for transition in moves:
        older, newer = _neighbours(run, trials, transition.older, transition.newer).evidence
        rows += attribution(
            tables_of(older.counts, older.phase_trials), {newer.cell: tables_of(newer.counts, newer.phase_trials)}
        )
    return rows


def verdicts(run: Run, trials: Sequence[Trial], transition: Transition) -> list[Verdict]:
    """Return the verdicts of a check of the two neighbours, the newer one as its cell's environment."""
    judged = upgrade.assess(*as_check(run, trials, transition), ended=True).verdicts
    return [verdict.model_copy(update={"cell": cell_of(run, transition.newer)}) for verdict in judged]


def is_confirmed(run: Run, trials: Sequence[Trial], transition: Transition) -> bool:
    """Whether more blocks of the two neighbours would change nothing."""
    return upgrade.assess(*as_check(run, trials, transition), ended=False).complete


def as_check(run: Run, trials: Sequence[Trial], transition: Transition) -> tuple[Run, list[Trial]]:
    """Return the neighbours' part of a bisection as if it were a check: the older is the baseline.

    Of the timed blocks only those with the clone are part of it, numbered from 0.
    """
    names = dict(zip((transition.older, transition.newer, CLONE), ARMS, strict=True))
    timed = sorted({t.block for t in trials if t.phase == "timing" and t.cell.environment == CLONE})
    blocks = {block: number for number, block in enumerate(timed)}
    relabelled = [
        trial.model_copy(
            update={
                "cell": trial.cell.model_copy(update={"environment": names[trial.cell.environment]}),
                "block": blocks.get(trial.block, trial.block),
            }
        )
        for trial in trials
        if trial.cell.environment in names and (trial.phase != "timing" or trial.block in blocks)
    ]
    sides = arms(_environment(run, transition.older), _environment(run, transition.newer))
    settings = run.settings.model_copy(update={"environments": sides, "passes": ["equivalence", "counting", "timing"]})
    return run.model_copy(update={"settings": settings}), relabelled


def _environment(run: Run, release: str) -> Environment:
    return next(environment for environment in run.settings.environments if environment.name == release)
