"""The plan of a bisection: which releases, which metric, and the one cell that is followed through them."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.version import InvalidVersion, Version

from bench.errors import UsageError
from bench.plan import cells, parse
from bench.plan.history import runner_of
from bench.plan.settings import Flags, from_flags
from bench.plan.upgrade import BLOCKS_PER_SET, TURNS_S
from bench.records.metric import Metric
from bench.records.metrics import EXACT
from bench.records.metrics import metric as row_of
from bench.records.schema import Bisection, Machine, Release, Settings

STEP_TIME = "step_time"
"""How --metric and run.json call `step_time_us`."""
METRICS = (*(figure.key for figure in EXACT), STEP_TIME)
BATCH_SIZE = "64"
CAP = 20
"""Blocks of one comparison at most."""
MIN_BLOCKS = 9
"""The fewest whose signed ranks can decide anything at the level of a look."""
DEFAULT_MARGIN = "3%"


def settings(
    flags: Flags, machine: Machine, package: str, bisection: Bisection, *, margin: str | None = None
) -> Settings:
    """The settings of a bisection of `package`; raises `UsageError` or `DeviceError`."""
    plan = from_flags(flags, machine)
    followed = plan.runners if flags.script else cells.asked_runners(runner_of(package, flags.runner))
    _refuse_several(plan, followed)
    if not figure_of(bisection.metric).exists_on(plan.comparisons[0].device):
        raise UsageError(f"--metric {bisection.metric} is counted on an accelerator only; name one with --device cuda.")
    blocks = flags.blocks or CAP
    if bisection.metric == STEP_TIME and blocks < MIN_BLOCKS:
        raise UsageError(f"--blocks {blocks} cannot decide anything; give --metric step_time {MIN_BLOCKS} at least.")
    passes = ("equivalence", "counting", *(["timing"] if bisection.metric == STEP_TIME else []))
    update = {
        "design": "environments",
        "runners": followed,
        "preset": "bisect",
        "target_ci": None,
        "package": package,
        "bisection": bisection,
        "passes": [name for name in plan.passes if name in passes],
        "blocks": blocks,
        "blocks_per_set": BLOCKS_PER_SET,
        "turns_s": TURNS_S,
        "margin": parse.fraction("--margin", margin or DEFAULT_MARGIN),
        "fail_on": ["time"],  # what the timed comparison goes on for
    }
    return plan.model_copy(update=update)


def _refuse_several(plan: Settings, followed: Sequence[str]) -> None:
    if len(plan.comparisons) > 1 or len(followed) > 1:
        raise UsageError(
            "A bisection follows one loop in one cell; give --runner, --workload, --batch-size and all like them one "
            "value each."
        )


def figure_of(metric: str) -> Metric:
    """What --metric calls so."""
    return row_of("step_time_us" if metric == STEP_TIME else metric)


def metric(text: str, *, every: bool) -> str:
    """The metric that `--metric` names; raises `UsageError`."""
    names = cells.known("--metric", text, METRICS)
    if len(names) > 1:
        raise UsageError(f"--metric {text}: a bisection follows one metric; name one of them.")
    if every and names[0] == STEP_TIME:
        raise UsageError("--all needs figures that repeat exactly; leave it out with --metric step_time.")
    return names[0]


def ends(first: str, last: str) -> tuple[Version, Version]:
    """The versions that the two texts name; raises `UsageError`, also for a wrong order."""
    versions = _version(first), _version(last)
    if versions[0] >= versions[1]:
        raise UsageError(f"{first} is not older than {last}; name the older end first.")
    return versions


def _version(text: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(f"{text!r} is no version; write it as 4.46.3.") from None


def has(offered: Sequence[Release], end: Version) -> bool:
    """Whether `end` is one of the releases."""
    return any(Version(release.version) == end for release in offered)


def nearest(offered: Sequence[Release], end: Version) -> list[str]:
    """The releases just before and just after `end`, as far as there are any."""
    before = [release.version for release in offered if Version(release.version) < end]
    after = [release.version for release in offered if Version(release.version) > end]
    return [*before[-1:], *after[:1]]


def between(offered: Sequence[Release], first: Version, last: Version) -> list[Release]:
    """The releases from `first` to `last`, both of which are among them."""
    return [release for release in offered if first <= Version(release.version) <= last]


def with_end(offered: Sequence[Release], end: Version) -> list[Release]:
    """The releases with `end` among them."""
    return sorted([*offered, Release(version=str(end))], key=lambda release: Version(release.version))
