"""The sets of interpreters of a run: which serves which block, how it lies in memory, and the one that is alive."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterable
from dataclasses import replace
from tempfile import TemporaryDirectory

from bench.execute.rendezvous.leader import Leader
from bench.execute.workers.pool import Key, Pool, key_of
from bench.plan import schedule
from bench.plan.passes import COUNTING_SETS
from bench.plan.schedule import Layout
from bench.records.schema import Cell, Environment, Settings

HASH_SEED = 0
"""Of the sets that count: calls depend on the order of dicts and sets."""


class InterpreterSets:
    """Fresh interpreters for every set, which are numbered from 0; no more than one set is alive."""

    def __init__(
        self, settings: Settings, members: Iterable[Cell], *, first_block: int, others: Leader | None = None
    ) -> None:
        """For these cells, in the order in which their interpreters are thought of; `others` have the same sets."""
        self._settings, self._first_block, self._others = settings, first_block, others
        self._keys = list(dict.fromkeys(map(key_of, members)))
        # Empty when the run begins, so that what compiling costs does not depend on what was compiled here before.
        compiles = any(comparison.compile for comparison in settings.comparisons)
        self._compiled = TemporaryDirectory(prefix="looptax-", ignore_cleanup_errors=True) if compiles else None
        self._pool: Pool | None = None
        self._number: int | None = None

    def number_of(self, block: int) -> int:
        """Which set serves a block."""
        return (block - self._first_block) // self._settings.blocks_per_set

    def pool(self, keys: Collection[Key], number: int, *, one_by_one: bool = False) -> Pool:
        """Interpreters for `keys` of this set: those that are alive, where they are such, else fresh ones."""
        wanted = [key for key in self._keys if key in keys]
        if self._pool is None or self._number != number or not set(wanted) <= set(self._pool.keys):
            self._close_pool()
            self._pool, self._number = self._fresh(wanted, self._layout(number), one_by_one=one_by_one), number
            if self._others is not None:
                self._others.open_set(number, wanted)
            self._pool.open()
            if self._others is not None:
                self._others.await_set()
        return self._pool

    def _fresh(self, keys: list[Key], layout: Layout, *, one_by_one: bool) -> Pool:
        # Interpreters that start side by side disturb each other, and whoever is first reads the disk for the rest.
        random.Random(f"pool/{self._settings.seed}/{layout.padding_bytes}").shuffle(keys)  # noqa: S311
        return Pool(
            keys,
            pythons={environment.name: environment.python for environment in self._settings.environments},
            layout=layout,
            threads=self._settings.threads,
            one_by_one=one_by_one,
            packages=compared(self._settings.environments),
            scripts=self._settings.scripts,
            # Prices take many short trials, and say nothing of full collections.
            hides_imports=self._settings.design == "options",
            compiled_in=None if self._compiled is None else self._compiled.name,
            others=self._others,
        )

    def _layout(self, number: int) -> Layout:
        """The layout of a set; the first two count, which a hash seed of their own would change."""
        drawn = schedule.layout(seed=self._settings.seed, number=number + self._first_block)
        return replace(drawn, hash_seed=HASH_SEED) if number < COUNTING_SETS else drawn

    def _close_pool(self) -> None:
        if self._pool is not None:
            self._pool.close()
        self._pool = None

    def close(self) -> None:
        """End the interpreters, and forget what they have compiled."""
        self._close_pool()
        if self._compiled is not None:
            self._compiled.cleanup()


def compared(environments: Iterable[Environment]) -> dict[str, dict[str, str]]:
    """By environment, the versions of the packages that are not the current ones in all of them."""
    everywhere = list(environments)
    names = {name for environment in everywhere for name in environment.moved}
    return {
        environment.name: {name: environment.packages[name] for name in names & environment.packages.keys()}
        for environment in everywhere
    }
