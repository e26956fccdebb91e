"""Which packages differ between the two sides of a check, and which of them nobody asked to move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.plan.upgrade import changed, labels
from bench.report.document.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.records.schema import Environment

Versions = tuple[str | None, str | None]


def differs(baseline: Environment, candidate: Environment) -> str:
    """Say what differs between the sides, first what was asked for."""
    by_name = changed(baseline, candidate)
    dragged = {name for name in by_name if name in baseline.unasked or name in candidate.unasked}
    asked, unasked = (
        _changes({name: versions for name, versions in by_name.items() if (name in dragged) is by_itself})
        for by_itself in (False, True)
    )
    if not by_name:
        return "Differs: nothing, both sides have the same packages."
    return f"Differs: {'; '.join(part for part in (asked, unasked and f'as dependencies, {unasked}') if part)}."


def pulled_in(baseline: Environment, candidate: Environment) -> list[str]:
    """Say which packages are not those of the current environment although nobody asked for that."""
    sides = [{name: side.moved[name] for name in side.unasked if name in side.moved} for side in (baseline, candidate)]
    both = {name: versions for name, versions in sides[0].items() if sides[1].get(name) == versions}
    where = ("On both sides", *(f"In {label}" for label in labels(baseline, candidate)))
    own = ({name: versions for name, versions in side.items() if name not in both} for side in sides)
    return [
        f"{side}, also changed, as dependencies: {_changes(moves)}."
        for side, moves in zip(where, (both, *own), strict=True)
        if moves
    ]


def conflicts(baseline: Environment, candidate: Environment) -> list[str]:
    """Say what pip finds wrong with the packages of a side."""
    named = zip(labels(baseline, candidate), (baseline, candidate), strict=True)
    return [f"In {label}: {conflict}" for label, side in named for conflict in side.conflicts]


def _changes(versions: Mapping[str, Versions]) -> str:
    return listed([f"{name} {before or 'absent'} → {after or 'absent'}" for name, (before, after) in versions.items()])
