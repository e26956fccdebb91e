"""Which samples a script trains on, in which order: digests of what its loaders give and its models are called with."""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import torch
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler
from torch.utils.data.dataloader import _BaseDataLoaderIter

from bench.measure.hooks import Function, loader_wrapped, wrapped

ROWS = 256
"""Of which a batch tells the digests: those of more would be most of the journal."""
DIGEST_BYTES = 6


def short_digest(*parts: bytes) -> str:
    """Few enough hexadecimal digits for thousands of them, and enough for none of those to be alike by chance."""
    hashed = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()


def tensors_in(tree: Any, depth: int = 4) -> Iterator[torch.Tensor]:
    """All tensors in nested mappings, sequences and plain objects, such as batches are made of."""
    if isinstance(tree, torch.Tensor):
        yield _plain(tree)
    elif depth and not callable(tree):
        parts = tree.values() if isinstance(tree, Mapping) else tree if isinstance(tree, list | tuple) else None
        for part in vars(tree).values() if parts is None and hasattr(tree, "__dict__") else parts or ():
            yield from tensors_in(part, depth - 1)


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """What a transform of `torch.func` has wrapped, which has no bytes to look at."""
    functorch = torch._C._functorch  # noqa: SLF001 - torch has no public name for it
    while functorch.is_functorch_wrapped_tensor(tensor):
        tensor = functorch.get_unwrapped(tensor)
    return tensor


def fingerprint(tensors: list[torch.Tensor]) -> dict[str, Any]:
    """The fields `tensors` and `samples` of `records.schema.ScriptBatch`.

    Rows are those of the first dimension, of all tensors that have as many as the first.
    """
    dense = [tensor.detach().cpu().contiguous() for tensor in tensors if tensor.layout is torch.strided]
    shaped = [tensor for tensor in dense if tensor.dim()]
    count = len(shaped[0]) if shaped else 0
    columns = [_rows(tensor) for tensor in shaped if len(tensor) == count]
    return {
        "tensors": sorted(short_digest(_shape(tensor), _bytes(tensor)) for tensor in dense),
        "samples": [short_digest(*sorted(row)) for row in zip(*columns, strict=True)],
    }


def _shape(tensor: torch.Tensor) -> bytes:
    return f"{tensor.dtype} {list(tensor.shape)}".encode()


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.reshape(-1).view(torch.uint8).numpy().tobytes()


def _rows(tensor: torch.Tensor) -> list[bytes]:
    return [short_digest(_bytes(row)).encode() for row in tensor[:ROWS]]


class Computed:
    """What models returned, such as a hidden state: given to one again, detached, it is no sample.

    Rests, as `storages.Ledger` does, on torch keeping one Python object for a storage as long as that lives. What is
    detached has its storage; a copy has not, and is taken for a sample.
    """

    def __init__(self) -> None:
        self._storages: WeakValueDictionary[int, torch.UntypedStorage] = WeakValueDictionary()

    def see(self, returned: Any, *, given: Any) -> None:
        """Know what a model returned, but for what it was `given`."""
        passed_on = {id(storage) for storage in _storages_in(given)}
        for storage in _storages_in(returned):
            if id(storage) not in passed_on:
                self._storages[id(storage)] = storage

    def __contains__(self, tensor: torch.Tensor) -> bool:
        """Whether a model returned it, or what it is a view of."""
        return any(id(storage) in self._storages for storage in _storages_in(tensor))


def _storages_in(tree: Any) -> Iterator[torch.UntypedStorage]:
    return (tensor.untyped_storage() for tensor in tensors_in(tree) if tensor.layout is torch.strided)


class Batches:
    """Watches every `DataLoader`; `fed` says which of them feed training."""

    def __init__(self) -> None:
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._facts: list[dict[str, Any]] = []
        self._epochs: defaultdict[int, int] = defaultdict(int)
        self._sources: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()
        self._drawn: WeakKeyDictionary[Any, deque[Any]] = WeakKeyDictionary()
        self._fetched: list[dict[str, Any]] = []
        self._pending: set[int] = set()
        self._training: set[int] = set()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch all loaders meanwhile."""
        with ExitStack() as stack:
            stack.enter_context(wrapped(DataLoader, "__iter__", self._watching_epochs))
            stack.enter_context(wrapped(_BaseDataLoaderIter, "_next_index", self._watching_sampler))
            stack.enter_context(loader_wrapped(self._watching_batches))
            yield

    def fed(self, *, training: bool) -> None:
        """Take it that what loaders gave since the last forward was for this one.

        Evaluation has loaders of its own, and its forwards come before the next batch of training is fetched. Where
        another model is asked first, as in distillation, the last batch was for both.
        """
        if training and not self._training and not self._pending and self._fetched:
            self._pending.add(self._fetched[-1]["loader"])
        if training:
            self._training |= self._pending
        self._pending.clear()

    def result(self) -> dict[str, Any]:
        """The fields `batches` and `loaders` of `records.schema.ScriptFingerprint`."""
        return {
            "batches": [batch for batch in self._fetched if batch["loader"] in self._training],
            "loaders": [facts for number, facts in enumerate(self._facts) if number in self._training],
        }

    def _watching_epochs(self, begin: Function) -> Function:
        def watched(loader: Any) -> Any:
            if loader not in self._numbers:
                self._numbers[loader] = len(self._facts)
                self._facts.append(_facts(loader))
            # An iterator that lives on with its workers drew for batches that nobody fetched.
            lives_on = getattr(loader, "_iterator", None)
            if lives_on is not None:
                self._drawn.pop(lives_on, None)
            iterator = begin(loader)
            number = self._numbers[loader]
            self._epochs[number] += 1
            self._sources[iterator] = number, self._epochs[number]
            return iterator

        return watched

    def _watching_sampler(self, draw: Function) -> Function:
        def watched(iterator: Any) -> Any:
            drawn = draw(iterator)
            self._drawn.setdefault(iterator, deque()).append(drawn)
            return drawn

        return watched

    def _watching_batches(self, fetch: Function) -> Function:
        def watched(iterator: Any) -> Any:
            batch = fetch(iterator)
            drawn = self._drawn.get(iterator)
            self._add(batch, *self._sources.get(iterator, (-1, 0)), drawn.popleft() if drawn else None)
            return batch

        return watched

    def _add(self, batch: Any, number: int, epoch: int, drawn: Any) -> None:
        self._pending.add(number)
        seen = {"loader": number, "epoch": epoch, "indices": _whole_numbers(drawn)}
        self._fetched.append(seen | fingerprint(list(tensors_in(batch))))


def _whole_numbers(drawn: Any) -> list[int] | None:
    numbers = list(drawn) if isinstance(drawn, list | tuple) else [drawn]
    return [int(number) for number in numbers] if all(hasattr(number, "__index__") for number in numbers) else None


def _facts(loader: Any) -> dict[str, Any]:
    dataset = loader.dataset
    # A loader that is given batches, as Accelerate's, has a sampler of its own that it never asks.
    sampler = getattr(loader.batch_sampler, "sampler", loader.sampler)
    return {
        "dataset": type(dataset).__name__,
        "samples": len(dataset) if hasattr(dataset, "__len__") else None,
        "batch_size": loader.batch_size or getattr(loader.batch_sampler, "batch_size", None),
        "workers": loader.num_workers,
        "shuffle": isinstance(sampler, RandomSampler)
        if isinstance(sampler, RandomSampler | SequentialSampler)
        else None,
        "drop_last": bool(loader.drop_last or getattr(loader.batch_sampler, "drop_last", False)),
        "pin_memory": bool(loader.pin_memory),
    }
