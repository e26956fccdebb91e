"""The plan of a price list: each runner as it is, and with one option after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bench.errors import UsageError
from bench.plan import options
from bench.plan.settings import Flags, from_flags
from bench.records.schema import Cell, Length, Machine, PricedOption, Settings

BATCH_SIZE = "64"
BLOCKS, MAX_BLOCKS = 6, 40
"""Six are the fewest with an interval; prices that are not known well enough get more, as long as there is time."""
TARGET_CI = 0.01
"""Of the step, or `OF_THE_PRICE` of the price where that is more: what doubles a step need not be known so well."""
OF_THE_PRICE = 0.1
TURNS_S = 2.0
"""Of a whole group: few turns of many trials. What a price wavers by is mostly the luck of its processes, of which
more turns tell nothing, and to start one takes as long as its turns."""
BLOCKS_PER_SET = 8
BUDGET = "15m"
PRESET = "prices"


def settings(flags: Flags, machine: Machine, packages: Mapping[str, str], *, option: str | None) -> Settings:
    """The settings of a price list; raises `UsageError` or `DeviceError`."""
    runners = options.runner_names(flags.runner)
    plan = from_flags(replace(flags, runner=None, budget=flags.budget or BUDGET), machine)
    if "timing" not in plan.passes and "counting" not in plan.passes:
        raise UsageError(f"--only {flags.only} prices nothing: a price list needs counters or time.")
    update = {
        "design": "options",
        "runners": runners,
        "options": options.select_options(runners, option, packages),
        "preset": PRESET,
        "blocks": flags.blocks or BLOCKS,
        "max_blocks": flags.blocks or MAX_BLOCKS,
        "target_ci": None if flags.blocks else TARGET_CI,
        "blocks_per_set": BLOCKS_PER_SET,
        "turns_s": TURNS_S,
        # An option may well change the arithmetic: nothing is to be proven.
        "passes": [name for name in plan.passes if name in ("counting", "timing")],
    }
    return plan.model_copy(update=update)


def of_cells(settings: Settings, cells: Iterable[Cell]) -> list[PricedOption]:
    """The options that are switched on in these cells."""
    names = {(cell.runner, cell.environment, cell.option) for cell in cells}
    return [each for each in settings.options if (each.runner, each.environment, each.name) in names]


def event_steps(settings: Settings, cell: Cell, length: Length) -> int | None:
    """Optimizer steps from one event of a cell's option to the next; None where it has none while it trains.

    Of the loop without any it is the end of an epoch, which has its own cost: what happens there because of an option
    comes on top.
    """
    if settings.design == "options" and cell.option is None:
        return length.steps_per_epoch
    return next((steps_to_event(option, length) for option in of_cells(settings, [cell])), None)


def steps_to_event(option: PricedOption, length: Length) -> int | None:
    """The same of an option."""
    per_epoch = {"epoch": length.steps_per_epoch, "start": None}
    return per_epoch[option.every] if isinstance(option.every, str) else option.every
