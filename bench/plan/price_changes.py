"""The plan of a check of prices: the options of both environments, of which the same take turns with each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.errors import UsageError
from bench.plan import options, prices, upgrade
from bench.plan.options import DEFAULT_RUNNERS
from bench.plan.settings import Flags
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import CURRENT, Environment, FigureGroup, Machine, PricedOption, Settings
from trainloops.options import MODULES

BUDGET = "30m"
JUDGED: tuple[FigureGroup, ...] = ("time", "counters")
"""What a price is of."""


def settings(
    flags: Flags,
    machine: Machine,
    environments: tuple[Environment, Environment],
    *,
    option: str | None,
    margin: str | None,
    fail_on: str | None,
) -> Settings:
    """The settings of a check of prices in (baseline, candidate); raises `UsageError` or `DeviceError`.

    Without `--runner`, the loops with options that the packages that differ touch are checked.
    """
    runners = options.runner_names(flags.runner) if flags.runner else affected_runners(*environments)
    flags = replace(flags, runner=",".join(runners), budget=flags.budget or BUDGET)
    usual = "counters" if flags.only == "counters" else "time"
    plan = upgrade.settings(flags, machine, environments, margin=margin, fail_on=fail_on or usual)
    unjudged = [group for group in plan.fail_on if group not in JUDGED]
    if unjudged:
        raise UsageError(f"--fail-on {','.join(unjudged)}: prices are of {' and '.join(JUDGED)}; leave it out.")
    sides = [
        each.model_copy(update={"name": name}) for name, each in zip((BASELINE, CANDIDATE), environments, strict=True)
    ]
    update = {
        "design": "options",
        "environments": sides,
        "options": options_of(runners, option, sides),
        "turns_s": prices.TURNS_S,
        # An option may well change the arithmetic: nothing is to be proven.
        "passes": [phase for phase in plan.passes if phase in ("counting", "timing")],
    }
    return plan.model_copy(update=update)


def refuse_wrong(
    flags: Flags, machine: Machine, *, option: str | None, margin: str | None, fail_on: str | None
) -> None:
    """Raise what `settings` raises whatever the environments are, before anybody waits for those to be built."""
    for flag, is_given in (("--script", flags.script), ("--profile", flags.profile)):
        if is_given:
            raise UsageError(f"--prices compares the options of loops in the profile matched: leave {flag} out.")
    runners = options.runner_names(flags.runner or ",".join(MODULES))
    options.named_options(runners, option, {})
    nowhere = Environment(name=CURRENT, python="")
    settings(flags, machine, (nowhere, nowhere), option=None, margin=margin, fail_on=fail_on)


def affected_runners(baseline: Environment, candidate: Environment) -> list[str]:
    """The runners with options that need a package that differs; the usual ones where none does."""
    affected = upgrade.affected_runners(upgrade.changed(baseline, candidate))
    with_options = [name for name in affected if name in MODULES]
    return with_options if len(with_options) < len(MODULES) else options.runner_names(DEFAULT_RUNNERS)


def options_of(runners: Sequence[str], text: str | None, sides: Iterable[Environment]) -> list[PricedOption]:
    """The options of each side; one that is asked for by name and that neither has raises `UsageError`."""
    both = [
        option.model_copy(update={"environment": side.name})
        for side in sides
        for option in options.named_options(runners, text, side.packages)
    ]
    if text is not None:
        options.refuse_missing(both)
    return both
