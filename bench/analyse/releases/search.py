"""Which release to look at next to find where a figure moved: indices and values, nothing else.

Nothing is remembered between two calls: what is due follows from what is known, so that a search can
be taken up from a journal.

A move is found where the value crosses the middle between the two ends' values: the older neighbour
is nearer to the first end, the newer one nearer to the last, so that there is a move between them
whatever else moved. With `every`, all neighbours between unlike releases are found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

Known = Mapping[int, float | None]
"""Value by index of what was looked at; None for what has none and is stepped around."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """Two releases of unlike value, and what lies between them."""

    older: int
    newer: int
    untested: tuple[int, ...]
    unusable: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """How far a search has come."""

    due: tuple[int, ...]
    """What to look at next; nothing where the search is at its end."""
    gaps: tuple[Gap, ...]
    """Where the value is known to move so far."""


def search(count: int, known: Known, *, every: bool = False) -> Search:
    """Say what is due and what was found among `count` releases.

    The middle of those that are left halves them; one that turns out unusable makes its neighbour the middle.
    """
    ends = usable_ends(count, known)
    due = tuple(sorted({end for end in ends if end is not None and end not in known}))
    first, last = ends
    if due or first is None or last is None or first >= last:
        return Search(due=due, gaps=())
    usable = {index: value for index, value in sorted(known.items()) if value is not None}
    gaps = _unlike(known, usable) if every else _crossing(known, usable, first, last)
    middle = next((gap.untested[(len(gap.untested) - 1) // 2] for gap in gaps if gap.untested), None)
    return Search(due=() if middle is None else (middle,), gaps=gaps)


def most(count: int) -> int:
    """Return how many usable releases a search for one move looks at, at most: 2 + floor(log2(count - 2)) + 1."""
    return min(count, 2) + max(count - 2, 0).bit_length()


def usable_ends(count: int, known: Known) -> tuple[int | None, int | None]:
    """Return the outermost releases that are not known to be unusable, looked at or not."""
    left = [index for index in range(count) if known.get(index, 0.0) is not None]
    return (left[0], left[-1]) if left else (None, None)


def is_nearer_to_last(value: float, first: float, last: float) -> bool:
    """Whether `value` is at least half of the way from `first` to `last`, which differ."""
    return (value - (first + last) / 2) * (last - first) >= 0


def _crossing(known: Known, usable: Mapping[int, float], first: int, last: int) -> tuple[Gap, ...]:
    ends = usable[first], usable[last]
    if ends[0] == ends[1]:
        return ()
    newer = min(index for index, value in usable.items() if is_nearer_to_last(value, *ends))
    older = max(index for index in usable if index < newer)
    return (_gap(known, older, newer),)


def _unlike(known: Known, usable: Mapping[int, float]) -> tuple[Gap, ...]:
    return tuple(_gap(known, a, b) for a, b in pairwise(usable) if usable[a] != usable[b])


def _gap(known: Known, older: int, newer: int) -> Gap:
    between = range(older + 1, newer)
    return Gap(
        older=older,
        newer=newer,
        untested=tuple(index for index in between if index not in known),
        unusable=tuple(index for index in between if index in known),
    )
