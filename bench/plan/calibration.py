"""The plan of a calibration, and what a calibration changes in the plans that come after it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import ceil
from typing import Literal

from bench.plan import bisect, history
from bench.plan.presets import PRESETS
from bench.plan.upgrade import BASELINE, BLOCKS_PER_SET, CAP, CLONE, DEFAULT_MARGIN, TURNS_S
from bench.records.calibrations import Calibration
from bench.records.schema import ByCalibration, Comparison, Environment, Settings
from trainloops import runners

NAME, TITLE = "calibration", "looptax · calibration"
TOO_FEW = (
    "fewer than six blocks went well, from which nothing follows: nothing is kept. python -m bench.run --only time "
    "--runner pytorch tells what fails."
)
WORKLOAD, BATCH_SIZE = "mlp", 64
BUDGET_S = 160.0
"""Of the three minutes that it may take: the rest is for what comes before and after the blocks."""
TARGET_HALF_WIDTH = 0.02
"""How well the ratios of a run shall be known, where the preset leaves the number of blocks open."""
BLOCK_COUNTS = (6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40)
"""Numbers of blocks that a calibration tells of: the looks of a check are among them."""
QUICK = "quick"
UNCHANGED = (QUICK, history.PRESET)
"""Whose blocks stay as many as they are: one is to be quick, the other has many releases."""


def settings(device: str) -> Settings:
    """The hand-written loop against a clone of itself, in blocks of fresh interpreters, as many as the budget has."""
    here = Environment(name=BASELINE, python=sys.executable)
    return Settings(
        comparisons=[Comparison(workload=WORKLOAD, device=device, batch_size=BATCH_SIZE)],
        runners=[runners.BASELINE],
        design="environments",
        environments=[here, here.model_copy(update={"name": CLONE, "clone_of": BASELINE})],
        passes=["timing"],
        preset="calibration",
        blocks=CAP,
        blocks_per_set=BLOCKS_PER_SET,
        turns_s=TURNS_S,
        budget_s=BUDGET_S,
    )


def with_blocks(planned: Settings, known: Sequence[Calibration]) -> Settings:
    """A run with as many blocks as its ratios take on this machine, never fewer than usual.

    Where a run adds blocks until its target is met, it may add so many. The quick preset stays quick and a
    history as long as it is: they are told only how well ratios will be known.
    """
    if not known or "timing" not in planned.passes:
        return planned
    setting: Literal["blocks", "max_blocks"] = "blocks" if planned.target_ci is None else "max_blocks"
    usual, target = getattr(planned, setting), planned.target_ci or TARGET_HALF_WIDTH
    counts = [count for count in BLOCK_COUNTS if count > usual]
    among = [usual] if planned.preset in UNCHANGED else [usual, *counts]
    needed = [calibration.blocks_for(target, among=among) for calibration in known]
    blocks = max(among[-1] if count is None else count for count in needed)
    widths = _figures(known, blocks, "half_width")
    if planned.target_ci is not None:  # adding ends there, however much better so many blocks would know it
        widths = [max(width, target) for width in widths]
    by = ByCalibration(
        made_at=known[0].made_at, setting=setting, usual=usual, chosen=blocks, resolves=max(widths, default=None)
    )
    return planned.model_copy(update={setting: blocks, "by_calibration": by})


def with_margin(planned: Settings, known: Sequence[Calibration]) -> Settings:
    """A check whose margin of time is what its last look can resolve on this machine, never less than the usual one.

    Only the figures of time have it: how finely memory can be told is another matter.
    """
    if not known or "timing" not in planned.passes:
        return planned
    changes = _figures(known, planned.blocks, "detectable_change")
    if not changes:
        return planned
    margin = max(DEFAULT_MARGIN, ceil(max(changes) * 1000) / 1000)
    by = ByCalibration(
        made_at=known[0].made_at, setting="margin", usual=DEFAULT_MARGIN, chosen=margin, resolves=max(changes)
    )
    return planned.model_copy(update={"time_margin": margin, "by_calibration": by})


def defaults(calibration: Calibration) -> dict[str, ByCalibration]:
    """What later runs of this machine make of it, by their command."""
    alike = Settings(comparisons=[calibration.comparison], runners=[], preset=QUICK, blocks=CAP)
    bisected = alike.model_copy(update={"blocks": bisect.CAP})
    followed = alike.model_copy(update={"preset": history.PRESET, "blocks": history.BLOCKS})
    values = {
        "python -m bench.upgrade": with_margin(alike, [calibration]).by_calibration,
        "python -m bench.bisect": with_margin(bisected, [calibration]).by_calibration,
        "python -m bench.history": with_blocks(followed, [calibration]).by_calibration,
    }
    for name, preset in PRESETS.items():
        like = {
            "preset": name,
            "blocks": preset.blocks,
            "target_ci": preset.target_ci,
            "max_blocks": preset.max_blocks,
        }
        planned = with_blocks(alike.model_copy(update=like), [calibration])
        values[f"python -m bench.run --preset {name}"] = planned.by_calibration
    return {command: by for command, by in values.items() if by is not None}


def _figures(known: Sequence[Calibration], blocks: int, figure: str) -> list[float]:
    resolutions = (calibration.resolution(blocks=blocks) for calibration in known)
    values = (None if resolution is None else getattr(resolution, figure) for resolution in resolutions)
    return [value for value in values if value is not None]
