"""What did not change between two runs, and by how much it moved all the same."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from bench.analyse.cells.names import name
from bench.analyse.signs import signed_percent
from bench.analyse.verdicts.compare_verdicts import Sides
from bench.records.cells import FLOOR
from bench.records.metrics import OVER
from bench.records.schema import Cell, Comparison, Control, Estimate, Judged, Launch, Verdict
from trainloops.runners import BASELINE

STEP_TIME = "step_time_us"
LENGTH_TOLERANCE = 0.1
"""How far the lengths of trials without turns may differ before memory is doubted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounds:
    """What a comparison of two runs rests on."""

    margin: float
    controlled: bool
    """Whether the hand-written loop ran the same code in both runs."""
    sides: Mapping[Cell, Sides]
    """Every cell that both runs planned, in the order of the baseline."""
    controls: list[Control]
    launches: tuple[list[Launch], list[Launch]]
    """How the timed trials of each run were started."""


def controls(judged: Iterable[Judged]) -> list[Control]:
    """Return every comparison's controls: none where the hand-written loop's own step time is judged instead."""
    verdicts = [judgement.verdict for judgement in judged if judgement.group is None]
    by_figure = {(verdict.cell.comparison, verdict.cell.runner, verdict.metric): verdict for verdict in verdicts}
    return [
        Control(comparison=comparison, machine=verdict, floor=by_figure.get((comparison, FLOOR, STEP_TIME + OVER)))
        for (comparison, runner, metric), verdict in by_figure.items()
        if (runner, metric) == (BASELINE, STEP_TIME)
    ]


def comparison_warnings(grounds: Grounds) -> list[str]:
    """Return what to be wary of in a comparison of two runs: sentences by declared rules, which change no verdict."""
    return [
        *_floors(grounds),
        *_drifts(grounds),
        *_unanchored(grounds),
        *_weights(grounds),
        *_lengths(grounds),
        *_launches(grounds),
    ]


def _floors(grounds: Grounds) -> Iterator[str]:
    """Find ratios of two unchanged loops that would themselves be called regressed or improved."""
    for control in grounds.controls:
        floor = control.floor
        if floor is not None and floor.verdict in ("regressed", "improved"):
            moved = f"{name(floor.cell)} against the hand-written loop moved by {change(floor.ratio)}"
            yield f"{moved}, and neither changed: so much of the drift may be in the ratios of this comparison"


def _drifts(grounds: Grounds) -> Iterator[str]:
    """Find comparisons in which the machine moved by more than the margin."""
    drifts = [control.machine for control in grounds.controls if _is_beyond(control.machine, grounds.margin)]
    if drifts:
        worst = max(drifts, key=lambda drift: abs(math.log(drift.ratio.value)) if drift.ratio else 0.0)
        others = f", and by more than the margin in {len(drifts) - 1} more" if len(drifts) > 1 else ""
        moved = f"{name(worst.cell)}, whose code is the same, moved by {change(worst.ratio)}{others}"
        yield f"{moved}: so much the machine changed; ratios cancel that only as far as it slows all loops alike"


def _is_beyond(verdict: Verdict, margin: float) -> bool:
    return verdict.real and verdict.ratio is not None and abs(math.log(verdict.ratio.value)) >= math.log1p(margin)


def _unanchored(grounds: Grounds) -> Iterator[str]:
    """Find timed comparisons without a hand-written loop to hold the others against, in runs that should have it."""
    timed = {
        cell: sides for cell, sides in grounds.sides.items() if all(len(side.evidence.timing_trials) for side in sides)
    }
    bare = {cell.comparison: cell for cell, sides in timed.items() if not all(side.is_anchored for side in sides)}
    for cell in bare.values() if grounds.controlled else ():
        yield f"{name(cell)}: a run has no hand-written loop to compare with, so raw times are judged, drift and all"


def _weights(grounds: Grounds) -> Iterator[str]:
    """Find hand-written loops that are the same code and computed something else; only a CPU always repeats."""
    for cell, sides in grounds.sides.items() if grounds.controlled else ():
        if cell.runner == BASELINE and cell.device == "cpu" and _trained_apart(sides):
            yield f"{name(cell)} ended with other weights in B than in A on the same torch: did looptax change?"


def _trained_apart(sides: Sides) -> bool:
    hashes = [side.weights_sha256 for side in sides]
    return None not in hashes and len(set(hashes)) > 1


def _lengths(grounds: Grounds) -> Iterator[str]:
    """Find trials without turns that are longer in one run: a longer one had more data in memory."""
    sentences: dict[Comparison, str] = {}
    for cell, sides in grounds.sides.items():
        regions = [side.evidence for side in sides if not side.evidence.took_turns]
        steps = [evidence.length.steps for evidence in regions if evidence.length is not None]
        if len(steps) == 2 and max(steps) > (1 + LENGTH_TOLERANCE) * min(steps):
            sentences.setdefault(
                cell.comparison, f"{name(cell)}: its trials make {steps[0]:,} steps in A, {steps[1]:,} in B"
            )
    for sentence in sentences.values():
        yield f"{sentence}, which moves host memory too; --like A repeats the lengths of A"


def _launches(grounds: Grounds) -> Iterator[str]:
    before, after = (" and ".join(launches) for launches in grounds.launches)
    if before and after and before != after:
        yield f"trials were started by {before} in A and by {after} in B, which moves host memory and first steps"


def change(ratio: Estimate | None) -> str:
    """`+3.1 % [+1.0 %, +5.2 %]` of an estimate of a ratio."""
    if ratio is None:
        return "an unknown amount"
    interval = "" if ratio.low is None or ratio.high is None else f" [{_percent(ratio.low)}, {_percent(ratio.high)}]"
    return f"{_percent(ratio.value)}{interval}"


def _percent(ratio: float) -> str:
    return signed_percent(ratio - 1)
