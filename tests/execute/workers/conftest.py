"""Interpreters of loops under test that all tests of a file share: forks of one process that has imported torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from bench.execute.workers.pool import Pool, key_of
from bench.plan.comparison_groups import cell
from bench.plan.schedule import Layout
from bench.records.schema import Cell, Comparison
from tests import verbs

LAYOUT = Layout(hash_seed=1, padding_bytes=10)
COMPARISON = Comparison(workload="mlp", device="cpu", batch_size=4)


@pytest.fixture(scope="module")
def pool_of() -> Iterator[Callable[..., Pool]]:
    """Opens a pool of these runners, and of these cells of another workload; all are closed in the end."""
    pools = []

    def opened(*runners: str, cells: Iterable[Cell] = ()) -> Pool:
        keys = [*(key_of(cell(COMPARISON, runner)) for runner in runners), *map(key_of, cells)]
        pools.append(Pool(keys, pythons={}, layout=LAYOUT, threads=1, one_by_one=False))
        pools[-1].open()
        return pools[-1]

    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PYTHONPATH", verbs.QUICK)
        yield opened
    for pool in pools:
        pool.close()
