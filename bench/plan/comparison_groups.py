"""Who is compared with whom: the cells that a block measures within moments of each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.records.cells import ANCHOR
from bench.records.schema import CURRENT, Cell, Comparison, Settings
from trainloops import stock
from trainloops.runners import BASELINE

ANCHORED_TOGETHER = 4
"""Releases that take turns with one hand-written loop: with more, a cycle takes too long to meet the same moment."""


OPTIONS_TOGETHER = 8
"""Options that take turns with one loop that has none: forks of one interpreter, whose turns differ by the same
whether they follow each other or have five others between them."""
NO_OPTION, AS_IT_IS = "none", "as it is"


@dataclass(frozen=True, kw_only=True, slots=True)
class ComparisonGroup:
    """Cells that are compared with one of them, the reference."""

    cells: tuple[Cell, ...]
    reference: Cell
    clone: Cell | None = None
    """The reference once more, where no cell is that already: it takes turns with the others and has no row."""
    number: int = 0
    """Among the rounds with the same reference: its trials are told apart by it, as their `replicate`."""

    @property
    def members(self) -> tuple[Cell, ...]:
        """All that take turns."""
        return self.cells if self.clone is None else (*self.cells, self.clone)

    @property
    def has_options(self) -> bool:
        """Whether options are compared with none."""
        return any(cell.option is not None for cell in self.cells)

    def baseline(self, cell: Cell) -> Cell:
        """What the ratio of `cell` is formed with: the reference, or the loop that it is in the cell's own profile."""
        return self.reference.model_copy(update={"profile": cell.profile})

    def matched(self, cell: Cell) -> Cell | None:
        """The same loop in the profile `matched`, where `cell` is one with defaults and that takes turns with it."""
        twin = cell.model_copy(update={"profile": "matched"})
        return twin if cell.profile != "matched" and twin in self.cells else None

    def name(self, cell: Cell) -> str:
        """What tells `cell` from the others: its environment where that differs, else its runner and profile."""
        if cell.clone:
            return "clone"
        if self.has_options:
            return _of_script(cell) if cell.is_script else cell.option or NO_OPTION
        if len({other.environment for other in self.cells}) > 1:
            return "today's packages" if cell.environment == ANCHOR else cell.environment
        return cell.runner if cell.profile == self.reference.profile else f"{cell.runner} ({cell.profile})"

    def only(self, cells: Collection[Cell]) -> ComparisonGroup:
        """The same with nobody in it but these, the reference and its clone."""
        kept = tuple(cell for cell in self.cells if cell in cells or cell == self.reference)
        return replace(self, cells=kept)


def planned_groups(settings: Settings) -> list[ComparisonGroup]:
    """The rounds of a run, in the order of its plan.

    By `settings.design`: `runners` compares all runners of a comparison, in all profiles, with the hand-written loop,
    and all scripts with the first; `environments` each runner in all environments with itself in the first of them,
    `anchored` each runner in some environments with the hand-written loop in the first, a script with itself there,
    and `options` each runner with some options with itself without any, a script without some with itself as it is, in
    every environment.
    """
    if settings.design == "runners":
        return [_of_runners(together, settings) for together in _by_profile(settings.comparisons)]
    if settings.design == "options":
        return [group for comparison in settings.comparisons for group in _of_options(comparison, settings)]
    names = [environment.name for environment in settings.environments]
    if not names:  # a search of which nothing could be installed
        return []
    pairs = [(comparison, runner) for comparison in settings.comparisons for runner in _runners(comparison, settings)]
    if settings.design == "environments":
        has_clone = any(environment.clone_of is not None for environment in settings.environments)
        return [_of_environments(comparison, runner, names, has_clone=has_clone) for comparison, runner in pairs]
    # Runs of before loops took turns held every release against an anchor of its own.
    together = 1 if settings.turns_s is None else ANCHORED_TOGETHER
    anchor, *releases = names
    return [
        replace(_anchored(comparison, runner, runner if settings.scripts else BASELINE, anchor, some), number=number)
        for comparison, runner in pairs
        for number, some in enumerate(_spread_evenly(releases, together))
    ]


def cells(settings: Settings) -> list[Cell]:
    """Every cell of a run once, in the order of its plan; clones have no passes of their own."""
    return list(dict.fromkeys(cell for group in planned_groups(settings) for cell in group.cells))


def cell(comparison: Comparison, runner: str, environment: str | None = None) -> Cell:
    """The cell of `runner` in `comparison`, in another environment if one is named."""
    changes = {} if environment is None else {"environment": environment}
    return Cell(**{**comparison.model_dump(), **changes}, runner=runner)


def _with_clone(cells: tuple[Cell, ...], reference: Cell) -> ComparisonGroup:
    return ComparisonGroup(cells=cells, reference=reference, clone=reference.model_copy(update={"clone": True}))


def _of_runners(together: Sequence[Comparison], settings: Settings) -> ComparisonGroup:
    baseline = settings.runners[0] if settings.scripts else BASELINE
    members = (cell(comparison, runner) for comparison in together for runner in _runners(comparison, settings))
    return _with_clone(tuple(members), cell(together[0], baseline))


def _by_profile(comparisons: Iterable[Comparison]) -> list[list[Comparison]]:
    """Those together that differ in their profile alone: what defaults cost is told by turns of the same moment."""
    by_profile: dict[Comparison, list[Comparison]] = {}
    for comparison in comparisons:
        by_profile.setdefault(comparison.model_copy(update={"profile": "matched"}), []).append(comparison)
    return list(by_profile.values())


def _runners(comparison: Comparison, settings: Settings) -> list[str]:
    """The loops of a comparison: in the profile `stock` those that have defaults."""
    return [runner for runner in settings.runners if comparison.profile == "matched" or runner in stock.MODULES]


def _of_environments(comparison: Comparison, runner: str, names: list[str], *, has_clone: bool) -> ComparisonGroup:
    compared = tuple(cell(comparison, runner, name) for name in names)
    return ComparisonGroup(cells=compared, reference=compared[0]) if has_clone else _with_clone(compared, compared[0])


def _anchored(
    comparison: Comparison, runner: str, baseline: str, anchor: str, releases: Sequence[str]
) -> ComparisonGroup:
    reference = cell(comparison, baseline, anchor)
    return _with_clone((reference, *(cell(comparison, runner, name) for name in releases)), reference)


def _of_options(comparison: Comparison, settings: Settings) -> Iterator[ComparisonGroup]:
    """Options with loader workers are by themselves: they need more cores than the others may have.

    Groups of several environments with the same options follow each other, and take turns (`taking_turns`).
    """
    environments = [environment.name for environment in settings.environments] or [CURRENT]
    for runner in settings.runners:
        own = [option for option in settings.options if option.runner == runner and option.missing is None]
        apart = [
            list(dict.fromkeys(option.name for option in own if bool(option.workers) is has_workers))
            for has_workers in (False, True)
        ]
        at_most = OPTIONS_TOGETHER // len(environments)
        together = [some for names in apart if names for some in _spread_evenly(names, at_most)]
        for number, names in enumerate(together):
            for environment in environments:
                reference = cell(comparison, runner, environment)
                there = {option.name for option in own if option.environment == environment}
                options = [reference.model_copy(update={"option": name}) for name in names if name in there]
                if options:
                    yield replace(_with_clone((reference, *options), reference), number=number)


def taking_turns(groups: Iterable[ComparisonGroup]) -> list[list[ComparisonGroup]]:
    """Those together that take turns: the same options of the same loop in several environments, else each alone."""
    units: dict[object, list[ComparisonGroup]] = {}
    for group in groups:
        anywhere = group.reference.model_copy(update={"environment": CURRENT})
        units.setdefault((anywhere, group.number) if group.has_options else group, []).append(group)
    return list(units.values())


def _of_script(cell: Cell) -> str:
    return AS_IT_IS if cell.option is None else f"without {cell.option}"


def _spread_evenly(names: Sequence[str], at_most: int) -> list[Sequence[str]]:
    """Neighbours in groups of about one size, none larger than `at_most`."""
    count = -(-len(names) // at_most)
    return [names[len(names) * k // count : len(names) * (k + 1) // count] for k in range(count)]
