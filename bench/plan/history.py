"""The plan of a history: every release beside the hand-written loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.errors import UsageError
from bench.plan import cells
from bench.plan.settings import Flags, from_flags
from bench.records.schema import Environment, Machine, Settings
from trainloops import runners

ANCHOR = "anchor"
BATCH_SIZE = "64"
BLOCKS = 6
PRESET = "history"
DEFAULT_RUNNERS = {
    "transformers": "hf-trainer",
    "accelerate": "accelerate",
    "pytorch-lightning": "lightning",
    "lightning": "lightning",
}


def settings(
    flags: Flags,
    machine: Machine,
    package: str,
    environments: Sequence[Environment],
    *,
    anchor: Environment,
    unusable: Mapping[str, str],
) -> Settings:
    """The settings of a history of `package`; raises `UsageError` or `DeviceError`.

    The passes leave phases out: a history counts and times.
    """
    plan = from_flags(flags, machine)
    chosen = cells.asked_runners(runner_of(package, flags.runner))
    update = {
        "design": "anchored",
        "environments": [anchor.model_copy(update={"name": ANCHOR}), *environments],
        "runners": chosen,
        "preset": PRESET,
        "target_ci": None,
        "package": package,
        "unusable": dict(unusable),
        "blocks": flags.blocks or BLOCKS,
        "blocks_per_set": 1,
        "passes": [each for each in plan.passes if each != "phases"],
    }
    return plan.model_copy(update=update)


def runner_of(package: str, asked: str | None) -> str:
    """The loop that a history is about; raises `UsageError` where none is named and none is known."""
    if asked is not None:
        return asked
    if package not in DEFAULT_RUNNERS:
        raise UsageError(
            f"--runner is missing: no loop is known for {package}; name one of {', '.join(runners.REGISTRY)}."
        )
    return DEFAULT_RUNNERS[package]
