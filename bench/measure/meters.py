"""What is read where a trial's turns begin and end, outside of their time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol


class TurnMeter(Protocol):
    """Looks at both ends of every turn."""

    def begin(self) -> None:
        """Look where a turn begins."""

    def end(self) -> None:
        """Look where it ends, when the device has done its work."""

    def result(self) -> dict[str, Any]:
        """Fields of `records.schema.Timing`; `unavailable` among them says why another is None, by name."""


class Unavailable:
    """No figure of this name, and why."""

    def __init__(self, name: str, reason: str) -> None:
        self._name, self._reason = name, reason

    def begin(self) -> None:
        """Nothing is read."""

    def end(self) -> None:
        """Nothing is read."""

    def result(self) -> dict[str, Any]:
        """The reason."""
        return {self._name: None, "unavailable": {self._name: self._reason}}


class Guarded:
    """A meter whose failure costs a trial this figure, and nothing else."""

    def __init__(self, name: str, meter: TurnMeter) -> None:
        self._name, self._meter = name, meter
        self._failure: str | None = None

    def begin(self) -> None:
        """Look, as long as it can be looked."""
        self._look(self._meter.begin)

    def end(self) -> None:
        """Look, as long as it can be looked."""
        self._look(self._meter.end)

    def _look(self, look: Callable[[], None]) -> None:
        if self._failure is None:
            try:
                look()
            except Exception as error:  # noqa: BLE001 - NVML's errors have a class that is made when its library is there
                self._failure = f"it could not be read any more: {error}"

    def result(self) -> dict[str, Any]:
        """What the meter tells, or why it could not."""
        return self._meter.result() if self._failure is None else Unavailable(self._name, self._failure).result()


def results(meters: Iterable[TurnMeter]) -> dict[str, Any]:
    """The fields of all meters, and all reasons."""
    figures: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for meter in meters:
        fields = meter.result()
        reasons |= fields.pop("unavailable")
        figures |= fields
    return figures | {"unavailable": reasons}
