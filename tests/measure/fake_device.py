"""A fake accelerator behind the seam: it counts what it is asked, and knows its memory exactly."""

from dataclasses import dataclass, field

from bench.measure.device import Peaks


@dataclass
class FakeAccelerator:
    """Events tick 10 µs apart; memory peaks are whatever the test says next."""

    calls: list[str] = field(default_factory=list)
    next_peaks: list[Peaks] = field(default_factory=list)
    events: int = 0

    def synchronize(self) -> None:
        self.calls.append("synchronize")

    def event(self) -> int:
        self.events += 1
        return self.events

    def elapsed_us(self, start: int, end: int) -> float:
        return 10.0 * (end - start)

    def reset_peaks(self) -> None:
        self.calls.append("reset")

    def peaks(self) -> Peaks:
        self.calls.append("peaks")
        return self.next_peaks.pop(0)
