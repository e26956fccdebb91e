"""The seam to the device: what the instrument needs of a CPU, a CUDA card, an XPU or Apple's MPS.

Everything device-specific in the harness goes through `Device`. `Accelerator` looks each function
up in `torch.accelerator` first, where torch has it, and in the device's own module (`torch.cuda`,
`torch.xpu`, `torch.mps`) otherwise, so that all accelerators are one path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch


@dataclass(frozen=True, kw_only=True, slots=True)
class Peaks:
    """Peak bytes since the last reset; None where the device does not tell."""

    allocated_bytes: int | None = None
    reserved_bytes: int | None = None


class Device(Protocol):
    """What the instrument asks of a device."""

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""

    def events(self, count: int) -> list[Any]:
        """So many timing events, to be recorded in the device's queue; none where it has none."""

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Microseconds between two recorded events that have passed."""

    def reset_peaks(self) -> None:
        """Start a new peak from what is allocated now."""

    def peaks(self) -> Peaks:
        """The peaks since the last reset."""


class Host:
    """The CPU: nothing to wait for, no events, no allocator statistics."""

    def synchronize(self) -> None:
        """Nothing is queued on a CPU."""

    def events(self, count: int) -> list[Any]:
        """A CPU has no queue to record in."""
        del count
        return []

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Never asked: there are no events; raises `TypeError`."""
        raise TypeError(f"a CPU has no events such as {start} and {end}")

    def reset_peaks(self) -> None:
        """The allocator of a CPU keeps no statistics."""

    def peaks(self) -> Peaks:
        """The allocator of a CPU keeps no statistics."""
        return Peaks()


class Accelerator:
    """Any device that torch drives asynchronously."""

    def __init__(self, device_type: str) -> None:
        self._modules = [m for m in (getattr(torch, "accelerator", None), getattr(torch, device_type, None)) if m]
        self._synchronize = self._find("synchronize")
        self._max_allocated = self._find("max_memory_allocated")
        self._max_reserved = self._find("max_memory_reserved")
        self._reset = self._find("reset_peak_memory_stats")
        self._event_class = getattr(getattr(torch, device_type, None), "Event", None)

    def _find(self, name: str) -> Callable[..., Any] | None:
        return next((getattr(module, name) for module in self._modules if hasattr(module, name)), None)

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        if self._synchronize is not None:
            self._synchronize()

    def events(self, count: int) -> list[Any]:
        """So many timing events, to be recorded in the current stream."""
        if self._event_class is None:
            return []
        return [self._event_class(enable_timing=True) for _ in range(count)]

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Microseconds between two recorded events that have passed (torch gives milliseconds)."""
        return float(start.elapsed_time(end)) * 1e3

    def reset_peaks(self) -> None:
        """Start a new peak from what is allocated now."""
        if self._reset is not None:
            self._reset()

    def peaks(self) -> Peaks:
        """The caching allocator's own peaks; MPS keeps none."""
        return Peaks(
            allocated_bytes=None if self._max_allocated is None else self._max_allocated(),
            reserved_bytes=None if self._max_reserved is None else self._max_reserved(),
        )


def of(device: str) -> Device:
    """The seam for a torch device string such as `cpu` or `cuda`."""
    device_type = device.partition(":")[0]
    return Host() if device_type == "cpu" else Accelerator(device_type)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the host ran out of memory; torch's CPU allocator only says so in its text."""
    accelerator_error = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
    return isinstance(error, (MemoryError, accelerator_error)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )
