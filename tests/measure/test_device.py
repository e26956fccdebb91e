"""The seam finds each function in torch.accelerator first, and in the device's own module otherwise."""

import inspect
from functools import reduce
from types import SimpleNamespace

import pytest
import torch

from bench.measure import device as devices
from bench.measure.device import Accelerator, Host, Peaks


class Event:
    now_ms = 0.0

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        Event.now_ms += 0.25
        self.at_ms = Event.now_ms

    def elapsed_time(self, end: "Event") -> float:
        return end.at_ms - self.at_ms


@pytest.fixture
def calls(monkeypatch):
    """A torch with an accelerator module that only synchronises, and a device module with the rest."""
    calls: list[str] = []
    generic = SimpleNamespace(synchronize=lambda: calls.append("generic synchronize"))
    own = SimpleNamespace(
        synchronize=lambda: calls.append("own synchronize"),
        max_memory_allocated=lambda: 70,
        max_memory_reserved=lambda: 100,
        reset_peak_memory_stats=lambda: calls.append("own reset"),
        Event=Event,
    )
    monkeypatch.setattr(torch, "accelerator", generic, raising=False)
    monkeypatch.setattr(torch, "toy", own, raising=False)
    return calls


def test_generic_functions_come_first(calls):
    device = Accelerator("toy")
    device.synchronize()
    device.reset_peaks()
    assert calls == ["generic synchronize", "own reset"]
    assert device.peaks() == Peaks(allocated_bytes=70, reserved_bytes=100)


def test_events_are_in_microseconds(calls):
    device = Accelerator("toy")
    events = device.events(3)
    for event in events:
        event.record()
    assert device.elapsed_us(events[0], events[1]) == pytest.approx(250.0)
    assert device.elapsed_us(events[0], events[2]) == pytest.approx(500.0)


def test_events_are_made_without_being_recorded(calls):
    before_ms = Event.now_ms
    assert len({id(event) for event in Accelerator("toy").events(5)}) == 5
    assert before_ms == Event.now_ms


def test_the_stream_of_events_is_the_devices_own(calls, monkeypatch):
    assert Accelerator("toy").stream() == ()
    monkeypatch.setattr(torch.toy, "current_stream", lambda: "the stream", raising=False)
    assert Accelerator("toy").stream() == ("the stream",)
    assert Host().stream() == ()


def test_a_torch_without_the_generic_module_uses_the_device_s_own(calls, monkeypatch):
    monkeypatch.delattr(torch, "accelerator")
    Accelerator("toy").synchronize()
    assert calls == ["own synchronize"]


def test_what_a_device_does_not_tell_is_none(calls, monkeypatch):
    monkeypatch.setattr(torch, "toy", SimpleNamespace())
    device = Accelerator("toy")
    device.reset_peaks()
    assert device.peaks() == Peaks()
    assert device.events(3) == []


def test_a_generic_function_that_raises_for_this_kind_of_device_is_not_told(calls, monkeypatch):
    """As torch 2.9 to 2.12 do for Apple's: the trial goes on, by the device's own functions where it has them."""

    def refuses():
        raise RuntimeError("Allocator for mps is not a DeviceAllocator.")

    for name in ("synchronize", "max_memory_allocated", "max_memory_reserved", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.accelerator, name, refuses, raising=False)
    device = Accelerator("toy")
    device.synchronize()
    device.reset_peaks()
    device.synchronize()
    assert calls == ["own synchronize", "own reset", "own synchronize"]
    assert device.peaks() == Peaks(allocated_bytes=70, reserved_bytes=100)
    monkeypatch.setattr(torch.toy, "synchronize", refuses)
    with pytest.raises(RuntimeError):  # a device that has failed is no device without a function
        Accelerator("toy").synchronize()
    monkeypatch.setattr(torch, "toy", SimpleNamespace())
    Accelerator("toy").reset_peaks()
    assert Accelerator("toy").peaks() == Peaks()


def test_apple_s_events_which_come_in_any_order_are_not_used(monkeypatch):
    monkeypatch.setattr(torch.mps, "Event", Event, raising=False)
    assert Accelerator("mps").events(3) == []


def test_a_cpu_has_neither_events_nor_peaks():
    assert isinstance(devices.of("cpu"), Host)
    assert devices.of("cpu").events(3) == []
    with pytest.raises(TypeError, match="a CPU has no events"):
        devices.of("cpu").elapsed_us(1, 2)
    assert devices.of("cpu").peaks() == Peaks()


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (MemoryError(), True),
        (
            RuntimeError(
                "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1152921504606846976 bytes."
            ),
            True,
        ),
        (RuntimeError("CUDA error: out of memory"), True),  # a context, or pinned memory
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17.9 GB)"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("can't allocate memory"), False),
    ],
)
def test_out_of_memory_is_told_from_other_errors(error, is_memory):
    assert devices.is_out_of_memory(error) is is_memory


EVERYWHERE = ("synchronize", "max_memory_allocated", "max_memory_reserved", "reset_peak_memory_stats")
CALLS = [
    *((f"{module}.{name}", (), {}) for module in ("accelerator", "cuda", "xpu") for name in EVERYWHERE),
    ("mps.synchronize", (), {}),
    *((f"{module}.Event", (), {"enable_timing": True}) for module in ("cuda", "xpu")),
    *((f"{module}.current_stream", (), {}) for module in ("cuda", "xpu")),
    *((f"{module}.Event.record", ("the event", "a stream"), {}) for module in ("cuda", "xpu")),
    *((f"{module}.Event.elapsed_time", ("the event", "its end"), {}) for module in ("cuda", "xpu")),
    ("cuda.memory_stats", ("cuda:0",), {}),
    ("cuda.get_device_properties", ("cuda:0",), {}),
    *((f"{module}.{name}", (), {}) for module in ("cuda", "xpu") for name in ("is_available", "device_count")),
    *((f"{module}.get_device_name", (0,), {}) for module in ("cuda", "xpu")),
    ("backends.mps.is_available", (), {}),
    ("backends.mps.is_built", (), {}),
]
"""What is called of torch where there is an accelerator, as it is called."""


@pytest.mark.parametrize(("name", "arguments", "named"), CALLS, ids=[name for name, _, _ in CALLS])
def test_torch_takes_what_it_is_given_where_there_is_an_accelerator(name, arguments, named):
    try:
        function = reduce(getattr, name.split("."), torch)
    except AttributeError:
        pytest.skip(f"torch {torch.__version__} has no torch.{name}")
    inspect.signature(function).bind(*arguments, **named)


def test_what_cannot_be_done_without_is_in_this_torch():
    assert {"synchronize", "Event", "current_stream", "memory_stats", "get_device_properties"} <= set(dir(torch.cuda))
    assert set(EVERYWHERE) <= set(dir(torch.cuda))
