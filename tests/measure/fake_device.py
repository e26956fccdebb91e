"""A fake accelerator behind the seam: it keeps what it is asked, and knows its memory exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench.measure.device import Peaks


@dataclass
class FakeEvent:
    """An event that passes the moment it is recorded."""

    device: FakeAccelerator
    recorded_as: int = 0

    def record(self, stream: str) -> None:
        assert stream == "the stream"
        self.device.recorded += 1
        self.recorded_as = self.device.recorded


@dataclass
class FakeAccelerator:
    """Events pass 10 µs after each other; memory peaks are whatever the test says next, and untold after that."""

    is_asynchronous = True
    calls: list[str] = field(default_factory=list)
    next_peaks: list[Peaks] = field(default_factory=list)
    recorded: int = 0

    def synchronize(self) -> None:
        self.calls.append("synchronize")

    def events(self, count: int) -> list[FakeEvent]:
        self.calls.append(f"{count} events")
        return [FakeEvent(self) for _ in range(count)]

    def stream(self) -> tuple[str]:
        return ("the stream",)

    def elapsed_us(self, start: FakeEvent, end: FakeEvent) -> float:
        return 10.0 * (end.recorded_as - start.recorded_as)

    def reset_peaks(self) -> None:
        self.calls.append("reset")

    def peaks(self) -> Peaks:
        self.calls.append("peaks")
        return self.next_peaks.pop(0) if self.next_peaks else Peaks()
