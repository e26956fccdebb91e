"""Asks a script what it has switched on: it runs until a few steps are made, and its own objects tell."""

from __future__ import annotations

from contextlib import closing

from bench.errors import UsageError
from bench.execute.state import FIRST_TIMEOUT_S
from bench.execute.workers.pool import Pool, key_of
from bench.execute.workers.request import Request
from bench.plan import comparison_groups, schedule
from bench.plan import length as lengths
from bench.records.schema import Cell, PricedOption, Settings


def switched_on(settings: Settings) -> list[PricedOption]:
    """The options that the script of these settings has on; raises `UsageError` where it has none, or does not run."""
    cell = comparison_groups.cell(settings.comparisons[0], settings.runners[0])
    layout = schedule.layout(seed=settings.seed, number=0)
    pool = Pool(
        [key_of(cell)],
        pythons={},
        layout=layout,
        threads=settings.threads,
        one_by_one=False,
        scripts=settings.scripts,
    )
    with closing(pool):
        pool.open()
        result = pool.run(_request(settings, cell)).result
    if result.status != "ok":
        raise UsageError(f"--script {cell.runner}: {result.reason}; bench.run --script measures a script as it is.")
    if not any(option.missing is None for option in result.options):
        raise UsageError(
            f"--script {cell.runner} has no option on that could be off; bench.run --script measures a script as it is."
        )
    return result.options


def _request(settings: Settings, cell: Cell) -> Request:
    return Request(
        phase="options",
        cell=cell,
        length=lengths.OF_SCRIPTS["options"],
        seed=settings.seed,
        threads=settings.threads,
        timeout_s=settings.timeout_s or FIRST_TIMEOUT_S,
        scripts=settings.scripts,
        has_terminal=settings.on_terminals,
    )
