"""Where extra work comes from: one count table minus another, function by function.

Functions are matched by file and qualified name, not by line, so that two releases of a package
can be subtracted.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

NOUNS = {
    "python_calls": "Python call{s} a step",
    "c_calls": "call{s} into C a step",
    "ops": "op{s} a step",
    "syncs": "value{s} read back to the host a step",
    "tensor_bytes": "tensor byte{s} at a step's peak",
}
"""The counters that are counted by function, and how a sentence calls them; `{s}` is for more than one."""

OWN_TIME = "exclusive_ns"
"""The one figure by function that is sampled, not counted: nanoseconds a step. Too noisy for a sentence."""


class FunctionCounts(Protocol):
    """What one Python function has to do with a steady step; `records.schema.FunctionCounts` is one."""

    @property
    def file(self) -> str:
        """As it is imported: `transformers/trainer.py`."""

    @property
    def function(self) -> str:
        """Its qualified name."""

    @property
    def line(self) -> int:
        """Its first line."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One function and how much of one counter it has on each side."""

    counter: str
    file: str
    function: str
    line: int
    """In the candidate; in the baseline where only that has the function."""
    baseline: int
    candidate: int

    @property
    def delta(self) -> int:
        """What the candidate has more."""
        return self.candidate - self.baseline

    @property
    def package(self) -> str:
        """See `package_of`."""
        return package_of(self.file)


def package_of(file: str) -> str:
    """The import name of the distribution that a file is of; `python` for the standard library."""
    top = file.partition("/")[0].removesuffix(".py")
    return "python" if top in sys.stdlib_module_names or top.startswith("<") else top


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """The rows of one file or package, largest difference first."""

    name: str
    rows: list[Row]

    @property
    def delta(self) -> int:
        """What the candidate has more, all functions together."""
        return sum(row.delta for row in self.rows)


def subtract(baseline: Iterable[FunctionCounts], candidate: Iterable[FunctionCounts], counter: str) -> list[Row]:
    """Candidate minus baseline for each function that differs, largest difference first."""
    before, after = _by_function(baseline, counter), _by_function(candidate, counter)
    rows = [
        Row(
            counter=counter,
            file=key[0],
            function=key[1],
            line=(after.get(key) or before[key])[0],
            baseline=before.get(key, (0, 0))[1],
            candidate=after.get(key, (0, 0))[1],
        )
        for key in before.keys() | after.keys()
    ]
    return sorted((row for row in rows if row.delta), key=lambda row: (-abs(row.delta), row.file, row.function))


def _by_function(table: Iterable[FunctionCounts], counter: str) -> dict[tuple[str, str], tuple[int, int]]:
    """Line and count by file and name; functions that share both, such as two lambdas, are one."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for function in table:
        line, count = found.get((function.file, function.function), (function.line, 0))
        found[function.file, function.function] = (line, count + getattr(function, counter))
    return found


def by_file(rows: Iterable[Row]) -> list[Group]:
    """The rows gathered by file, largest difference first."""
    return _grouped(rows, lambda row: row.file)


def by_package(rows: Iterable[Row]) -> list[Group]:
    """The rows gathered by package, largest difference first."""
    return _grouped(rows, lambda row: row.package)


def _grouped(rows: Iterable[Row], name: Callable[[Row], str]) -> list[Group]:
    gathered: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        gathered[name(row)].append(row)
    groups = [Group(name=name, rows=rows) for name, rows in gathered.items()]
    return sorted(groups, key=lambda group: (-abs(group.delta), group.name))


def sentence(rows: list[Row], counter: str, *, files: int = 4, functions: int = 2) -> str:
    """Say where the difference comes from; the parts named, signs included, sum to the whole.

    "571 extra Python calls a step: 214 in accelerate/optimizer.py (AcceleratedOptimizer.step 12, …),
    96 in transformers/trainer.py (…) and 261 in 17 other files."
    """
    total = sum(row.delta for row in rows)
    if not rows:
        return f"No extra {_noun(counter, 0)}."
    sign = -1 if total < 0 else 1
    groups = by_file(rows)
    parts = [_part(group, sign, functions) for group in groups[:files]]
    others = groups[files:]
    if others:
        amount = sign * sum(group.delta for group in others)
        parts.append(f"{amount:,} in {len(others)} other file{'s' * (len(others) > 1)}")
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"{abs(total):,} {'fewer' if total < 0 else 'extra'} {_noun(counter, total)}: {listed}."


def _noun(counter: str, amount: int) -> str:
    return NOUNS[counter].format(s="" if abs(amount) == 1 else "s")


def _part(group: Group, sign: int, functions: int) -> str:
    named = [f"{row.function} {sign * row.delta:,}" for row in group.rows[:functions]]
    more = ", …" if len(group.rows) > functions else ""
    return f"{sign * group.delta:,} in {group.name} ({', '.join(named)}{more})"


def repeats(first: Mapping[str, int | None], second: Mapping[str, int | None]) -> dict[str, bool]:
    """By counter, whether two fresh processes counted the same; what only one of them has does not repeat."""
    return {name: first.get(name) == second.get(name) for name in sorted(first.keys() | second.keys())}
