"""The plan of a check: the same cells in a baseline and a candidate environment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

from bench.plan import cells, texts
from bench.plan.settings import Flags, from_flags
from bench.records.schema import Environment, FigureGroup, Machine, Pass, Settings
from trainloops import runners

BATCH_SIZES = "8,64,512"
DEFAULT_MARGIN = 0.03
DEFAULT_FAIL_ON = "time,memory"
CAP = 40
"""Blocks of a screening at the most; a confirmation may take as many again."""
ARMS = ("baseline", "candidate", "clone")


def settings(
    flags: Flags,
    machine: Machine,
    environments: tuple[Environment, Environment],
    *,
    margin: str | None,
    fail_on: str | None,
) -> Settings:
    """The settings of a check of (baseline, candidate); raises `UsageError` or `DeviceError`.

    Without `--runner`, the loops that the packages that differ touch are checked.
    """
    baseline, candidate = environments
    chosen = flags.runner or ",".join(touched(changed(baseline, candidate)))
    plan = from_flags(flags, machine)
    update = {
        "design": "environments",
        "environments": arms(baseline, candidate),
        "runners": [name for name in plan.runners if name in cells.split("--runner", chosen) or runners.is_file(name)],
        "preset": "check",
        "blocks": flags.blocks or CAP,
        "trials_per_block": flags.trials_per_block or 1,
        "margin": DEFAULT_MARGIN if margin is None else texts.fraction("--margin", margin),
        "fail_on": groups(fail_on or (DEFAULT_FAIL_ON if "timing" in plan.passes else "memory,counters")),
        "passes": _passes(plan.passes, flags),
    }
    return plan.model_copy(update=update)


def arms(baseline: Environment, candidate: Environment) -> list[Environment]:
    """The environments of a check: the baseline, the candidate, and a clone of the baseline for A/A."""
    named = zip(ARMS, (baseline, candidate, baseline), strict=True)
    first, second, third = (each.model_copy(update={"name": name}) for name, each in named)
    return [first, second, third.model_copy(update={"clone_of": ARMS[0]})]


def changed(baseline: Environment, candidate: Environment) -> dict[str, tuple[str | None, str | None]]:
    """Version on both sides of every package that differs."""
    names = sorted(baseline.packages.keys() | candidate.packages.keys())
    both = {name: (baseline.packages.get(name), candidate.packages.get(name)) for name in names}
    return {name: (before, after) for name, (before, after) in both.items() if before != after}


def touched(packages: Collection[str] | Mapping[str, object]) -> list[str]:
    """The runners that need one of the packages; all of them where none does, since then anything may matter."""
    found = [name for name, entry in runners.REGISTRY.items() if set(entry.needs) & set(packages)]
    return found or list(runners.REGISTRY)


def groups(text: str) -> list[FigureGroup]:
    """The groups of figures that `--fail-on` names."""
    known: tuple[FigureGroup, ...] = get_args(FigureGroup)
    chosen = cells.known("--fail-on", text, known)
    return [name for name in known if name in chosen]


def _passes(planned: list[Pass], flags: Flags) -> list[Pass]:
    """Phases are not judged: they are looked at only where `--only` asks for them."""
    return [each for each in planned if each != "phases" or flags.only is not None]


def label(environment: Environment) -> str:
    """What an environment is called in a report: what was asked for, or `current`."""
    return " ".join(environment.requirements) or "current"
