"""The seam to the device: what the instrument needs of a CPU, a CUDA card, an XPU or Apple's MPS.

Everything device-specific in the harness goes through `Device`. `Accelerator` looks each function
up in `torch.accelerator` first, where torch has it, and in the device's own module (`torch.cuda`,
`torch.xpu`, `torch.mps`) otherwise, so that all accelerators are one path.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import torch

OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED", "HIPBLAS_STATUS_ALLOC_FAILED")
"""Words of torch's CPU allocator; of drivers, for contexts and pinned memory, and of Apple's; of cuBLAS."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Peaks:
    """Peak bytes since the last reset; None where the device does not tell."""

    allocated_bytes: int | None = None
    reserved_bytes: int | None = None


class Device(Protocol):
    """What the instrument asks of a device."""

    @property
    def is_asynchronous(self) -> bool:
        """Whether it works on while the host does: then a tick says nothing of the device's work."""

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""

    def events(self, count: int) -> list[Any]:
        """So many timing events, to be recorded in the device's queue; none where it has none."""

    def stream(self) -> tuple[Any, ...]:
        """What an event is given to be recorded in the queue of now: without it, it looks for that each time."""

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Microseconds between two recorded events that have passed."""

    def reset_peaks(self) -> None:
        """Start a new peak from what is allocated now."""

    def peaks(self) -> Peaks:
        """The peaks since the last reset."""


class Host:
    """The CPU: nothing to wait for, no events, no allocator statistics."""

    is_asynchronous = False

    def synchronize(self) -> None:
        """Nothing is queued on a CPU."""

    def events(self, count: int) -> list[Any]:
        """A CPU has no queue to record in."""
        del count
        return []

    def stream(self) -> tuple[Any, ...]:
        """A CPU has no queue."""
        return ()

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

    is_asynchronous = True

    def __init__(self, device_type: str) -> None:
        self._modules = [m for m in (getattr(torch, "accelerator", None), getattr(torch, device_type, None)) if m]
        self._waits = [m.synchronize for m in self._modules if hasattr(m, "synchronize")]
        # Of several events in one buffer, Apple's answer in any order, and torch raises for a time that runs back.
        own = None if device_type == "mps" else getattr(torch, device_type, None)
        self._event_class = getattr(own, "Event", None)
        self._current_stream = getattr(own, "current_stream", None)

    def _first_answer(self, name: str) -> Any:
        """What the first function of this name gives that works: generic ones raise for some kinds of device."""
        for module in self._modules:
            with suppress(AttributeError, NotImplementedError, RuntimeError):
                return getattr(module, name)()
        return None

    def synchronize(self) -> None:
        """Wait until the device has done all it was given."""
        while len(self._waits) > 1:
            try:
                self._waits[0]()
            except RuntimeError:
                # The generic one does not serve this kind of device; or that has failed, as its own will say.
                del self._waits[0]
            else:
                return
        for wait in self._waits:
            wait()

    def events(self, count: int) -> list[Any]:
        """So many timing events, to be recorded in the current stream."""
        if self._event_class is None:
            return []
        return [self._event_class(enable_timing=True) for _ in range(count)]

    def stream(self) -> tuple[Any, ...]:
        """The current stream; `torch.cuda.Event.record` takes microseconds to find it by itself."""
        return () if self._current_stream is None else (self._current_stream(),)

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Microseconds between two recorded events that have passed (torch gives milliseconds)."""
        return float(start.elapsed_time(end)) * 1e3

    def reset_peaks(self) -> None:
        """Start a new peak from what is allocated now."""
        self._first_answer("reset_peak_memory_stats")

    def peaks(self) -> Peaks:
        """The caching allocator's own peaks; MPS keeps none."""
        return Peaks(
            allocated_bytes=self._first_answer("max_memory_allocated"),
            reserved_bytes=self._first_answer("max_memory_reserved"),
        )


def of(device: str) -> Device:
    """The seam for a torch device string such as `cpu` or `cuda`."""
    device_type = device.partition(":")[0]
    return Host() if device_type == "cpu" else Accelerator(device_type)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the device or the host ran out of memory; not all that torch allocates raises an error of its own."""
    accelerator_error = getattr(torch, "OutOfMemoryError", torch.cuda.OutOfMemoryError)
    return isinstance(error, (MemoryError, accelerator_error)) or (
        isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)
    )
