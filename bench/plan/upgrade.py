"""The plan of a check: the same cells in a baseline and a candidate environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import get_args

from bench.errors import UsageError
from bench.plan import cells, parse
from bench.plan.settings import Flags, from_flags
from bench.records.schema import CURRENT, Environment, FigureGroup, Machine, Pass, Settings
from trainloops import runners, workloads

BATCH_SIZES = "8,64,512"
DEFAULT_MARGIN = 0.03
DEFAULT_FAIL_ON = "time,memory"
CAP = 40
"""Blocks of a screening at the most; a confirmation may take as many again."""
BLOCKS_PER_SET = 5
"""Interpreters of environments take seconds to start: a first look has seen two sets."""
TURNS_S = 2.0
"""Three trials share it; to start them takes half as long."""
ARMS = BASELINE, CANDIDATE, CLONE = "baseline", "candidate", "clone"
"""The names of the environments, in their order."""
MEASURED_BY: dict[FigureGroup, set[Pass]] = {
    "time": {"timing"},
    "memory": {"timing", "counting"},
    "start": {"timing"},
    "counters": {"counting"},
}
"""Which passes have figures of a group; one of them is enough."""
MAX_NAMED = 3


def settings(
    flags: Flags,
    machine: Machine,
    environments: tuple[Environment, Environment],
    *,
    margin: str | None,
    fail_on: str | None,
) -> Settings:
    """The settings of a check of (baseline, candidate); raises `UsageError` or `DeviceError`.

    Without `--runner` or `--script`, the loops that the packages that differ touch are checked.
    """
    baseline, candidate = environments
    trained = cells.workload_names(flags.workload) if flags.workload else []
    if flags.script:
        plan = from_flags(flags, machine)
        checked = plan.runners
    else:
        chosen = flags.runner or ",".join(affected_runners(changed(baseline, candidate), trained))
        plan = from_flags(replace(flags, runner=chosen), machine)
        checked = cells.asked_runners(chosen)
    passes = _passes(plan.passes, flags)
    failing = _fail_on(fail_on, passes, flags.only)
    update = {
        "design": "environments",
        "environments": arms(baseline, candidate),
        "runners": checked,
        "preset": "check",
        "target_ci": None,
        "blocks": _blocks(flags),
        # An interpreter imports once, however many blocks it serves.
        "blocks_per_set": 1 if "start" in failing else BLOCKS_PER_SET,
        "turns_s": TURNS_S,
        "margin": DEFAULT_MARGIN if margin is None else parse.fraction("--margin", margin),
        "passes": passes,
        "fail_on": failing,
    }
    return plan.model_copy(update=update)


def refuse_wrong(flags: Flags, machine: Machine, *, margin: str | None, fail_on: str | None) -> None:
    """Raise what `settings` raises whatever the environments are, before anybody waits for those to be built."""
    nowhere = Environment(name=CURRENT, python="")
    known = flags if flags.script else replace(flags, runner=flags.runner or runners.BASELINE)
    settings(known, machine, (nowhere, nowhere), margin=margin, fail_on=fail_on)


def arms(baseline: Environment, candidate: Environment) -> list[Environment]:
    """The environments of a check: the baseline, the candidate, and a clone of the baseline for A/A."""
    named = zip(ARMS, (baseline, candidate, baseline), strict=True)
    first, second, third = (environment.model_copy(update={"name": name}) for name, environment in named)
    return [first, second, third.model_copy(update={"clone_of": ARMS[0]})]


def changed(baseline: Environment, candidate: Environment) -> dict[str, tuple[str | None, str | None]]:
    """Version on both sides of every package that differs."""
    names = sorted(baseline.packages.keys() | candidate.packages.keys())
    both = {name: (baseline.packages.get(name), candidate.packages.get(name)) for name in names}
    return {name: (before, after) for name, (before, after) in both.items() if before != after}


def affected_runners(packages: Collection[str] | Mapping[str, object], trained: Collection[str] = ()) -> list[str]:
    """The runners that need one of the packages; all of them where none does, since then anything may matter.

    All of them, too, where a workload needs one, and with it whatever trains that.
    """
    if workloads.needs(trained) & set(packages):
        return list(runners.REGISTRY)
    known = runners.BUILT_IN | runners.installed()
    affected = [name for name, entry in known.items() if set(entry.needs) & set(packages)]
    return affected or list(runners.REGISTRY)


def groups(text: str) -> list[FigureGroup]:
    """The groups of figures that `--fail-on` names."""
    known: tuple[FigureGroup, ...] = get_args(FigureGroup)
    chosen = cells.known("--fail-on", text, known)
    return [name for name in known if name in chosen]


def _fail_on(text: str | None, passes: Collection[Pass], only: str | None) -> list[FigureGroup]:
    if MEASURED_BY["memory"].isdisjoint(passes):
        raise UsageError(f"--only {only} judges nothing: a check needs counters or time.")
    if text is None:
        return groups(DEFAULT_FAIL_ON if "timing" in passes else "memory,counters")
    chosen = groups(text)
    unmeasured = [name for name in chosen if MEASURED_BY[name].isdisjoint(passes)]
    if unmeasured:
        names = ",".join(unmeasured)
        raise UsageError(f"--fail-on {names} is not measured by --only {only}; leave one of the two out.")
    return chosen


def _blocks(flags: Flags) -> int:
    if flags.blocks is not None and flags.blocks > CAP:
        raise UsageError(
            f"--blocks {flags.blocks} is more than {CAP}, after which a check looks no more; ask for less."
        )
    return flags.blocks or CAP


def _passes(planned: list[Pass], flags: Flags) -> list[Pass]:
    """Phases are not judged: they are looked at only where `--only` asks for them."""
    return [name for name in planned if name != "phases" or flags.only is not None]


def labels(baseline: Environment, candidate: Environment) -> tuple[str, str]:
    """What two environments are called beside each other: what was asked for, but not of both, or `current`."""
    sides = [environment.requirements for environment in (baseline, candidate)]
    shared = set(sides[0]) & set(sides[1])
    own = [[text for text in side if text not in shared] for side in sides]
    first, second = own if all(own) else sides
    return _shortened(first) or CURRENT, _shortened(second) or CURRENT


def _shortened(requirements: Sequence[str]) -> str:
    """The first few, and how many more there are: a requirements file may have a hundred."""
    more = len(requirements) - MAX_NAMED
    return " ".join([*requirements[:MAX_NAMED], *([f"and {more} more"] if more > 0 else [])])
