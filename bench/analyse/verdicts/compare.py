"""Whether a candidate run is worse than a baseline run.

Nothing was paired when the runs were made, and the machine may have been faster on one day than on the
other. What a day does cannot be told from one run each, but the hand-written loop went through both
days too: where its code is the same in both runs, a loop's time is judged by its ratio to the
hand-written loop inside the blocks of its own run, in which the day cancels. Its own step time then
is the control, which shows the day alone, and the floor's ratio, both loops unchanged, is the check
on that: it should not move (`controls`).

Where torch differs, the hand-written loop is itself a candidate. A torch that makes all loops faster
by as much would raise their ratios to it, so raw times are judged, and nothing cancels the day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analyse.cells.counting import attribution, tables_of
from bench.analyse.cells.evidence import GroupEvidence
from bench.analyse.cells.gather import gather
from bench.analyse.cells.names import name
from bench.analyse.verdicts import comparability
from bench.analyse.verdicts.comparability import Difference
from bench.analyse.verdicts.compare_verdicts import Side, Sides, judged
from bench.analyse.verdicts.controls import Grounds, comparison_warnings, controls
from bench.analyse.verdicts.metrics import ByBlock, import_s_by_block
from bench.analyse.warnings import warnings_of
from bench.records.schema import AttributionRow, Cell, FigureGroup, Judged, Launch, Run, Trial, TwoRuns


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A run and its journal."""

    folder: str
    """As a user would type it."""
    run: Run
    trials: Sequence[Trial]


def compare(baseline: Stored, candidate: Stored, *, margin: float, fail_on: Sequence[FigureGroup]) -> TwoRuns:
    """Judge the cells that both runs have, which are alike, or the user knows that they are not."""
    gathered = gather(baseline.run, baseline.trials), gather(candidate.run, candidate.trials)
    first, second = _sides(gathered[0], baseline.trials), _sides(gathered[1], candidate.trials)
    shared = {cell: (side, second[cell]) for cell, side in first.items() if cell in second}
    compared = {cell: both for cell, both in shared.items() if all(side.is_compared for side in both)}
    controlled = comparability.other_hand_written_loop(baseline.run, candidate.run) is None
    verdicts = list(_judged(compared, margin, controlled=controlled))
    grounds = Grounds(
        margin=margin,
        controlled=controlled,
        sides=shared,
        controls=controls(verdicts),
        launches=(_launches(baseline.trials), _launches(candidate.trials)),
    )
    return TwoRuns(
        baseline=baseline.run,
        candidate=candidate.run,
        folders=(baseline.folder, candidate.folder),
        margin=margin,
        fail_on=list(fail_on),
        unlike=_phrases(comparability.incompatibilities(baseline.run, candidate.run)),
        also_differs=_phrases(comparability.other_differences(baseline.run, candidate.run)),
        packages=comparability.changed_packages(baseline.run, candidate.run),
        controlled=controlled,
        judged=verdicts,
        attribution=[row for cell, both in compared.items() for row in _attribution(cell, both)],
        only_in_baseline=[cell for cell in first if cell not in shared],
        only_in_candidate=[cell for cell in second if cell not in shared],
        failures=[*_failures("A", first), *_failures("B", second)],
        controls=grounds.controls,
        warnings=comparison_warnings(grounds),
        own_warnings=(len(warnings_of(gathered[0])), len(warnings_of(gathered[1]))),
    )


def _phrases(differences: Sequence[Difference]) -> list[str]:
    return [difference.describe("in A", "in B") for difference in differences]


def _sides(gathered: Sequence[GroupEvidence], trials: Sequence[Trial]) -> dict[Cell, Side]:
    imports, weights = _imports(gathered, trials), _weights(trials)
    return {
        evidence.cell: Side(
            evidence=evidence,
            reference=compared.reference,
            import_s=imports[evidence.cell.runner, evidence.cell.accelerator_type],
            weights_sha256=weights.get(evidence.cell),
        )
        for compared in gathered
        for evidence in compared.evidence
    }


def _imports(gathered: Sequence[GroupEvidence], trials: Sequence[Trial]) -> dict[tuple[str, str | None], ByBlock]:
    """Import time by runner and kind of machine, from their first cell: the same interpreters serve all of them."""
    first: dict[tuple[str, str | None], Cell] = {}
    for compared in gathered:
        for cell in compared.group.cells:
            first.setdefault((cell.runner, cell.accelerator_type), cell)
    return {whose: import_s_by_block(trials, cell) for whose, cell in first.items()}


def _launches(trials: Sequence[Trial]) -> list[Launch]:
    timed = (trial.interpreter for trial in trials if trial.phase == "timing")
    return sorted({interpreter.launch for interpreter in timed if interpreter is not None})


def _weights(trials: Sequence[Trial]) -> dict[Cell, str]:
    return {trial.cell: trial.fingerprint.weights_sha256 for trial in trials if trial.fingerprint is not None}


def _failures(run: str, sides: Mapping[Cell, Side]) -> Iterator[str]:
    for cell, side in sides.items():
        evidence, equivalence = side.evidence, side.evidence.equivalence
        if evidence.status != "ok":
            yield f"{name(cell)} has no figures in {run}: {evidence.reason}"
        elif not equivalence.proven:
            yield f"{name(cell)} is {equivalence.verdict} in {run}: {equivalence.detail}"


def _judged(compared: Mapping[Cell, Sides], margin: float, *, controlled: bool) -> Iterator[Judged]:
    imported: set[str] = set()
    for cell, sides in compared.items():
        yield from judged(cell, sides, margin, controlled=controlled, imports=cell.runner not in imported)
        imported.add(cell.runner)


def _attribution(cell: Cell, sides: Sides) -> list[AttributionRow]:
    baseline, candidate = (tables_of(side.evidence.counts, ()) for side in sides)
    return attribution(baseline, {cell: candidate})
