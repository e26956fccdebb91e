"""The clock of a card's multiprocessors at both ends of a trial's turns: where it has moved, step times have too.

Read when a turn has just ended, because a card that has nothing to do clocks down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.host import nvml
from bench.host.reading import UnreadableError
from bench.measure.meters import Guarded, TurnMeter, Unavailable

NAME = "sm_clock_mhz"
NOT_NVIDIAS = "only NVIDIA's driver reports it"


class EndsOfTurns:
    """The clock after the first turn, and after the last."""

    def __init__(self, read_mhz: Callable[[], int]) -> None:
        self._read_mhz = read_mhz
        self._mhz: list[int] = []

    def begin(self) -> None:
        """The card has done nothing since its last turn."""

    def end(self) -> None:
        """Read the clock."""
        self._mhz[1:] = [self._read_mhz()]

    def result(self) -> dict[str, Any]:
        """Both, the same where there was one turn."""
        return {NAME: [self._mhz[0], self._mhz[-1]] if self._mhz else None, "unavailable": {}}


def of_turns(device: str) -> TurnMeter:
    """The clock of a trial's card, by a torch device string; what has none, or does not tell, has a reason."""
    kind = device.partition(":")[0]
    if kind != "cuda":
        return Unavailable(NAME, "the device is the host" if kind == "cpu" else NOT_NVIDIAS)
    try:
        uuid = nvml.uuid_of(device)
        asked = nvml.opened()
        board, _ = nvml.board_of(asked, uuid)
    except UnreadableError as error:
        return Unavailable(NAME, str(error))
    except Exception as error:  # noqa: BLE001 - a missing module, library or driver: each has a class of its own
        return Unavailable(NAME, f"NVML is unavailable: {error}")
    return Guarded(NAME, EndsOfTurns(lambda: int(asked.nvmlDeviceGetClockInfo(board, asked.NVML_CLOCK_SM))))
