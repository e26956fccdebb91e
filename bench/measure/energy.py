"""Joules, from counters that the hardware keeps by itself: read between turns, so that nothing runs beside the loop.

NVIDIA: `nvmlDeviceGetTotalEnergyConsumption`, millijoules of the whole board, since Volta.
Linux on Intel and AMD: RAPL by the powercap interface, microjoules of the whole processor package,
all processes included.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from bench.host import nvml as nvmls
from bench.host.reading import UnreadableError
from bench.measure.meters import Guarded, TurnMeter, Unavailable

NAME = "energy_j"
POWERCAP = Path("/sys/class/powercap")
MICROJOULES_PER_MILLIJOULE = 1000
MIN_MOVES = 20
"""Of a board's counter from a trial's first turn to its last: with fewer, where it stood at these two moments is more
than a twentieth of the figure."""
MOVES_LOOKED_AT = 4
POLL_S = 0.001
PATIENCE_S = 2.0


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


class EachTurn:
    """What all turns used together, without what others used between them."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._start: Reading = ()
        self._used_j: float | None = None

    def begin(self) -> None:
        """Read the counters where a turn begins."""
        self._start = self._meter.start()

    def end(self) -> None:
        """Read them where it ends."""
        self._used_j = (self._used_j or 0.0) + self._meter.joules(self._start, self._meter.start())

    def result(self) -> dict[str, Any]:
        """The sum."""
        return {NAME: self._used_j, "unavailable": {}}


class FirstTurnToLast:
    """What was used from the first turn to the last, the hand-overs between them included.

    For a trial that is alone, on a board whose counter moves so seldom that a single turn may not see it move.
    """

    def __init__(self, meter: Meter) -> None:
        self._meter, self._move_s = meter, seconds_of_a_move(meter)
        self._start: tuple[Reading, float] | None = None
        self._end: tuple[Reading, float] | None = None

    def begin(self) -> None:
        """Read the counter where the first turn begins."""
        self._start = self._start or (self._meter.start(), perf_counter())

    def end(self) -> None:
        """Read it where a turn ends, of which the last one is kept."""
        self._end = self._meter.start(), perf_counter()

    def result(self) -> dict[str, Any]:
        """The difference, where the counter has moved often enough in between."""
        if self._start is None or self._end is None:
            return {NAME: None, "unavailable": {}}
        (start, start_s), (end, end_s) = self._start, self._end
        lasted_s = end_s - start_s
        if lasted_s < MIN_MOVES * self._move_s:
            transition = f"the board's counter moves every {1e3 * self._move_s:.0f} ms"
            reason = f"{transition}, too seldom for {lasted_s:.2g} s of turns (give it more --steps)"
            return Unavailable(NAME, reason).result()
        return {NAME: self._meter.joules(start, end), "unavailable": {}}


def of_turns(device: str, *, is_alone: bool) -> TurnMeter:
    """The energy of a trial's turns on a torch device; one without a counter has a reason instead of a figure.

    A board's counter moves some ten to fifty times a second: it cannot tell which of several loops that take
    turns of milliseconds used what. RAPL's moves a thousand times a second.
    """
    if device != "cpu" and not is_alone:
        return Unavailable(NAME, "the board's counter is too slow for loops that take turns")
    try:
        of_device = meter(device)
        return Guarded(NAME, EachTurn(of_device) if device == "cpu" else FirstTurnToLast(of_device))
    except Exception as error:  # noqa: BLE001 - no counter, or one that fails as soon as it is watched
        return Unavailable(NAME, str(error))


def seconds_of_a_move(meter: Meter) -> float:
    """How often a counter moves, by watching it; raises `EnergyUnavailableError` where it stands still.

    An idle board uses some watts, too, so that a counter of millijoules moves whenever it is renewed.
    """
    moved_s: list[float] = []
    before, give_up_s = meter.start(), perf_counter() + PATIENCE_S
    while len(moved_s) < MOVES_LOOKED_AT:
        if perf_counter() > give_up_s:
            raise EnergyUnavailableError(f"the board's counter moved {len(moved_s)} times in {PATIENCE_S:.0f} s")
        sleep(POLL_S)
        now = meter.start()
        if now != before:
            moved_s.append(perf_counter())
        before = now
    return max(after - earlier for earlier, after in pairwise(moved_s))


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
