"""From the journal to the summary: one row for every cell of the plan, and what to be wary of."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bench.analyse import foreign_load, health, history, moves, shared_pages, upgrade
from bench.analyse.counting import attribution, tables_of
from bench.analyse.evidence import Compared, gather, gather_round
from bench.analyse.rows import row
from bench.analyse.warnings import warnings_of
from bench.plan.rounds import rounds
from bench.records.schema import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.health import Health
    from bench.records.schema import AttributionRow, Cell, CellSummary, Estimate, Interpreter, Run, Trial

    Imports = dict[tuple[str, str], list[Interpreter]]


def summarise(run: Run, trials: Sequence[Trial], checkups: Sequence[Health] = ()) -> Summary:
    """Turn a run, its journal and what was seen of its machine into its summary; rows are in the order of the plan."""
    gathered = gather(run, trials)
    imports = _imports(trials)
    rows: dict[Cell, CellSummary] = {}
    for compared in gathered:
        for evidence in compared.evidence:
            cell = evidence.cell
            rows.setdefault(cell, row(evidence, compared, imports.get((cell.runner, cell.environment), [])))
    disturbed = foreign_load.marked(run, trials)
    of_trials = [*foreign_load.warnings_of(disturbed, run, trials), *shared_pages.warnings_of(trials)]
    about_machine = [*of_trials, *health.of_run(checkups)]
    summary = Summary(
        run=run,
        machine=run.machine,
        packages=run.packages,
        cells=list(rows.values()),
        attribution=_attributed(run, gathered),
        releases=history.releases(gathered, trials, seed=run.settings.seed) if run.verb == "history" else [],
        verdicts=upgrade.assess(run, trials, ended=True).verdicts if run.verb == "upgrade" else [],
        marked_blocks=disturbed,
        machine_warnings=about_machine,
        warnings=[*about_machine, *warnings_of(gathered)],
    )
    return moves.bisected(summary, trials) if run.verb == "bisect" else summary


def ratios_so_far(run: Run, trials: Sequence[Trial], cell: Cell) -> dict[str, Estimate | None]:
    """Return the ratio of every cell in the round of `cell`, by its name in that round."""
    planned = next(each for each in rounds(run.settings) if cell in each.cells)
    seen = [trial for trial in trials if trial.cell in planned.cells]
    compared = gather_round(run, planned, seen)
    return {planned.name(e.cell): row(e, compared, []).ratio for e in compared.evidence}


def _attributed(run: Run, gathered: Sequence[Compared]) -> list[AttributionRow]:
    """By which functions cells differ: from their reference, or in a history from the release before."""
    if run.verb == "history":
        return history.between_releases(gathered)
    return [found for compared in gathered for found in _attribution(compared)]


def _attribution(compared: Compared) -> list[AttributionRow]:
    tables = {evidence.cell: tables_of(evidence.counts, evidence.split) for evidence in compared.evidence}
    return attribution(tables.pop(compared.round.reference, {}), tables)


def _imports(trials: Sequence[Trial]) -> Imports:
    """Return the distinct interpreters of each runner and environment: one serves many trials of its block."""
    distinct = {
        (trial.cell.runner, trial.cell.environment, trial.block, trial.interpreter.pid): trial.interpreter
        for trial in trials
        if trial.interpreter is not None
    }
    imports: Imports = defaultdict(list)
    for (runner, environment, _, _), interpreter in distinct.items():
        imports[runner, environment].append(interpreter)
    return imports
