"""What a container allows: the processor quota and the memory of this process's control groups, version 1 and 2.

A limit may stand in the group of this process or in any above it, and the smallest one holds. Where
a container hides the upper part of the tree, `/proc/self/cgroup` may name a path that is not there;
what the container shows then begins at the mount, which is why every part of the path is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.host import reading
from bench.host.reading import Readings, UnreadableError
from bench.records.health import Cgroup, ContainerFacts

ROOT = Path("/")
LIMITS = {
    ("v1", "cpu"): "cpu.cfs_quota_us",
    ("v2", "cpu"): "cpu.max",
    ("v1", "memory"): "memory.limit_in_bytes",
    ("v2", "memory"): "memory.max",
}
"""The file that a group has where it has a controller."""
V1_NO_LIMIT_BYTES = 1 << 60
"""Version 1 says the largest number of pages that there is, of whatever size."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One control group that has the controller that is asked for."""

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
    def memory_bytes(self) -> int | None:
        """What it may have in memory; None where there is no limit."""
        if self.version == "v1":
            limit_bytes = reading.number(self.folder / "memory.limit_in_bytes")
            return limit_bytes if limit_bytes < V1_NO_LIMIT_BYTES else None
        limits = [reading.text(self.folder / name) for name in ("memory.max", "memory.high")]
        return min((int(limit) for limit in limits if limit != "max"), default=None)

    @property
    def memory_left_bytes(self) -> int | None:
        """What it may still take: what it holds of files is given up where there is need. None without a limit."""
        limit_bytes = self.memory_bytes
        if limit_bytes is None:
            return None
        v1 = self.version == "v1"
        used_bytes = reading.number(self.folder / ("memory.usage_in_bytes" if v1 else "memory.current"))
        files = "total_inactive_file" if v1 else "inactive_file"
        files_bytes = int(reading.fields(self.folder / "memory.stat").get(files, 0))
        return max(limit_bytes - used_bytes + files_bytes, 0)

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
        groups = _groups(root, "cpu")
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


def memory_bytes(root: Path = ROOT) -> int | None:
    """What processes here may have in memory together; None where there is no limit, or none is known."""
    return _least(root, lambda group: group.memory_bytes)


def memory_left_bytes(root: Path = ROOT) -> int | None:
    """What they may still take; None as for `memory_bytes`."""
    return _least(root, lambda group: group.memory_left_bytes)


def _least(root: Path, limit_of: Callable[[Group], int | None]) -> int | None:
    try:
        limits = [limit_of(group) for group in _groups(root, "memory")]
    except reading.CAUSES:
        return None
    return min((limit for limit in limits if limit is not None), default=None)


def _groups(root: Path, controller: str) -> list[Group]:
    """The groups with this controller that hold this process, from its own upwards."""
    by_controllers = _memberships(root / "proc/self/cgroup")
    mounts = root / "sys/fs/cgroup"
    first = next((names for names in by_controllers if controller in names.split(",")), None)
    version: Cgroup = "v2" if first is None else "v1"
    if first is None and "" not in by_controllers:
        raise UnreadableError("this process is in no control group that is known here")
    folders = _upwards(mounts / (first or ""), by_controllers[first or ""])
    limit = LIMITS[version, controller]
    return [Group(folder=folder, version=version) for folder in folders if (folder / limit).exists()]


def _memberships(path: Path) -> dict[str, str]:
    """The path of this process's group by the controllers of its hierarchy, which are `` in version 2."""
    rows = (line.split(":", 2) for line in reading.text(path).splitlines())
    return {controllers: group for _, controllers, group in rows}


def _upwards(mount: Path, group: str) -> list[Path]:
    path = PurePosixPath(group.lstrip("/"))
    return [mount / part for part in (path, *path.parents) if ".." not in part.parts]
