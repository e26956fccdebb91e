"""The attribution of a summary as compact data: which function does how much more of what, in which loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.analyse.cells.attribution import OWN_TIME, package_of
from bench.records.metrics import BY_FUNCTION
from bench.report.document.blocks import facets_of
from bench.report.document.groups import groups
from bench.report.document.verdict_tables import KEYS, key_columns

if TYPE_CHECKING:
    from bench.records.schema import Cell, Summary

COUNTERS = {**{counter.key: counter.noun.format(s="s") for counter in BY_FUNCTION}, OWN_TIME: "µs of own time a step"}
"""What the view can show, in words, in the order of the choices."""
FIRST_COUNTER = "python_calls"
DIVISORS = {OWN_TIME: 1000}


def functions(summary: Summary) -> dict[str, Any]:
    """Return the data: `places` has package, file, function and line; `cells` the rows of each counter by place.

    A row is `[place, baseline, candidate]`, in the units of summary.json. `start` is the cell that is shown first.
    """
    places: dict[tuple[str, str, int], int] = {}
    rows: dict[Cell, dict[str, list[list[int]]]] = {}
    for row in summary.attribution:
        place = places.setdefault((row.file, row.function, row.line), len(places))
        counters = rows.setdefault(row.cell, {})
        counters.setdefault(row.counter, []).append([place, row.baseline, row.candidate])
    cells = list(rows)
    return {
        "counters": COUNTERS,
        "divisors": DIVISORS,
        "start": _start(summary, cells),
        "places": [[package_of(file), file, function, line] for file, function, line in places],
        "cells": [
            {"runner": cell.runner, "at": at, "facets": facets_of(cell), "rows": rows[cell]}
            for cell, at in zip(cells, _at(cells), strict=True)
        ],
    }


def _start(summary: Summary, cells: list[Cell]) -> int:
    """The loop with most of the extra work, where the answer speaks of its batch size."""
    representative = {cell.cell for group in groups(summary) for cell in group.at(group.representative)}
    extra = dict.fromkeys(cells, 0)
    for row in summary.attribution:
        extra[row.cell] += row.delta if row.counter == FIRST_COUNTER else 0
    return max(range(len(cells)), key=lambda place: (cells[place] in representative, extra[cells[place]]), default=0)


def _at(cells: list[Cell]) -> list[str]:
    """Where each cell is, by all that tells cells apart beside their runner: `batch 64, mlp, cpu`."""
    keys = [key for key in key_columns(cells) if key != "runner"]
    return [
        ", ".join(f"batch {cell.batch_size:,}" if key == "batch" else KEYS[key](cell) for key in keys) for cell in cells
    ]
