"""From a run's journal to the evidence for each of its cells, group by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bench.analyse.cells import scripts
from bench.analyse.cells.block_turns import BlockTurns
from bench.analyse.cells.counting import counts_of
from bench.analyse.cells.equivalence import changed_setup, judge
from bench.analyse.cells.evidence import Evidence, GroupEvidence, figures_by_block
from bench.analyse.cells.seen import Seen, TimedTrial, figures_of, seen, took_turns
from bench.analyse.cells.throughput import complete
from bench.plan.comparison_groups import ComparisonGroup, planned_groups
from bench.records.schema import Alikeness, Cell, Equivalence, Run, Trial


def gather(run: Run, trials: Sequence[Seen]) -> list[GroupEvidence]:
    """Return the evidence for every planned cell, group by group in the plan's order."""
    by_cell, added_from = _by_cell(trials), _added_from(run, trials)
    return [_compared(run, planned, by_cell, added_from) for planned in planned_groups(run.settings)]


def gather_group(run: Run, planned: ComparisonGroup, trials: Sequence[Seen]) -> GroupEvidence:
    """Return the evidence for one group."""
    return _compared(run, planned, _by_cell(trials), _added_from(run, trials))


def _by_cell(trials: Iterable[Seen]) -> Mapping[Cell, list[Seen]]:
    by_cell: defaultdict[Cell, list[Seen]] = defaultdict(list)
    for trial in trials:
        by_cell[trial.cell].append(trial)
    return by_cell


def _added_from(run: Run, trials: Sequence[Seen]) -> int | None:
    """The first added block with fewer cells than the last planned one, which a failing cell may be missing from."""
    if run.settings.target_ci is None:
        return None
    cells: defaultdict[int, set[Cell]] = defaultdict(set)
    for trial in trials:
        if trial.phase == "timing":
            cells[trial.block].add(trial.cell)
    last = run.settings.blocks - 1
    return next((block for block in sorted(cells) if block > last and len(cells[block]) < len(cells[last])), None)


def _compared(
    run: Run, planned: ComparisonGroup, by_cell: Mapping[Cell, list[Seen]], added_from: int | None
) -> GroupEvidence:
    belonging = {cell: [t for t in by_cell.get(cell, []) if _belongs(t, planned)] for cell in planned.members}
    own = {cell: list(seen(run, trials)) for cell, trials in belonging.items()}
    evidence = (
        _evidence(
            run,
            cell,
            trials := own[cell],
            _equivalence(run, planned, cell, trials, by_cell.get(planned.baseline(cell), [])),
            added_from,
        )
        for cell in planned.cells
    )
    return GroupEvidence(group=planned, evidence=tuple(evidence), clone=_clone(run, planned, own, added_from))


def _equivalence(
    run: Run, planned: ComparisonGroup, cell: Cell, trials: Sequence[Seen], references: Sequence[Seen]
) -> Equivalence:
    trial, reference = _fingerprinted(trials), _fingerprinted(references)
    name = planned.name(planned.baseline(cell))
    if run.settings.scripts is None:
        equivalence = judge(trial, reference, name=name)
        if cell.profile == "matched" or cell.environment == planned.reference.environment:
            return equivalence
        reasons = changed_setup(trial, reference, names=(name, planned.name(cell)))
        return Alikeness.model_validate(equivalence.model_dump() | {"reasons": reasons})
    if cell == planned.reference:
        return scripts.reference(trial, name)
    names = (name, planned.name(cell))
    equivalence = scripts.judge(trial, reference, names=names, unlike=run.settings.scripts.unlike)
    if cell.environment == planned.reference.environment:
        return equivalence
    changed = scripts.changed_defaults(trial, reference, names=names)
    return equivalence.model_copy(update={"reasons": [*dict.fromkeys([*changed, *equivalence.reasons])]})


def _belongs(trial: Seen, planned: ComparisonGroup) -> bool:
    """Whether a trial took its turns in this group; others of the same reference have trials of that, too."""
    return trial.replicate == planned.number or not took_turns(trial)


def _clone(
    run: Run, planned: ComparisonGroup, own: Mapping[Cell, list[Seen]], added_from: int | None
) -> Evidence | None:
    """The evidence of the group's clone, whose arithmetic is the reference's since it is the same code."""
    if planned.clone is None or not own[planned.clone]:
        return None
    trials = own[planned.clone]
    return _evidence(run, planned.clone, trials, judge(None, None, name=planned.name(planned.reference)), added_from)


def _evidence(
    run: Run, cell: Cell, trials: Sequence[Seen], equivalence: Equivalence, added_from: int | None
) -> Evidence:
    good = _last_of_each_block([trial for trial in trials if trial.phase == "timing"])
    length = good[0].length if good else None
    timed = figures_of(good)
    if length is not None:
        timed = complete(timed, cell, length)
    return Evidence(
        cell=cell,
        equivalence=equivalence,
        setup=trial.setup if (trial := _fingerprinted(trials)) is not None else {},
        length=length,
        timing_trials=timed,
        step_us_by_block=figures_by_block(timed, "step_us"),
        turns=BlockTurns.of(timed),
        counts=tuple(counts_of(trials)),
        phase_trials=tuple(trial for trial in trials if isinstance(trial, Trial) and trial.phases is not None),
        passes=tuple(run.settings.passes),
        compilations=tuple((t.phase, t.compilation) for t in trials if t.compilation is not None),
        failed=tuple(trial for trial in trials if trial.status != "ok" and trial.phase != "max-batch"),
        alone=next((trial.alone for trial in reversed(trials) if trial.alone is not None), None),
        contradictions=tuple(trial.contradiction for trial in good if trial.contradiction is not None),
        added_from=added_from,
    )


def _fingerprinted(trials: Sequence[Seen]) -> Trial | None:
    """Pick the equivalence trial to judge: the last good one, since a resumed run repeats those that failed."""
    candidates = [trial for trial in trials if isinstance(trial, Trial) and trial.phase == "equivalence"]
    good = [trial for trial in candidates if trial.status == "ok"]
    return next(reversed(good or candidates), None)


def _last_of_each_block(timed: Sequence[Seen]) -> list[TimedTrial]:
    """The good trials, without what a run that was killed in a block had of it, when all took their turns once more.

    With the others of that time it has no cycle in common, even where it failed the second time.
    """
    last = {(t.block, t.replicate): t for t in timed if not isinstance(t, TimedTrial) or took_turns(t)}
    return [
        trial
        for trial in timed
        if isinstance(trial, TimedTrial) and (not took_turns(trial) or last[trial.block, trial.replicate] is trial)
    ]
