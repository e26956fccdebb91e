"""The plan of a history: every release beside the hand-written loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.version import InvalidVersion, Version

from bench.errors import UsageError
from bench.plan import cells
from bench.plan.settings import Flags, from_flags
from bench.records.cells import ANCHOR
from bench.records.schema import Environment, Machine, Settings
from trainloops import runners

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
    chosen = plan.runners if flags.script else cells.asked_runners(runner_of(package, flags.runner))
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
        "passes": [name for name in plan.passes if name != "phases"],
    }
    return plan.model_copy(update=update)


def runner_of(package: str, asked: str | None) -> str:
    """The loop that a history is about; raises `UsageError` where none is named and none is known."""
    if asked is not None:
        return asked
    if package not in DEFAULT_RUNNERS:
        raise UsageError(
            f"--runner is missing: no loop is known for {package}; name one of {', '.join(runners.BUILT_IN)}."
        )
    return DEFAULT_RUNNERS[package]


EVERY = ("release", "minor", "major")


def select_releases(releases: Sequence[str], *, first: str | None, last: str | None, every: str) -> list[str]:
    """The releases from `first` to `last`, both included, oldest first; of each minor (or major) series the newest.

    Raises `UsageError` for a text that is no version, and where nothing is left.
    """
    if every not in EVERY:
        raise UsageError(f"--every {every!r} is not one of {', '.join(EVERY)}.")
    low, high = _version("--from", first), _version("--to", last)
    inside = [
        version
        for version in sorted(map(Version, releases))
        if (low is None or version >= low) and (high is None or version <= high)
    ]
    if not inside:
        raise UsageError(f"no release lies between --from {first or 'the first'} and --to {last or 'the last'}.")
    newest = {_series(version, every): version for version in inside}
    ends = {low, high} & set(inside)  # what the user named is always looked at
    return [str(version) for version in sorted({*newest.values(), *(end for end in ends if end is not None)})]


def _series(version: Version, every: str) -> tuple[int, ...]:
    return {"release": version.release, "minor": version.release[:2], "major": version.release[:1]}[every]


def _version(flag: str, text: str | None) -> Version | None:
    if text is None:
        return None
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(f"{flag} {text!r} is no version; write it as 4.46.3.") from None
