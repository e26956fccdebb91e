"""From the journal to the summary: one row for every cell of the plan, and what to be wary of."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from bench.analyse.counting import attribution, tables_of
from bench.analyse.evidence import gather
from bench.analyse.rows import row
from bench.analyse.warnings import warnings_of
from bench.records.schema import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.records.schema import Interpreter, Run, Trial

    Imports = dict[tuple[str, str], list[Interpreter]]


def summarise(run: Run, trials: Sequence[Trial]) -> Summary:
    """Turn a run and its journal into its summary, rows in the order of the plan; nothing else is read."""
    gathered = gather(run, trials)
    imports = _imports(trials)
    rows = []
    for comparison in gathered:
        by_runner = {evidence.cell.runner: evidence for evidence in comparison}
        for evidence in comparison:
            cell = evidence.cell
            rows.append(row(evidence, by_runner, imports.get((cell.runner, cell.environment), [])))
    tables = {e.cell: tables_of(e.counts, e.split) for comparison in gathered for e in comparison}
    return Summary(
        run=run,
        machine=run.machine,
        packages=run.packages,
        cells=rows,
        attribution=attribution(tables),
        warnings=warnings_of(gathered),
    )


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
