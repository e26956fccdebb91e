"""Where extra work comes from: one count table minus another, function by function.

Functions are matched by file and qualified name, not by line, so that two releases of a package
can be subtracted.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.analyse.signs import signed
from bench.records.metrics import metric
from bench.records.schema import AttributionRow, Cell, Function

OWN_TIME = "exclusive_ns"
"""The one figure by function that is sampled, not counted: nanoseconds a step. Too noisy for a sentence."""


def package_of(file: str) -> str:
    """The import name of the distribution that a file is of; `python` for the standard library."""
    top = file.partition("/")[0].removesuffix(".py")
    return "python" if top in sys.stdlib_module_names or top.startswith("<") else top


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of one file, largest difference first."""

    name: str
    rows: list[AttributionRow]

    @property
    def delta(self) -> int:
        """What the candidate has more, all functions together."""
        return sum(row.delta for row in self.rows)


def subtract(
    baseline: Iterable[Function], candidate: Iterable[Function], counter: str, *, cell: Cell
) -> list[AttributionRow]:
    """Candidate minus baseline for each function that differs, largest difference first; `cell` is the candidate's."""
    before, after = _by_function(baseline, counter), _by_function(candidate, counter)
    rows = [_row(cell, counter, key, before.get(key), after.get(key)) for key in before.keys() | after.keys()]
    return sorted((row for row in rows if row.delta), key=lambda row: (-abs(row.delta), row.file, row.function))


LineAndCount = tuple[int, int]


def _row(
    cell: Cell, counter: str, key: tuple[str, str], before: LineAndCount | None, after: LineAndCount | None
) -> AttributionRow:
    line = (after or before or (0, 0))[0]
    baseline, candidate = (before or (0, 0))[1], (after or (0, 0))[1]
    return AttributionRow(
        cell=cell,
        counter=counter,
        file=key[0],
        function=key[1],
        line=line,
        baseline=baseline,
        candidate=candidate,
        delta=candidate - baseline,
    )


def _by_function(table: Iterable[Function], counter: str) -> dict[tuple[str, str], LineAndCount]:
    """Line and count by file and name; functions that share both, such as two lambdas, are one."""
    counts: dict[tuple[str, str], LineAndCount] = {}
    for function in table:
        line, count = counts.get((function.file, function.function), (function.line, 0))
        counts[function.file, function.function] = (line, count + getattr(function, counter))
    return counts


def by_file(rows: Iterable[AttributionRow]) -> list[Group]:
    """The rows gathered by file, largest difference first."""
    gathered: dict[str, list[AttributionRow]] = defaultdict(list)
    for row in rows:
        gathered[row.file].append(row)
    groups = [Group(name=name, rows=rows) for name, rows in gathered.items()]
    return sorted(groups, key=lambda group: (-abs(group.delta), group.name))


def sentence(rows: Sequence[AttributionRow], counter: str, *, files: int = 4, functions: int = 2) -> str:
    """Say where the difference comes from; the parts named sum to the whole.

    "571 extra Python calls per step: 214 in accelerate/optimizer.py (AcceleratedOptimizer.step 12, …),
    96 in transformers/trainer.py (…) and 261 in 17 other files." Where some do more and others less, each part has
    its sign: "28 fewer Python calls per step: −36 in a.py (f) and +8 in b.py (g)."
    """
    total = sum(row.delta for row in rows)
    if not rows:
        return f"No extra {_noun(counter, 0)}."
    more = "fewer" if total < 0 else "extra"
    return f"{abs(total):,} {more} {_noun(counter, total)}: {places(rows, files=files, functions=functions)}."


def places(rows: Sequence[AttributionRow], *, files: int = 4, functions: int = 2) -> str:
    """Name the files and functions of at least one row, as in `sentence`; a file whose functions cancel is left out."""
    groups = by_file(rows)
    changed = [group for group in groups if group.delta] or groups
    is_one_way = len({row.delta > 0 for group in changed for row in group.rows}) == 1
    amount = _size if is_one_way else _signed
    if len(changed) == 1:
        return f"in {_named(changed[0], amount, functions)}"
    parts = [f"{amount(group.delta)} in {_named(group, amount, functions)}" for group in changed[:files]]
    others = changed[files:]
    if rest := sum(group.delta for group in others):
        parts.append(f"{amount(rest)} in {len(others)} other file{'s' * (len(others) > 1)}")
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def _size(delta: int) -> str:
    return f"{abs(delta):,}"


def _signed(delta: int) -> str:
    return signed(delta, "+,")


def _noun(counter: str, amount: int) -> str:
    return metric(counter).noun.format(s="" if abs(amount) == 1 else "s")


def _named(group: Group, amount: Callable[[int], str], functions: int) -> str:
    """A file and its functions, each with its share; the only function of a file has all of it."""
    if len(group.rows) == 1:
        return f"{group.name} ({group.rows[0].function})"
    named = [f"{row.function} {amount(row.delta)}" for row in group.rows[:functions]]
    more = ", …" if len(group.rows) > functions else ""
    return f"{group.name} ({', '.join(named)}{more})"


def repeats(first: Mapping[str, int | None], second: Mapping[str, int | None]) -> dict[str, bool]:
    """By counter, whether two fresh processes counted the same; what only one of them has does not repeat."""
    return {name: first.get(name) == second.get(name) for name in sorted(first.keys() | second.keys())}
