"""The state of the machine: what was read, and what that means for figures.

A fact that cannot be had is None, and `unavailable` says why, by field name.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from bench.records.base import SCHEMA, Launch, Record
from bench.records.calibrations import Calibration
from bench.records.steadiness import JitterFacts, Steadiness

Severity = Literal["fine", "note", "warning", "unfit"]
Cgroup = Literal["v1", "v2"]


class CpuFacts(Record):
    """How the processors are set up."""

    online: int | None = None
    usable: int | None = None
    """How many of them this process may use."""
    siblings: int | None = None
    """How many of the usable ones share a core with another usable one."""
    smt: bool | None = None
    governors: dict[str, int] | None = None
    """By name of the frequency governor, how many of the usable processors have it."""
    turbo: bool | None = None
    throttle_events: int | None = None
    """How often cores or packages were slowed for their heat, since the machine was started."""
    load_1m: float | None = None
    """Processes that ran or waited to, averaged over the last minute."""
    clocksource: str | None = None
    virtual: bool | None = None
    """Whether a hypervisor runs this machine."""
    unavailable: dict[str, str] = {}


class MemoryFacts(Record):
    """Memory and swap of the machine."""

    available_bytes: int | None = None
    swap_used_bytes: int | None = None
    swapped_pages: int | None = None
    """Pages moved to and from swap since the machine was started."""
    unavailable: dict[str, str] = {}


class ContainerFacts(Record):
    """What a container, or another control group, allows this process."""

    cgroup: Cgroup | None = None
    quota_cpus: float | None = None
    """Processors' worth of time in every period; None without `unavailable` is no limit."""
    throttled_periods: int | None = None
    """In how many periods the quota was used up, since the group was made."""
    throttled_s: float | None = None
    unavailable: dict[str, str] = {}


class ProcessShare(Record):
    """What one process used."""

    pid: int
    name: str
    cores: float
    """Its processor time over the window, in units of one core."""


class Activity(Record):
    """What happened in a window of time."""

    window_s: float
    busy_cores: float | None = None
    """What all processes used of the usable processors, in units of one core."""
    own_cores: float | None = None
    """What this process and the children that it waited for used."""
    stolen_cores: float | None = None
    """What the hypervisor gave to others while there was something to run here."""
    processes: list[ProcessShare] = []
    """The others that used most, from the first; those that began and ended in the window are not seen."""
    swapped_pages: int | None = None
    throttle_events: int | None = None
    throttled_periods: int | None = None
    throttled_s: float | None = None
    clock_step_s: float
    """How far the wall clock was set forward against the steady one."""
    unavailable: dict[str, str] = {}

    @property
    def foreign_cores(self) -> float | None:
        """What others used, in units of one core."""
        if self.busy_cores is None or self.own_cores is None:
            return None
        return max(self.busy_cores - self.own_cores, 0.0)


class GpuProcess(Record):
    """A process that computes on a card."""

    pid: int
    name: str | None = None
    memory_bytes: int | None = None
    sm_percent: int | None = None
    """Its share of the card's multiprocessors in the last samples of the driver."""


class GpuFacts(Record):
    """One NVIDIA card, by NVML."""

    uuid: str
    name: str
    sm_clock_mhz: int | None = None
    max_sm_clock_mhz: int | None = None
    temperature_c: int | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    default_power_limit_w: float | None = None
    throttle_reasons: list[str] | None = None
    persistence: bool | None = None
    mig: bool | None = None
    processes: list[GpuProcess] | None = None
    unavailable: dict[str, str] = {}


class NvidiaFacts(Record):
    """The driver and its cards."""

    driver: str | None = None
    cuda: str | None = None
    """The newest CUDA that the driver knows, such as `13.0`."""
    gpus: list[GpuFacts] = []
    unavailable: str | None = None
    """Why there is nothing here."""


class Health(Record):
    """The machine at one instant, and what happened since an earlier one."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    moment: Literal["start", "end"] | None = None
    """Of a run; a resumed run has several of each."""
    taken_at: datetime
    cpu: CpuFacts
    memory: MemoryFacts
    container: ContainerFacts
    nvidia: NvidiaFacts | None = None
    """None where no NVIDIA card is measured."""
    activity: Activity | None = None
    jitter: JitterFacts | None = None
    """Fixed work, timed before a run's first trial."""


class TorchFacts(Record):
    """What torch is built for, and what it can do with the device."""

    build: str | None = None
    """Such as `2.13.0+cu130, CUDA 13.0`."""
    device: str | None = None
    """The device that was examined."""
    missing: str | None = None
    """Why that device cannot be had."""
    broken: str | None = None
    """Why nothing runs on that device, which torch sees all the same."""
    launch: Launch | None = None
    """Whether trials can be forks of an interpreter that has imported its framework."""
    no_fork: str | None = None
    """Why they cannot."""
    variables: dict[str, str] = {}
    """Variables of the environment that change what a loop does."""
    left_out: list[str] = []
    """Names of variables that trials are not shown."""
    unavailable: dict[str, str] = {}


class Requirement(Record):
    """What an installed package says it needs."""

    package: str
    version: str
    needs: str
    """As its metadata has it: `torch>=2.4`."""
    found: str | None
    """The installed version of what it needs; None where that is not there."""


class VersionFacts(Record):
    """What the measured packages need, and what is known not to work."""

    requirements: list[Requirement] = []
    known: list[str] = []
    """Combinations that are known to fail, each in words."""


class Finding(Record):
    """One thing that was looked at."""

    subject: str
    severity: Severity
    seen: str
    """What was seen, with its number; or why it could not be."""
    effect: str = ""
    """What that does to figures."""
    remedy: str = ""
    """How to mend it."""


class Diagnosis(Record):
    """What `python -m bench.doctor --json` prints."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    fit: bool
    """Whether nothing was found that makes the machine unfit to measure."""
    fit_alone: bool | None = None
    """Whether it is steady enough to time loops by themselves, not in turns; None where that is not known."""
    findings: list[Finding]
    health: Health
    torch: TorchFacts
    versions: VersionFacts
    calibration: Calibration | None = None
    """What is known of how well this machine resolves."""
    steadiness: Steadiness | None = None
    """What it does to pairs of identical loops."""
