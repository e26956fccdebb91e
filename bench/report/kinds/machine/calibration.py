"""What a calibration says; and what it changed in the plan of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.analyse.signs import signed_percent
from bench.report.document import blocks, numbers
from bench.report.document.blocks import Block, Bullets, Document, Paragraph, Table, Warnings, section
from bench.report.document.text import About, plural

if TYPE_CHECKING:
    from pathlib import Path

    from bench.records.calibrations import Calibration, Resolution
    from bench.records.schema import ByCalibration

UNKNOWN = "?"


def document(calibration: Calibration, defaults: Mapping[str, ByCalibration], path: Path | None) -> Document:
    """All of it; `path` is where it is kept, None where it was interrupted."""
    return blocks.document(
        "What can this machine resolve?",
        Paragraph(setting(calibration), role="setting"),
        Paragraph(spread(calibration), strong=True, role="answer"),
        blocks.bullets([_drift(calibration), _against_itself(calibration)], role="answer"),
        Warnings(lines=tuple(calibration.warnings)) if calibration.warnings else None,
        section("How well so many blocks know a ratio", table(calibration)),
        section("What later runs make of it", used(defaults, path)),
    )


def setting(calibration: Calibration) -> str:
    """What was done, and on what."""
    identity = calibration.identity
    device = identity.accelerator or identity.cpu
    return (
        f"Calibrated {identity.device} ({device}; {identity.usable_cpus} of {identity.logical_cpus} processors; torch "
        f"{identity.torch_build}): the hand-written loop against itself, {plural(len(calibration.blocks), 'block')} "
        f"of turns, in {numbers.duration(calibration.wall_s)}."
    )


def spread(calibration: Calibration) -> str:
    """How much it varies from block to block."""
    return (
        f"From block to block its step time varies by {numbers.percent(calibration.run_to_run_cv)} (coefficient of "
        f"variation), its ratio to the clone that took turns with it by {numbers.percent(calibration.ratio_spread)}."
    )


def _against_itself(calibration: Calibration) -> str:
    return f"Against its own clone it takes {numbers.ratio(calibration.against_itself)} times as long; the truth is 1."


def _drift(calibration: Calibration) -> str:
    if calibration.drift is None:
        return "Drift: unknown, too few blocks."
    moved = f"{signed_percent(calibration.drift.change, '+.1f')} from the first half of the blocks to the last"
    return f"It drifts: {moved}." if calibration.drift.is_trend else f"No drift: {moved}, and no trend."


def table(calibration: Calibration) -> Table:
    """How well so many blocks know a ratio, and which change they find: a row for each number of blocks."""
    return blocks.table(("blocks", "expected CI", "detects"), map(_cells, calibration.resolutions), names=0)


def _cells(resolution: Resolution) -> list[str]:
    width, change = (_percent(resolution, name) for name in ("half_width", "detectable_change"))
    return [str(resolution.blocks), f"±{width}" if width != UNKNOWN else width, change]


def _percent(resolution: Resolution, name: str) -> str:
    value = getattr(resolution, name)
    return UNKNOWN if value is None else numbers.percent(value)


def used(defaults: Mapping[str, ByCalibration], path: Path | None) -> list[Block | None]:
    """What later runs make of it, command by command, and where it is kept; None where it was interrupted."""
    if path is None:
        return [Paragraph("It was interrupted and is not kept.", role="note")]
    kept = f"Kept in {path}; the next calibration replaces it, and deleting it brings the usual values back."
    return [
        Paragraph(
            "From now on, unless --blocks, --target-ci, --max-blocks or --margin say otherwise:",
            strong=True,
            role="answer",
        ),
        blocks.bullets((_of_command(*default) for default in defaults.items()), role="answer"),
        Paragraph(kept, role="note"),
    ]


def _of_command(command: str, by: ByCalibration) -> About:
    return About(command, f": {_margin(by) if by.setting == 'margin' else _blocks(by)}")


def bullets(by: ByCalibration | None, before: Sequence[str] = ()) -> Bullets | None:
    """The sentence below others; one on a margin that it made wider is such that no verdict should be read without."""
    if by is None:
        return blocks.bullets(before)
    text, is_wider = sentence(by), by.setting == "margin" and by.chosen != by.usual
    return Bullets((*before, text), urgent=(text,) if is_wider else ())


def sentence(by: ByCalibration) -> str:
    """What a calibration made of a default."""
    source = f"by this machine's calibration of {by.made_at:%Y-%m-%d}"
    return f"{source[0].upper()}{source[1:]}, {_margin(by) if by.setting == 'margin' else _blocks(by)}"


def _blocks(by: ByCalibration) -> str:
    count = plural(int(by.chosen), "block")
    width = "too few to estimate" if by.resolves is None else f"expected CI ±{numbers.percent(by.resolves)}"
    limit = "limit of " if by.setting == "max_blocks" else ""
    if by.chosen == by.usual:
        return f"the usual {limit}{count}: {width}."
    now = f"there may be up to {count}" if limit else f"there are {count}"
    return f"{now} instead of the usual {by.usual:.0f}: {width}."


def _margin(by: ByCalibration) -> str:
    detects = "these blocks are too few to estimate what they detect"
    if by.resolves is not None:
        detects = f"these blocks detect a change of {numbers.percent(by.resolves)} with 80 % power"
    if by.chosen == by.usual:
        return f"{detects}, so the margin stays {numbers.percent(by.usual)}."
    return (
        f"{detects} and nothing smaller, so the margin of time is {numbers.percent(by.chosen)} instead of "
        f"{numbers.percent(by.usual)}; --margin sets another."
    )
