"""What a machine can resolve: the result of `python -m bench.doctor --calibrate`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import Field

from bench.records.base import SCHEMA, Record
from bench.records.cells import Comparison
from bench.records.rows import Estimate
from bench.records.runs import Machine


class Identity(Record):
    """What makes a machine another one, so that its calibration holds no more."""

    cpu: str
    logical_cpus: int
    usable_cpus: int
    torch_build: str
    device: str
    accelerator: str | None
    """The name of the device, where it is not the CPU."""
    method: Literal["turns"] = "turns"
    """How loops are timed: a calibration of another method says nothing."""

    @classmethod
    def of(cls, machine: Machine, device: str) -> Identity:
        """The identity of a device of this machine; `cuda` is `cuda:0`."""
        names = [accelerator.name for accelerator in machine.accelerators_of([device])]
        return cls(
            cpu=machine.cpu,
            logical_cpus=machine.logical_cpus,
            usable_cpus=machine.usable_cpus,
            torch_build=machine.torch_build,
            device=device.partition(":")[0],
            accelerator=names[0] if names else None,
        )


class CalibrationBlock(Record):
    """One block: the step time of the hand-written loop, and its clone's over it, from their turns."""

    baseline_us: float
    ratio: float


class Resolution(Record):
    """What so many blocks can tell; None where they are too few to tell anything."""

    blocks: int
    half_width: float | None
    """Half the 95 % interval of a ratio, as a fraction; the median of what such runs would have."""
    detectable_change: float | None
    """Which change one look of a check finds four times in five, as a fraction."""


class Drift(Record):
    """How the step time moved over the calibration."""

    change: float
    """From the median of the first half of the blocks to that of the last, as a fraction."""
    is_trend: bool
    """By the rule that warns of a drift in a run."""


class Calibration(Record):
    """One machine, one device."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    made_at: datetime
    wall_s: float
    identity: Identity
    comparison: Comparison
    blocks: list[CalibrationBlock]
    marked_blocks: int
    """How many of them others disturbed, by the rule of every run."""
    run_to_run_cv: float
    """Spread of the block figures of step time, as a fraction."""
    ratio_spread: float
    """Standard deviation of the blocks' log ratios, as a fraction: what taking turns leaves of it."""
    drift: Drift | None
    """None where the blocks are too few to tell."""
    against_itself: Estimate
    """Step time of the clone over the baseline's: 1 but for chance."""
    resolutions: list[Resolution]
    warnings: list[str] = []

    def resolution(self, *, blocks: int) -> Resolution | None:
        """What so many blocks can tell, by the nearest number that is not larger; None where there is none."""
        return max((r for r in self.resolutions if r.blocks <= blocks), key=lambda r: r.blocks, default=None)

    def blocks_for(self, half_width: float, *, among: Iterable[int]) -> int | None:
        """The fewest of some numbers of blocks that give ratios so narrow an interval; None where none does."""
        for blocks in sorted(among):
            resolution = self.resolution(blocks=blocks)
            if resolution is not None and resolution.half_width is not None and resolution.half_width <= half_width:
                return blocks
        return None
