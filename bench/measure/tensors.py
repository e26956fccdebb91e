"""Exact counts of tensor work: ops, values read back to the host, and bytes of live tensor storages.

A `TorchDispatchMode` sees each op once, below autograd: `linear` is a `t` and an `addmm`, and what
a kernel does inside is not seen. Autograd's engine carries the mode into whatever thread it runs
the backward in. The loader's worker processes and its pin-memory thread are not seen, their
batches from the moment the loader hands them out. An op on a tensor of which this rank has a part is seen as what it
does to that part, and to the other ranks.

`collectives` are what a rank asks of the others, by kind, and `collective_bytes` those of the whole tensors: what an
all-gather makes, what a reduce-scatter takes.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.optim import Optimizer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench.measure.hooks import Step, after_each_optimizer, after_each_step, loader_wrapped, wrapped
from bench.measure.sharding import is_sharded, own_part
from bench.measure.sites import Site, site_of
from bench.measure.storages import Ledger, Storage

TABLES = (
    *("ops", "ops_by_name", "syncs", "tensor_bytes", "tensor_bytes_by_category"),
    *("collectives", "collective_bytes"),
)
COPY_TO_NEW, COPY_INTO = torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default  # noqa: SLF001 - `.to()`'s op
INDEXED = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)
MASKS = (torch.bool, torch.uint8)
"""What an index may be that has to be counted first; integers have not."""
COLLECTIVES = ("c10d", "_c10d_functional")
"""Namespaces; those of DDP's reducer are in the first, too, which is C++."""
NO_COLLECTIVES = ("wait_tensor", "check_for_nan")
VARIANT = re.compile(r"(_base|_into_tensor|_tensor|_coalesced|_single|_out)+$")
"""What the names of ops add to the kind of their collective."""
REPEAT = torch.ops.aten.repeat_interleave.Tensor


@contextmanager
def counting_tensors(*, device: str, dataset: object = None) -> Iterator[list[Step]]:
    """Append a step's counts at each tick, until left.

    `ops` and `syncs` are by the Python function that issued them (None in a thread of autograd's
    engine); `tensor_bytes`, those alive at the step's peak, by the one that allocated them. Only
    storages on `device` have bytes, and not those of `dataset`, which grow with the length of the
    trial.
    """
    counter = _Counter(device)
    counter.leave_out(getattr(dataset, "__dict__", {}))
    # Marked first: of a script's optimizers not each ends a step.
    with (
        after_each_optimizer(counter.mark),
        after_each_step(counter.tick),
        loader_wrapped(counter.marking_batches),
        wrapped(torch.UntypedStorage, "resize_", counter.following_sizes),
        _Mode(counter.saw),
    ):
        yield counter.steps


class _Counter:
    def __init__(self, device: str) -> None:
        self.steps: list[Step] = []
        self._device_type = device.partition(":")[0]
        self._ledger = Ledger()
        self._now = _empty_step()
        self._bridged: set[int] = set()

    def leave_out(self, tree: Any) -> None:
        for tensor in _tensors(tree):
            self._ledger.see(tensor.untyped_storage(), None, counted=False)

    def saw(self, op: Any, args: Any, kwargs: Any, output: Any) -> None:
        site = _issuer()
        if not self._is_a_bridges(site):
            self._count(op, args, kwargs, output, site)
        storages = [self._see(tensor, site) for tensor in _tensors((args, kwargs, output))]
        if op is COPY_TO_NEW and args[0].device != output.device:
            storages[-1].category = storages[0].category  # a batch that was moved is still a batch

    def _is_a_bridges(self, site: Site | None) -> bool:
        """Whether a bridge issued what is seen now, or the backward of what one issued."""
        node = torch._C._current_autograd_node()  # noqa: SLF001 - the node whose backward runs, None in a forward
        if node is not None:
            return bool(self._bridged) and node._sequence_nr() in self._bridged  # noqa: SLF001
        if site is None or not site.of_a_bridge:
            return False
        # Autograd makes an op's node, and so gives out its number, before the op is dispatched.
        self._bridged.add(torch.autograd._get_sequence_nr() - 1)  # noqa: SLF001
        return True

    def _count(self, op: Any, args: Any, kwargs: Any, output: Any, site: Site | None) -> None:
        self._now["ops"][site] += 1
        self._now["ops_by_name"][op.name()] += 1
        if op.namespace in COLLECTIVES and op.overloadpacket.__name__ not in NO_COLLECTIVES:
            kind = _kind(op)
            self._now["collectives"][kind] += 1
            self._now["collective_bytes"][kind] += _whole_bytes(args, kwargs, output)
        if reads_back(op, args, kwargs, output, device_type=self._device_type):
            self._now["syncs"][site] += 1

    def _see(self, tensor: torch.Tensor, site: Site | None = None) -> Storage:
        return self._ledger.see(tensor.untyped_storage(), site, counted=tensor.device.type == self._device_type)

    def marking_batches(self, fetch: Callable[..., Any]) -> Callable[..., Any]:
        def fetch_and_mark(iterator: Any) -> Any:
            batch = fetch(iterator)
            self._mark("batch", _tensors(batch))
            return batch

        return fetch_and_mark

    def following_sizes(self, resize: Callable[..., Any]) -> Callable[..., Any]:
        """No op is dispatched where FSDP frees what it gathered, and keeps the storage for the next time."""

        def resized(storage: torch.UntypedStorage, size_bytes: int) -> Any:
            output = resize(storage, size_bytes)
            on_device = storage.device.type == self._device_type
            self._ledger.see(storage, _issuer(), counted=on_device)
            return output

        return resized

    def _mark(self, category: str, tensors: list[torch.Tensor]) -> None:
        for tensor in tensors:
            self._see(tensor).category = category

    def mark(self, optimizer: Optimizer) -> None:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        self._mark("parameters", _tensors(parameters))
        self._mark("gradients", _tensors([parameter.grad for parameter in parameters]))
        self._mark("optimizer_state", _tensors(list(optimizer.state.values())))

    def tick(self, _: Optimizer) -> None:
        for storage in self._ledger.take_peak():
            self._now["tensor_bytes"][storage.site] += storage.size_bytes
            self._now["tensor_bytes_by_category"][storage.category] += storage.size_bytes
        self.steps.append(self._now)
        self._now = _empty_step()


class _Mode(TorchDispatchMode):
    def __init__(self, saw: Callable[[Any, Any, Any, Any], None]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.saw = saw

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else torch wraps the method below, and a frame of the wrapper hides who issued the op.
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(map(is_sharded, types)):  # comes back as what it makes of the op
            return NotImplemented
        output = func(*args, **(kwargs or {}))
        if func.namespace != "profiler":  # the marks that `record_function` leaves are no work
            self.saw(func, args, kwargs or {}, output)
        return output


def reads_back(op: Any, args: Any, kwargs: Any, output: Any, *, device_type: str) -> bool:
    """Whether the host waits for a value of the device: `.item()`, a boolean index, or a blocking copy to the CPU.

    In a loop on the CPU these are what would wait if it were moved. On an accelerator a value that is read
    from a tensor on the CPU, as by AdamW from its count of steps, is nothing to wait for.
    """
    if op is COPY_TO_NEW:
        source, target, non_blocking = args[0], output, kwargs.get("non_blocking", False)
    elif op is COPY_INTO:
        target, source, *rest = args
        non_blocking = rest[0] if rest else kwargs.get("non_blocking", False)
    else:
        return _needs_values(op, args, kwargs) and _is_on(device_type, args, kwargs)
    return source.device.type != "cpu" and target.device.type == "cpu" and not non_blocking


def _needs_values(op: Any, args: Any, kwargs: Any) -> bool:
    """Whether what comes out, or how large it is, cannot be known without the values."""
    if torch.Tag.data_dependent_output in op.tags:
        return True
    if op.overloadpacket in INDEXED:
        return any(index.dtype in MASKS for index in _tensors(args[1]))
    if op is REPEAT:
        return kwargs.get("output_size") is None
    return torch.Tag.dynamic_output_shape in op.tags


def _is_on(device_type: str, args: Any, kwargs: Any) -> bool:
    return any(tensor.device.type == device_type for tensor in _tensors((args, kwargs)))


def _kind(op: Any) -> str:
    """`allgather` for torch's four ops of that kind."""
    name: str = VARIANT.sub("", op.overloadpacket.__name__.strip("_"))
    return name.replace("all_", "all")


def _whole_bytes(args: Any, kwargs: Any, output: Any) -> int:
    """Of what a collective takes and of what it makes, which it may be handed as well, the larger."""
    return max(sum(tensor.nbytes for tensor in _tensors(tree)) for tree in (*args, *kwargs.values(), output))


def _empty_step() -> Step:
    return {name: Counter() for name in TABLES}


def _tensors(tree: Any) -> list[torch.Tensor]:
    # Only strided tensors have a storage, of a sharded one the part that is here.
    tensors = (own_part(leaf) for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor))
    return [tensor for tensor in tensors if tensor.layout is torch.strided]


def _issuer() -> Site | None:
    # Whoever called `__torch_dispatch__`; `inspect.stack()`, the public way, would read source files.
    frame = sys._getframe(2).f_back  # noqa: SLF001
    return None if frame is None else site_of(frame)
