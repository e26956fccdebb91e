"""What a container allows: the processor quota of this process's control groups, version 1 and 2.

A quota may stand in the group of this process or in any above it, and the smallest one holds. Where
a container hides the upper part of the tree, `/proc/self/cgroup` may name a path that is not there;
what the container shows then begins at the mount, which is why every part of the path is tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.host import reading
from bench.host.reading import Readings, UnreadableError
from bench.records.health import Cgroup, ContainerFacts

ROOT = Path("/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One control group that has the processor controller."""

    folder: Path
    version: Cgroup

    @property
    def quota_cpus(self) -> float | None:
        """Processors' worth of time a period; None where there is no limit."""
        if self.version == "v2":
            quota, period = reading.text(self.folder / "cpu.max").split()
            return None if quota == "max" else int(quota) / int(period)
        quota_us = reading.number(self.folder / "cpu.cfs_quota_us")
        return None if quota_us < 0 else quota_us / reading.number(self.folder / "cpu.cfs_period_us")

    @property
    def throttled_periods(self) -> int:
        """Periods in which the quota was used up."""
        return int(self._stat["nr_throttled"])

    @property
    def throttled_s(self) -> float:
        """Seconds that processes had to wait for the next period; version 1 counts nanoseconds, 2 microseconds."""
        if self.version == "v2":
            return int(self._stat["throttled_usec"]) / 1e6
        return int(self._stat["throttled_time"]) / 1e9

    @property
    def _stat(self) -> dict[str, str]:
        return reading.fields(self.folder / "cpu.stat")


def read(root: Path = ROOT) -> ContainerFacts:
    """Read the quota that holds, and how often it was used up."""
    try:
        groups = _groups(root)
    except reading.CAUSES as error:
        fields = ("quota_cpus", "throttled_periods", "throttled_s")
        return ContainerFacts(unavailable=dict.fromkeys(fields, reading.reason(error)))
    if not groups:  # the root group of version 2 has no controller and no limit
        return ContainerFacts(cgroup="v2", throttled_periods=0, throttled_s=0.0)
    facts = Readings()
    facts.add("cgroup", lambda: groups[0].version)
    facts.add("quota_cpus", lambda: _tightest(groups).quota_cpus)
    facts.add("throttled_periods", lambda: _tightest(groups).throttled_periods)
    facts.add("throttled_s", lambda: _tightest(groups).throttled_s)
    return ContainerFacts(**facts.fields())


def _tightest(groups: list[Group]) -> Group:
    """The group whose quota holds; without any, the one that the process is in."""
    limited = [(quota, place) for place, group in enumerate(groups) if (quota := group.quota_cpus) is not None]
    return groups[min(limited)[1]] if limited else groups[0]


def _groups(root: Path) -> list[Group]:
    """The groups with the processor controller that hold this process, from its own upwards."""
    by_controllers = _memberships(root / "proc/self/cgroup")
    mounts = root / "sys/fs/cgroup"
    first = next((names for names in by_controllers if "cpu" in names.split(",")), None)
    if first is not None:
        folders = _upwards(mounts / first, by_controllers[first])
        return [Group(folder=folder, version="v1") for folder in folders if (folder / "cpu.cfs_quota_us").exists()]
    if "" not in by_controllers:
        raise UnreadableError("this process is in no control group that is known here")
    folders = _upwards(mounts, by_controllers[""])
    return [Group(folder=folder, version="v2") for folder in folders if (folder / "cpu.max").exists()]


def _memberships(path: Path) -> dict[str, str]:
    """The path of this process's group by the controllers of its hierarchy, which are `` in version 2."""
    rows = (line.split(":", 2) for line in reading.text(path).splitlines())
    return {controllers: group for _, controllers, group in rows}


def _upwards(mount: Path, group: str) -> list[Path]:
    path = PurePosixPath(group.lstrip("/"))
    return [mount / part for part in (path, *path.parents) if ".." not in part.parts]
