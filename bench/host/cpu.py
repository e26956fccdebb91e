"""How the processors are set up, from Linux's `/sys` and `/proc`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from bench.host import reading
from bench.host.proc_stat import StatUnavailableError, usable_cpus
from bench.host.reading import Readings, UnreadableError
from bench.records.health import CpuFacts

ROOT = Path("/")
CPUS = Path("sys/devices/system/cpu")


def read(root: Path = ROOT) -> CpuFacts:
    """Read what there is; nothing of it needs a privilege or takes longer than some milliseconds."""
    cpus, readings = root / CPUS, Readings()
    readings.add("usable", lambda: len(_usable()))
    readings.add("online", lambda: len(_listed(reading.text(cpus / "online"))))
    readings.add("siblings", lambda: _siblings(cpus, _usable()))
    readings.add("smt", lambda: _smt(cpus))
    readings.add("governors", lambda: _governors(cpus, _usable()))
    readings.add("turbo", lambda: _turbo(cpus))
    readings.add("throttle_events", lambda: _throttle_events(cpus))
    readings.add("load_1m", lambda: float(reading.text(root / "proc/loadavg").split()[0]))
    clock = root / "sys/devices/system/clocksource/clocksource0/current_clocksource"
    readings.add("clocksource", lambda: reading.text(clock))
    readings.add("virtual", lambda: _is_virtual(root / "proc/cpuinfo"))
    return CpuFacts(**readings.fields())


def _usable() -> frozenset[int]:
    try:
        return usable_cpus()
    except StatUnavailableError as error:
        raise UnreadableError(str(error)) from error


def _listed(ranges: str) -> set[int]:
    """The numbers of a list such as `0-3,8`."""
    ends = [part.split("-") for part in ranges.split(",") if part]
    return {cpu for first, *last in ends for cpu in range(int(first), int(last[0] if last else first) + 1)}


def _siblings(cpus: Path, usable: Collection[int]) -> int:
    shared = (_listed(reading.text(cpus / f"cpu{cpu}/topology/thread_siblings_list")) for cpu in usable)
    return sum(len(core & set(usable)) > 1 for core in shared)


def _smt(cpus: Path) -> bool:
    control = reading.text(cpus / "smt/control")
    if control == "notimplemented":
        raise UnreadableError("this kernel does not report whether cores run several threads")
    return reading.text(cpus / "smt/active") == "1"


def _governors(cpus: Path, usable: Collection[int]) -> dict[str, int]:
    paths = [cpus / f"cpu{cpu}/cpufreq/scaling_governor" for cpu in usable]
    if not any(path.exists() for path in paths):
        raise UnreadableError("this kernel has no cpufreq (usual in a virtual machine: the host decides)")
    return dict(Counter(reading.text(path) for path in paths))


def _turbo(cpus: Path) -> bool:
    """By `intel_pstate`, whose switch is the other way round, or by the switch that all other drivers share."""
    intel = cpus / "intel_pstate/no_turbo"
    if intel.exists():
        return reading.number(intel) == 0
    if not (cpus / "cpufreq/boost").exists():
        raise UnreadableError("this kernel has no switch for it (usual in a virtual machine: the host decides)")
    return reading.number(cpus / "cpufreq/boost") == 1


def _throttle_events(cpus: Path) -> int:
    """Events of each core and package once: threads of a core, and cores of a package, show the same counter."""
    events: dict[tuple[str, str, str], int] = {}
    for folder in sorted(cpus.glob("cpu[0-9]*/thermal_throttle")):
        topology = folder.parent / "topology"
        package = reading.text(topology / "physical_package_id")
        core = reading.text(topology / "core_id")
        events["core", package, core] = reading.number(folder / "core_throttle_count")
        events["package", package, ""] = reading.number(folder / "package_throttle_count")
    if not events:
        raise UnreadableError("this kernel counts none (Intel's count their own, virtual machines have none)")
    return sum(events.values())


def _is_virtual(cpuinfo: Path) -> bool:
    flags = next((line for line in reading.text(cpuinfo).splitlines() if line.startswith("flags")), None)
    if flags is None:
        raise UnreadableError("/proc/cpuinfo lists no flags on this kind of processor")
    return "hypervisor" in flags.split()
