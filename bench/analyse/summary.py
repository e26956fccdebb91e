"""From the journal to the summary: one row for every cell of the plan, and what to be wary of."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from bench.analyse import launches, prices
from bench.analyse.cells.counting import attribution, tables_of
from bench.analyse.cells.evidence import Evidence, GroupEvidence
from bench.analyse.cells.gather import gather, gather_group
from bench.analyse.cells.pairs import ratio
from bench.analyse.cells.rows.resources import ImportFigures
from bench.analyse.cells.rows.row import row
from bench.analyse.cells.seen import Seen, seen
from bench.analyse.machine import diagnose, foreign_load, jitter, variables
from bench.analyse.max_batch import largest_batches
from bench.analyse.releases import history, transitions
from bench.analyse.scaling import scaling
from bench.analyse.verdicts import price_changes, upgrade
from bench.analyse.warnings import warnings_of
from bench.plan.comparison_groups import planned_groups
from bench.records.journal import latest
from bench.records.schema import NoiseFloor, Summary, Trial

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bench.analyse.cells.counting import Tables
    from bench.plan.comparison_groups import ComparisonGroup
    from bench.records.health import Health
    from bench.records.schema import (
        AttributionRow,
        Cell,
        CellSummary,
        Estimate,
        Imported,
        Interpreter,
        PriceChange,
        Run,
    )

    Imports = dict[tuple[str, str, str | None], ImportFigures]
    """By runner, environment and accelerator type."""


LOOKED_AT_AGAIN = ("bisect", "prices", "price_changes")
"""Kinds of run that take the steps of trials more than once."""


def kept(run: Run, trials: Iterable[Trial]) -> list[Seen]:
    """What `summarise` needs of a journal, which may be larger than the memory: of each trial no more than that."""
    if run.kind in LOOKED_AT_AGAIN:
        return latest(trials)
    return latest(seen(run, trials, without_turns=False))


EXACT_PASSES = frozenset({"equivalence", "counting"})
"""What these see is the same on a busy machine: where a run has no other, its machine is no reason to be wary."""


def summarise(run: Run, trials: Sequence[Seen], checkups: Sequence[Health] = ()) -> Summary:
    """Turn a run, its journal and what was seen of its machine into its summary; rows are in the order of the plan."""
    checkups = [] if EXACT_PASSES.issuperset(run.settings.passes) else checkups
    whole = [trial for trial in trials if isinstance(trial, Trial)]
    gathered = gather(run, trials)
    imports = _imports(trials)
    floors = _noise_floors(run, gathered)
    rows: dict[Cell, CellSummary] = {}
    for compared, itself in zip(gathered, floors, strict=True):
        for evidence in compared.evidence:
            cell = evidence.cell
            of_cell = imports.get(_imported_by(cell), ImportFigures.of([]))
            rows.setdefault(cell, row(evidence, compared, of_cell, itself))
    disturbed = foreign_load.marked(run, trials)
    of_machines = (variables.warnings_of(machine.variables, machine.left_out) for machine in run.all_machines)
    of_variables = dict.fromkeys(caution for cautions in of_machines for caution in cautions)
    of_trials = [*launches.warnings_of(trials), *foreign_load.warnings_of(disturbed, run, trials)]
    about_machine = [*of_variables, *of_trials, *diagnose.of_run(checkups)]
    warnings = [*about_machine, *warnings_of(gathered)]
    changes = price_changes.assess(run, trials, ended=True).changes if run.kind == "price_changes" else []
    summary = Summary(
        run=run,
        machine=run.machine,
        packages=run.packages,
        cells=list(rows.values()),
        nodes=_nodes(trials),
        attribution=_attributed(run, gathered, changes),
        releases=history.releases(gathered, trials, seed=run.settings.seed) if run.verb == "history" else [],
        verdicts=upgrade.assess(run, trials, ended=True).verdicts if run.kind == "upgrade" else [],
        largest_batches=largest_batches(run, whole),
        scaling=scaling(gathered),
        prices=prices.of_options(run, gathered, floors, whole) if run.settings.design == "options" else [],
        price_changes=changes,
        imported=_imported(trials),
        noise_floors=[floor for place, floor in enumerate(floors) if floor is not None and floor not in floors[:place]],
        marked_blocks=disturbed,
        machine_warnings=list(map(str, about_machine)),
        steadiness=jitter.of_run(checkups),
        first_warning=warnings[0].gist if warnings else None,
        warnings=list(map(str, warnings)),
    )
    return transitions.bisected(summary, whole) if run.verb == "bisect" else summary


def _nodes(trials: Iterable[Seen]) -> dict[str, int]:
    """How many blocks each node of a cluster has timed."""
    blocks = {(trial.node, trial.block) for trial in trials if trial.phase == "timing" and trial.node is not None}
    return dict(sorted(Counter(node for node, _ in blocks).items()))


def _noise_floors(run: Run, gathered: Sequence[GroupEvidence]) -> list[NoiseFloor | None]:
    if run.settings.design == "options":
        return prices.noise_floors(gathered)
    return [noise_floor(run, compared) for compared in gathered]


def noise_floor(run: Run, compared: GroupEvidence) -> NoiseFloor | None:
    """How far the baseline of a group differs from its clone; None where they were not timed together."""
    clone, reference = clone_of(run, compared), compared.reference
    itself = None if clone is None or reference is None else ratio(clone, reference)
    if clone is None or itself is None:
        return None
    cell = compared.group.reference
    return NoiseFloor(
        comparison=cell.comparison,
        runner=cell.runner,
        ratio=itself,
        blocks=clone.blocks,
        floor=prices.farther_bound(itself),
    )


def clone_of(run: Run, compared: GroupEvidence) -> Evidence | None:
    """The reference once more: a clone without a row, or an environment that is the first one's."""
    names = {environment.name for environment in run.settings.environments if environment.clone_of is not None}
    arms = (evidence for evidence in compared.evidence if evidence.cell.environment in names)
    return compared.clone or next(arms, None)


def ratios_so_far(run: Run, trials: Sequence[Trial], cell: Cell) -> dict[str, Estimate | None]:
    """Return the ratio of every cell in the group of `cell`, by its name in that group."""
    planned = next(group for group in planned_groups(run.settings) if cell in group.members)
    seen = [trial for trial in trials if trial.cell in planned.members]
    compared = gather_group(run, planned, seen)
    reference = compared.reference
    if reference is None:
        return {}
    return {planned.name(evidence.cell): _proven_ratio(evidence, reference) for evidence in compared.evidence}


def _proven_ratio(evidence: Evidence, reference: Evidence) -> Estimate | None:
    if not (evidence.equivalence.proven and reference.equivalence.proven):
        return None
    return ratio(evidence, reference)


def _attributed(run: Run, gathered: Sequence[GroupEvidence], changes: Sequence[PriceChange]) -> list[AttributionRow]:
    """By which functions cells differ: from their reference, or in a history from the release before.

    A price list tells of no function, and has none here: with forty options that would be most of its summary. A check
    of prices has them of what changed.
    """
    if run.verb == "history":
        return history.between_releases(gathered)
    if run.settings.design == "options":
        return list(price_changes.attribution_of(gathered, changes))
    return [row for compared in gathered for row in _attribution(compared)]


def _attribution(compared: GroupEvidence) -> list[AttributionRow]:
    tables = {evidence.cell: tables_of(evidence.counts, evidence.phase_trials) for evidence in compared.evidence}
    baselines = dict.fromkeys(map(compared.group.baseline, tables))
    return [row for baseline in baselines for row in _held_to(baseline, tables, compared.group)]


def _held_to(baseline: Cell, tables: Mapping[Cell, Tables], planned: ComparisonGroup) -> list[AttributionRow]:
    others = {cell: own for cell, own in tables.items() if cell != baseline and planned.baseline(cell) == baseline}
    return attribution(tables.get(baseline, {}), others)


def _imported(trials: Sequence[Seen]) -> dict[str, dict[str, Imported]]:
    """What the interpreters of each environment had imported; all that served a run had the same."""
    imported: defaultdict[str, dict[str, Imported]] = defaultdict(dict)
    for trial in trials:
        if trial.interpreter is not None:
            imported[trial.cell.environment] |= trial.interpreter.imported
    return dict(imported)


def _imports(trials: Sequence[Seen]) -> Imports:
    """What the distinct interpreters of each runner, environment and kind of machine say.

    One serves many trials of its block, and those of two nodes may have the same number.
    """
    distinct = {
        (_imported_by(trial.cell), trial.node, trial.block, trial.interpreter.pid): trial.interpreter
        for trial in trials
        if trial.interpreter is not None
    }
    imports: defaultdict[tuple[str, str, str | None], list[Interpreter]] = defaultdict(list)
    for (whose, _, _, _), interpreter in distinct.items():
        imports[whose].append(interpreter)
    return {whose: ImportFigures.of(interpreters) for whose, interpreters in imports.items()}


def _imported_by(cell: Cell) -> tuple[str, str, str | None]:
    return cell.runner, cell.environment, cell.accelerator_type
