"""Who is compared with whom: the cells that a block measures within moments of each other."""

from __future__ import annotations

from dataclasses import dataclass

from bench.records.schema import Cell, Comparison, Settings
from trainloops.runners import BASELINE


@dataclass(frozen=True, kw_only=True, slots=True)
class Round:
    """Cells that are compared with one of them, the reference."""

    cells: tuple[Cell, ...]
    reference: Cell

    def name(self, cell: Cell) -> str:
        """What tells `cell` from the others: its environment where that differs, else its runner."""
        several = len({each.environment for each in self.cells}) > 1
        return cell.environment if several else cell.runner


def rounds(settings: Settings) -> list[Round]:
    """The rounds of a run, in the order of its plan.

    By `settings.design`: `runners` compares all runners of a comparison with the hand-written loop,
    `environments` each runner in all environments with itself in the first of them, and `anchored`
    each runner in each environment with the hand-written loop in the first.
    """
    if settings.design == "runners":
        return [_of_runners(comparison, settings.runners) for comparison in settings.comparisons]
    names = [environment.name for environment in settings.environments]
    if not names:  # a search of which nothing could be installed
        return []
    pairs = [(comparison, runner) for comparison in settings.comparisons for runner in settings.runners]
    if settings.design == "environments":
        return [_of_environments(comparison, runner, names) for comparison, runner in pairs]
    return [_anchored(comparison, runner, names[0], name) for comparison, runner in pairs for name in names[1:]]


def cells(settings: Settings) -> list[Cell]:
    """Every cell of a run once, in the order of its plan."""
    return list(dict.fromkeys(cell for each in rounds(settings) for cell in each.cells))


def cell(comparison: Comparison, runner: str, environment: str | None = None) -> Cell:
    """The cell of `runner` in `comparison`, in another environment if one is named."""
    changes = {} if environment is None else {"environment": environment}
    return Cell(**{**comparison.model_dump(), **changes}, runner=runner)


def _of_runners(comparison: Comparison, runners: list[str]) -> Round:
    compared = tuple(cell(comparison, runner) for runner in runners)
    return Round(cells=compared, reference=cell(comparison, BASELINE))


def _of_environments(comparison: Comparison, runner: str, names: list[str]) -> Round:
    compared = tuple(cell(comparison, runner, name) for name in names)
    return Round(cells=compared, reference=compared[0])


def _anchored(comparison: Comparison, runner: str, anchor: str, name: str) -> Round:
    reference = cell(comparison, BASELINE, anchor)
    return Round(cells=(reference, cell(comparison, runner, name)), reference=reference)
