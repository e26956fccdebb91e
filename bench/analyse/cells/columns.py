"""Many trials as columns: a long journal has a million, of which an object each takes ten times the memory."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from bench.analyse.statistics.signed_rank import Floats

Objects = NDArray[np.object_]
"""What is no number, and mostly the same object in all rows."""


def numbers(values: Iterable[float | None]) -> Floats:
    """A column of figures, NaN where there is none."""
    return np.array(list(values), dtype=np.float64)  # which takes None for NaN


def objects(values: Sequence[Any], *, key: Callable[[Any], Hashable] = lambda value: value) -> Objects:
    """A column of values that may be anything; those whose key is equal are one object."""
    column, first = np.empty(len(values), dtype=object), dict[Hashable, Any]()
    for row, value in enumerate(values):
        column[row] = first.setdefault(key(value), value)
    return column


class Columns:
    """A frozen dataclass whose fields are arrays with a row for each trial, or are such dataclasses themselves."""

    __slots__ = ()

    def mapped(self, change: Callable[[Any], Any]) -> Self:
        """The same with every column changed in the same way."""
        changed: dict[str, Any] = {}
        for field in fields(self):  # type: ignore[arg-type]
            column = getattr(self, field.name)
            changed[field.name] = column.mapped(change) if isinstance(column, Columns) else change(column)
        return replace(self, **changed)  # type: ignore[type-var]

    def take(self, rows: Any) -> Self:
        """Some rows, by a slice, their numbers or a flag each."""
        return self.mapped(lambda column: column[rows])

    def joined(self, others: Sequence[Self]) -> Self:
        """These rows and those of others after them; where a column is wider, rows are filled up with NaN."""
        if not others:
            return self
        joined: dict[str, Any] = {}
        for field in fields(self):  # type: ignore[arg-type]
            first, *rest = (getattr(part, field.name) for part in (self, *others))
            joined[field.name] = first.joined(rest) if isinstance(first, Columns) else _stacked([first, *rest])
        return type(self)(**joined)


def _stacked(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if parts[0].ndim != 2 or len({part.shape[1] for part in parts}) == 1:
        return np.concatenate(parts)
    stacked = np.full((sum(map(len, parts)), max(part.shape[1] for part in parts)), np.nan)
    start = 0
    for part in parts:
        stacked[start : start + len(part), : part.shape[1]] = part
        start += len(part)
    return stacked
