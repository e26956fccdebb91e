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
TARGET_CI = 0.005
"""Half an interval, of the step, so that a price of nothing is mostly known to be within 1 % of it; or `OF_THE_PRICE`
of the price where that is more: what doubles a step need not be known so well."""
OF_THE_PRICE = 0.1
TURNS_S = 2.0
"""Of a whole group: few turns of many trials. What a price wavers by is mostly the luck of its processes, of which
more turns tell nothing, and to start one takes as long as its turns."""
EVENT_STEPS, MAX_LEFT_OUT = 2, 0.5
"""Steps that one event leaves without a figure, which a turn has for two of them together, and how many it may."""
BLOCKS_PER_SET = 8
BUDGET = "15m"
PRESET = "prices"


def settings(flags: Flags, machine: Machine, packages: Mapping[str, str], *, option: str | None) -> Settings:
    """The settings of a price list; raises `UsageError` or `DeviceError`."""
    runners = options.runner_names(flags.runner)
    plan = _priced(replace(flags, runner=None), machine)
    return plan.model_copy(update={"runners": runners, "options": options.select_options(runners, option, packages)})


def of_script(flags: Flags, machine: Machine) -> Settings:
    """The settings of a price list of the one script of `flags`, all but its options; raises as `settings` does."""
    if len(flags.script or ()) != 1:
        raise UsageError("--script is given more than once; a price list is one script's: run bench.prices for each.")
    return _priced(flags, machine)


def _priced(flags: Flags, machine: Machine) -> Settings:
    plan = from_flags(replace(flags, budget=flags.budget or BUDGET), machine)
    if "timing" not in plan.passes and "counting" not in plan.passes:
        raise UsageError(f"--only {flags.only} prices nothing: a price list needs counters or time.")
    update = {
        "design": "options",
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
    return [option for option in settings.options if (option.runner, option.environment, option.name) in names]


def event_steps(settings: Settings, cell: Cell, length: Length) -> int | None:
    """Optimizer steps from one event of a cell's option to the next; None where it has none while it trains.

    Of the loop without any it is the end of an epoch, which has its own cost: what happens there because of an option
    comes on top. A script has its
    events in all cells but one, and none is counted apart.
    """
    if settings.scripts is not None:
        return None
    if settings.design == "options" and cell.option is None:
        return length.steps_per_epoch
    return next((steps_to_event(option, length) for option in of_cells(settings, [cell])), None)


def left_out(settings: Settings, cell: Cell, length: Length) -> tuple[int, ...]:
    """After every how many optimizer steps something happens that is no part of a usual step of this cell.

    In a script it is all that its options bring, so that the steps of all of its cells are the same ones; what is so
    frequent that turns would have too few steps without belongs to the usual step.
    """
    if settings.scripts is None:
        own = event_steps(settings, cell, length)
        return () if own is None else (own,)
    intervals: tuple[int, ...] = ()
    for every in sorted({option.every for option in settings.options if isinstance(option.every, int)}, reverse=True):
        if sum(EVENT_STEPS / steps for steps in (*intervals, every)) <= MAX_LEFT_OUT:
            intervals = (*intervals, every)
    return intervals


def steps_to_event(option: PricedOption, length: Length) -> int | None:
    """The same of an option."""
    per_epoch = {"epoch": length.steps_per_epoch, "start": None}
    return per_epoch[option.every] if isinstance(option.every, str) else option.every
