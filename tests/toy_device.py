"""A second kind of device, in Python: what it is given it does at once, and says that it is done later, as a queue.

It takes torch's place for devices that are not built in (PrivateUse1), under the name `toy`. Every op takes
the device the same time, after all that it was given before, and reading a value waits until then: what an
event, a wait and a step time must be is known. `importable` makes any process that imports torch have it.
"""

from __future__ import annotations

import os
import time
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch.utils._python_dispatch import return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "toy"
OP_US = float(os.environ.get("TOY_OP_US", "100"))
CAPACITY_BYTES = 1 << 30
"""The memory that it has."""
BLOCK_BYTES = 512
"""What its allocator hands out is a multiple of."""
ATEN = torch.ops.aten
NO_WORK = {ATEN.detach.default, ATEN.empty_like.default, ATEN.alias.default}
"""Beside views."""
COPIES = {ATEN.copy_.default, ATEN._to_copy.default}


class Queue:
    """When the device will have done all that it was given, and what is allocated on it."""

    def __init__(self) -> None:
        self.busy_until_s = 0.0
        self.ops = self.waits = 0
        self.allocated = self.peak = 0
        self.storages: dict[int, weakref.ref[Any]] = {}

    def add(self) -> None:
        self.ops += 1
        self.busy_until_s = max(self.busy_until_s, time.perf_counter()) + OP_US / 1e6

    def wait(self) -> None:
        self.waits += 1
        while (left_s := self.busy_until_s - time.perf_counter()) > 0:
            time.sleep(left_s)

    def hold(self, storage: torch.UntypedStorage) -> None:
        """Have what is in `storage` allocated until nobody holds it any more."""
        key = id(storage)
        if key in self.storages:
            return
        size = -(-storage.nbytes() // BLOCK_BYTES) * BLOCK_BYTES
        if self.allocated + size > CAPACITY_BYTES:
            raise torch.OutOfMemoryError(f"the toy has no {size:,} bytes left")

        def free(_: object) -> None:
            del self.storages[key]
            self.allocated -= size

        self.storages[key] = weakref.ref(storage, free)
        self.allocated += size
        self.peak = max(self.peak, self.allocated)

    def reset_peak(self) -> None:
        self.peak = self.allocated


QUEUE = Queue()


class Event:
    """Passes when the device has done what it was given before."""

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        self.at_s = max(QUEUE.busy_until_s, time.perf_counter())

    def elapsed_time(self, end: Event) -> float:
        if time.perf_counter() < end.at_s:
            raise RuntimeError("an event was asked for before it had passed")
        return 1e3 * (end.at_s - self.at_s)


class ToyTensor(torch.Tensor):
    """A tensor whose values are in another one, on the CPU."""

    values: torch.Tensor

    @staticmethod
    def holding(values: torch.Tensor) -> ToyTensor:
        made = torch.Tensor._make_wrapper_subclass(
            ToyTensor,
            values.size(),
            strides=values.stride(),
            storage_offset=values.storage_offset(),
            dtype=values.dtype,
            device=torch.device(NAME, 0),
        )
        made.values = values
        QUEUE.hold(values.untyped_storage())
        return made

    def __repr__(self) -> str:
        return f"ToyTensor({tuple(self.shape)})"

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        owners: dict[int, ToyTensor] = {}

        def values_of(tensor: ToyTensor) -> torch.Tensor:
            owners[id(tensor.values)] = tensor
            return tensor.values

        kwargs = kwargs or {}
        device = None if kwargs.get("device") is None else torch.device(kwargs["device"]).type
        inner_args, inner_kwargs = tree_map_only(ToyTensor, values_of, (args, kwargs))
        if device is not None:
            inner_kwargs = {**inner_kwargs, "device": torch.device("cpu")}
        to_host = device == "cpu" or (func is ATEN.copy_.default and not isinstance(args[0], ToyTensor))
        if not (func.is_view or func in NO_WORK):
            QUEUE.add()
        if to_host or torch.Tag.data_dependent_output in func.tags:
            QUEUE.wait()
        _refuse_mixed(func, tree_leaves((args, kwargs)))
        results = func(*inner_args, **inner_kwargs)
        if to_host:
            return results

        def owner_of(values: torch.Tensor) -> ToyTensor:
            return owners[id(values)] if id(values) in owners else ToyTensor.holding(values)

        wrapped = tree_map_only(torch.Tensor, owner_of, results)
        return return_and_correct_aliasing(func, args, kwargs, wrapped)


def _refuse_mixed(func: Any, values: list[Any]) -> None:
    """As any device does, but for single numbers, and copies from one to the other."""
    strangers = [value for value in values if isinstance(value, torch.Tensor) and not isinstance(value, ToyTensor)]
    if func not in COPIES and any(stranger.dim() for stranger in strangers):
        raise RuntimeError(f"{func} was given tensors on {NAME} and on the CPU")


def _module() -> ModuleType:
    module = ModuleType(f"torch.{NAME}")
    answers = {
        "Event": Event,
        "synchronize": lambda device=None: QUEUE.wait(),
        "max_memory_allocated": lambda device=None: QUEUE.peak,
        "max_memory_reserved": lambda device=None: 2 * QUEUE.peak,
        "reset_peak_memory_stats": lambda device=None: QUEUE.reset_peak(),
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": lambda device: None,
        "_is_in_bad_fork": lambda: False,
        "manual_seed_all": lambda seed: None,
        "get_amp_supported_dtype": lambda: [torch.bfloat16, torch.float16],
    }
    for name, value in answers.items():
        setattr(module, name, value)
    return module


_kernels = torch.library.Library("aten", "IMPL")


def register() -> None:
    """Let torch have the device from now on; it cannot be taken back."""
    _setup_privateuseone_for_python_backend(NAME, backend_module=_module())
    # What has no tensor to go by: all others come to `__torch_dispatch__`.
    for name in ("empty.memory_format", "empty_strided"):
        op = getattr(getattr(ATEN, name.partition(".")[0]), name.partition(".")[2] or "default")

        def made(*args: Any, op: Any = op, device: Any = None, pin_memory: Any = None, **kwargs: Any) -> ToyTensor:
            del device, pin_memory
            return ToyTensor.holding(op(*args, device="cpu", **kwargs))

        _kernels.impl(name, made, "PrivateUse1")

    def copied(source: torch.Tensor, target: ToyTensor, non_blocking: bool = False) -> torch.Tensor:
        """How `torch.tensor(1.0, device="toy")` gets its value."""
        QUEUE.add()
        target.values.copy_(source)
        return target

    _kernels.impl("_copy_from", copied, "PrivateUse1")


def importable(folder: Path) -> Path:
    """Make a folder that lets every process with it on its import path have the device as soon as it imports torch."""
    (folder / "toy_device.py").write_text(Path(__file__).read_text())
    info = folder / "toy_device-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-device\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[torch.backends]\ntoy = toy_device:register\n")
    return folder
