"""How many blocks of how many trials know a ratio best in the same time: other plans, drawn from a stored run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
import pandas as pd

from bench.analyse.statistics import Floats, signed_rank_estimate
from tests.evidence.stored import CELL, timed
from tests.evidence.table import section
from trainloops.runners import BASELINE

DRAWS = 60
WITHIN = 0.02

Key = tuple[object, ...]
"""Workload, device, batch size and runner."""


@dataclass(frozen=True)
class Plan:
    """Blocks, trials of a cell in each, and up to how many blocks are added for cells that are not known well."""

    blocks: int
    per_block: int
    most: int

    def __str__(self) -> str:
        added = f", added up to {self.most}" if self.most > self.blocks else ""
        return f"{self.blocks} blocks of {self.per_block}{added}"


PLANS = (
    *(Plan(blocks, 3, blocks) for blocks in (6, 7)),
    *(Plan(blocks, 2, blocks) for blocks in (8, 9, 10)),
    *(Plan(blocks, 1, blocks) for blocks in (12, 14, 16)),
    *(Plan(blocks, 2, 16) for blocks in (6, 7, 8)),
    *(Plan(blocks, 1, 2 * blocks) for blocks in (8, 10)),
)


def plans(args: Namespace) -> str:
    """Half-widths of ratios by plan, and the minutes of its blocks; no plan has more trials a block than the run."""
    trials = timed(args.run)
    start_s, round_s = seconds(trials)
    rows = []
    for plan in PLANS:
        if plan.per_block > trials["replicate"].max() + 1:
            continue
        drawn = list(draws(trials, plan))
        widths = np.array([known.half_width for each in drawn for known in each.values()])
        minutes = [sum(block_seconds(each, block, start_s, plan.per_block * round_s) for block in range(plan.most)) / 60
                   for each in drawn]  # fmt: skip
        rows.append(
            [
                str(plan),
                f"{median(minutes):.1f} min",
                f"{100 * np.median(widths):.2f} %",
                f"{np.mean(widths <= WITHIN):.0%}",
                f"{100 * np.quantile(widths, 0.9):.1f} %",
                f"{100 * widths.max():.1f} %",
            ]
        )
    return section(
        "Plans: half-widths of the 95 % intervals of ratios",
        ["plan", "blocks take", "median", f"within {WITHIN:.0%}", "nine of ten below", "widest"],
        rows,
        f"{DRAWS} draws of blocks with replacement, and of trials in each without. The time is the median draw's.",
    )


def seconds(trials: pd.DataFrame) -> tuple[float, float]:
    """What a block's interpreters take to start, and one trial of every cell."""
    began = pd.to_datetime(trials["started_at"])
    blocks = pd.DataFrame({"began": began, "ended": began + pd.to_timedelta(trials["wall_s"], unit="s")})
    by_block = blocks.groupby([trials["run"], trials["block"]]).agg({"began": "min", "ended": "max"})
    starts = (by_block["began"] - by_block["ended"].shift()).dt.total_seconds()[1:]
    lasts = (by_block["ended"] - by_block["began"]).dt.total_seconds()
    return median(starts), median(lasts) / (trials["replicate"].max() + 1)


@dataclass(frozen=True)
class Known:
    """How well a drawn run knows the ratio of one cell, on the log scale, and after how many blocks."""

    half_width: float
    blocks: int


def draws(trials: pd.DataFrame, plan: Plan) -> Iterator[dict[Key, Known]]:
    """What each draw knows of every cell but the baseline's; all cells of a draw share its blocks."""
    random = np.random.default_rng(0)
    cells = {key: some.pivot(index="block", columns="replicate", values="log_us").to_numpy()
             for key, some in trials.groupby(CELL)}  # fmt: skip
    count, replicates = next(iter(cells.values())).shape
    for _ in range(DRAWS):
        drawn = random.integers(count, size=plan.most)
        chosen = [random.choice(replicates, plan.per_block, replace=False) for _ in drawn]
        figures = {key: medians(logs, drawn, chosen) for key, logs in cells.items()}
        yield {
            key: known(own - figures[*key[:-1], BASELINE], plan) for key, own in figures.items() if key[-1] != BASELINE
        }


def known(log_ratios: Floats, plan: Plan) -> Known:
    """Blocks are added until the interval is narrow."""
    for blocks in range(plan.blocks, plan.most + 1):
        found = signed_rank_estimate(log_ratios[:blocks])
        assert found is not None  # there are blocks
        assert found.low is not None  # and enough of them
        assert found.high is not None
        half_width = (found.high - found.low) / 2
        if half_width <= WITHIN:
            break
    return Known(half_width, blocks)


def block_seconds(drawn: Mapping[Key, Known], block: int, start_s: float, turns_s: float) -> float:
    """What one block takes: its share of interpreters to start, and of trials; baselines come with their cells."""
    cells = [key for key, each in drawn.items() if block < each.blocks]
    others, comparisons = {key[-1] for key in cells}, {key[:-1] for key in cells}
    all_others, all_comparisons = {key[-1] for key in drawn}, {key[:-1] for key in drawn}
    interpreters = (len(others) + bool(others)) / (len(all_others) + 1)
    return start_s * interpreters + turns_s * (len(cells) + len(comparisons)) / (len(drawn) + len(all_comparisons))


def medians(logs: Floats, drawn: Floats, chosen: list[Floats]) -> Floats:
    """One figure for each of the drawn blocks."""
    return np.array([np.median(logs[block][trials]) for block, trials in zip(drawn, chosen, strict=True)])
