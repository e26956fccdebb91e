"""Joules, from counters that the hardware keeps by itself: no polling, so nothing runs beside the loop.

NVIDIA: `nvmlDeviceGetTotalEnergyConsumption`, millijoules of the whole board, since Volta.
Linux on Intel and AMD: RAPL by the powercap interface, microjoules of the whole processor package,
all processes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.host import nvml as nvmls
from bench.host.reading import UnreadableError

POWERCAP = Path("/sys/class/powercap")
MICROJOULES_PER_MILLIJOULE = 1000


class EnergyUnavailableError(Exception):
    """Why there is no energy figure, in one phrase."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counter:
    """An energy counter of the hardware."""

    name: str
    read_uj: Callable[[], int]
    """Microjoules since some time in the past."""
    range_uj: int | None = None
    """Where the counter starts again at 0; None if it never does."""


Reading = tuple[int, ...]
"""Microjoules of each counter at one instant."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """All counters of one device."""

    counters: Sequence[Counter]

    def start(self) -> Reading:
        """Read all counters."""
        return tuple(counter.read_uj() for counter in self.counters)

    def joules(self, start: Reading, end: Reading) -> float:
        """Add up what was used between two readings, less than one turn of the fastest counter apart.

        A package at 200 W turns a usual RAPL counter (262 kJ) in 22 minutes.
        """
        return sum(map(_used_uj, self.counters, start, end)) / 1e6


def _used_uj(counter: Counter, start: int, end: int) -> int:
    return end - start if end >= start or counter.range_uj is None else end - start + counter.range_uj


class TurnEnergy:
    """What all turns of a trial used together; made by `of_turns`."""

    def __init__(self, meter: Meter | None, reason: str | None) -> None:
        self._meter, self._reason = meter, reason
        self._start: Reading = ()
        self._used_j: float | None = None

    def begin(self) -> None:
        """Read the counters where a turn begins."""
        if self._meter is not None:
            self._start = self._meter.start()

    def end(self) -> None:
        """Read them where it ends."""
        if self._meter is not None:
            self._used_j = (self._used_j or 0.0) + self._meter.joules(self._start, self._meter.start())

    def result(self) -> dict[str, Any]:
        """The fields of `records.schema.Timing` about energy."""
        why_not = {} if self._reason is None else {"energy_j": self._reason}
        return {"energy_j": self._used_j, "unavailable": why_not}


def of_turns(device: str, *, is_alone: bool) -> TurnEnergy:
    """The energy of a trial's turns on a torch device; one without a counter has a reason instead of a figure.

    A board's counter moves some ten times a second: it cannot tell which of several loops that take
    turns of milliseconds used what. RAPL's moves a thousand times a second.
    """
    if device != "cpu" and not is_alone:
        return TurnEnergy(None, "the board's counter is too slow for loops that take turns")
    try:
        return TurnEnergy(meter(device), None)
    except EnergyUnavailableError as error:
        return TurnEnergy(None, str(error))


def meter(device: str) -> Meter:
    """The meter of a torch device string; raises `EnergyUnavailableError`."""
    if device == "cpu":
        return Meter(counters=rapl_counters())
    if device.partition(":")[0] == "cuda":
        return Meter(counters=[nvml_counter(_uuid(device))])
    raise EnergyUnavailableError(f"no energy counter is known for {device}")


def rapl_counters(powercap: Path = POWERCAP) -> list[Counter]:
    """The counter of each processor package; raises `EnergyUnavailableError`."""
    # `intel-rapl:0:0` is a part of package 0, `psys` holds the packages: either would count twice.
    zones = [zone for zone in sorted(powercap.glob("intel-rapl:*")) if _text(zone / "name").startswith("package")]
    if not zones:
        raise EnergyUnavailableError("this machine shows no RAPL counters (usual in a virtual machine)")
    return [_rapl_counter(zone) for zone in zones]


def _rapl_counter(zone: Path) -> Counter:
    energy = zone / "energy_uj"
    try:
        int(_text(energy))
        range_uj = int(_text(zone / "max_energy_range_uj"))
    except OSError as error:
        raise EnergyUnavailableError(f"RAPL cannot be read ({error.strerror}): it is root's unless opened") from error
    return Counter(name=_text(zone / "name"), read_uj=lambda: int(_text(energy)), range_uj=range_uj)


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def nvml_counter(uuid: str, nvml: Any = None) -> Counter:
    """The counter of an NVIDIA board by torch's name for it; raises `EnergyUnavailableError`."""
    try:
        nvml = nvmls.opened(nvml)
        board, is_sliced = nvmls.board_of(nvml, uuid)
        nvml.nvmlDeviceGetTotalEnergyConsumption(board)
    except Exception as error:  # a missing module, library, driver or counter: each has a class of its own
        raise EnergyUnavailableError(f"NVML gives no energy: {error}") from error
    if is_sliced:
        raise EnergyUnavailableError("the board is shared out by MIG, and its counter is that of all slices")
    return Counter(
        name=uuid,
        read_uj=lambda: int(nvml.nvmlDeviceGetTotalEnergyConsumption(board)) * MICROJOULES_PER_MILLIJOULE,
    )


def _uuid(device: str) -> str:
    try:
        return nvmls.uuid_of(device)
    except UnreadableError as error:
        raise EnergyUnavailableError(str(error)) from error
