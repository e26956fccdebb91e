"""The lives of tensor storages: how many bytes were alive at once, and whose they were."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import torch

from bench.measure.sites import Site

REST = "activations_and_rest"


@dataclass(eq=False, slots=True)
class Storage:
    """The life of one tensor storage."""

    size_bytes: int
    site: Site | None
    """The Python function that allocated it, or first used it if it was there before."""
    counted: bool
    category: str = REST
    reference: weakref.ref[torch.UntypedStorage] | None = None


class Ledger:
    """Which storages are alive, and the order in which they came and went.

    Rests on torch keeping one Python object for a storage as long as the storage lives: its weak
    reference dies with the memory, whichever view, saved tensor or C++ code held it last.
    """

    def __init__(self) -> None:
        self._alive: dict[int, Storage] = {}
        self._at_start: list[Storage] = []
        self._log: list[tuple[Storage, bool]] = []

    def see(self, storage: torch.UntypedStorage, site: Site | None, *, counted: bool) -> Storage:
        """The entry of `storage`, made now if it is new or was resized since it was last seen."""
        key, size_bytes = id(storage), storage.nbytes()
        known = self._alive.get(key)
        if known is not None and known.size_bytes == size_bytes:
            return known
        if known is not None:
            self._died(key)
            counted = known.counted
        entry = Storage(size_bytes, site, counted)
        entry.reference = weakref.ref(storage, lambda _: self._died(key))
        self._alive[key] = entry
        self._log.append((entry, True))
        return entry

    def _died(self, key: int) -> None:
        self._log.append((self._alive.pop(key), False))

    def take_peak(self) -> list[Storage]:
        """The counted storages that were alive when their bytes were most, since the last time."""
        peak_at = self._peak_at()
        alive = dict.fromkeys(self._at_start)
        for entry, born in self._log[:peak_at]:
            if born:
                alive[entry] = None
            else:
                del alive[entry]
        self._at_start, self._log = list(self._alive.values()), []
        return [entry for entry in alive if entry.counted]

    def _peak_at(self) -> int:
        """How much of the log leads to the peak: 0 if nothing exceeded what was alive at the start."""
        extra_bytes = highest = position = 0
        for index, (entry, born) in enumerate(self._log, start=1):
            extra_bytes += (entry.size_bytes if born else -entry.size_bytes) * entry.counted
            if extra_bytes > highest:
                highest, position = extra_bytes, index
        return position
