"""Step time under the harness over that of a plain script of the same framework, which takes turns with it.

The plain script runs in a fresh interpreter of its own; the harness's trials are forks, as always.
"""

from __future__ import annotations

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

from bench.analyse.statistics.signed_rank import exponentiated, signed_rank_estimate
from bench.execute.workers.pool import Pool
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome
from bench.execute.workers.running import Running
from bench.plan.comparison_groups import ComparisonGroup
from bench.plan.presets import TURNS_S
from bench.records.schema import Estimate
from studies.evidence import blocks, plain
from studies.evidence.table import ratio, section
from tests import factories
from trainloops.runners import REGISTRY

BATCH_SIZES = (8, 64, 2048)
PLAIN, HARNESS = "plain script", "harness"
BAR = 0.01


@dataclass(frozen=True, slots=True)
class Sides:
    """Starts each trial where it belongs."""

    scripts: plain.Launcher
    pool: Pool

    def start(self, request: Request) -> Running | Outcome:
        side = self.scripts if request.cell.environment == PLAIN else self.pool
        return side.start(request)

    def close(self) -> None:
        self.pool.close()


def fidelity(args: Namespace) -> str:
    """A block for each round, batch size and runner; the interpreters of a round are of one layout."""
    logs: dict[tuple[int, str], list[float]] = defaultdict(list)
    by_round: list[str] = []
    planned = {(size, runner): compared(runner, size) for size in BATCH_SIZES for runner in REGISTRY}
    for number in range(args.rounds):
        with sides(list(planned.values()), number) as started:
            for done, (key, each) in enumerate(planned.items(), start=1):
                trials = blocks.block(started, each, turns_s=TURNS_S, number=number)
                logs[key] += blocks.log_ratios(trials, PLAIN).values()
                blocks.progress(f"fidelity, round {number + 1} of {args.rounds}", done, len(planned))
        by_round.append(ratio(exponentiated(signed_rank_estimate([some[-1] for some in logs.values()]))))
    return section(
        f"Fidelity: step time under the harness over that of a {PLAIN}, {args.rounds} blocks",
        ["runner", *(f"batch {size}" for size in BATCH_SIZES), f"within {BAR:.0%}"],
        [row(runner, [logs[size, runner] for size in BATCH_SIZES]) for runner in REGISTRY],
        "Within: by the estimate; open, where only the interval reaches it. All blocks of a round, whose trials under "
        f"the harness are forks of one process and share its luck: {'; '.join(by_round)}.",
    )


def compared(runner: str, batch_size: int) -> ComparisonGroup:
    cells = tuple(factories.cell(runner, batch_size=batch_size, environment=name) for name in (PLAIN, HARNESS))
    return ComparisonGroup(cells=cells, reference=cells[0])


@contextmanager
def sides(planned: Sequence[ComparisonGroup], number: int) -> Iterator[Sides]:
    of_harness = [ComparisonGroup(cells=each.cells[1:], reference=each.cells[1]) for each in planned]
    with blocks.interpreters(of_harness, number=number) as pool:
        yield Sides(plain.Launcher(number), pool)


def row(runner: str, by_size: Sequence[list[float]]) -> list[str]:
    estimates = [exponentiated(signed_rank_estimate(each)) for each in by_size]
    return [runner, *map(ratio, estimates), ", ".join(within(estimate) for estimate in estimates)]


def within(estimate: Estimate | None) -> str:
    """Whether the ratio is within the bar, and whether its interval leaves that open."""
    assert estimate is not None  # there is a round
    if abs(estimate.value - 1) <= BAR:
        return "yes"
    low, high = estimate.low or -inf, estimate.high or inf
    return "open" if low <= 1 + BAR and high >= 1 - BAR else "no"
