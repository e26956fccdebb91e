"""How many blocks of how many trials know a ratio best in the same time: other plans, drawn from a stored run."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from statistics import median

import numpy as np
import pandas as pd

from bench.analyse.statistics import Floats, signed_rank_estimate
from tests.evidence.stored import CELL, timed
from tests.evidence.table import section
from trainloops.runners import BASELINE

PLANS = ((6, 3), (7, 3), (8, 2), (9, 2), (10, 2), (12, 1), (14, 1), (16, 1))
"""Blocks, and trials of a cell in each."""
DRAWS = 60
WITHIN = 0.02


def plans(args: Namespace) -> str:
    """Half-widths of ratios by plan, and the minutes of its blocks; no plan has more trials a block than the run."""
    trials = timed(args.run)
    start_s, round_s = seconds(trials)
    rows = []
    for blocks, per_block in PLANS:
        if per_block > trials["replicate"].max() + 1:
            continue
        widths = np.array(list(half_widths(trials, blocks, per_block)))
        rows.append(
            [
                f"{blocks} blocks of {per_block}",
                f"{blocks * (start_s + per_block * round_s) / 60:.1f} min",
                f"{100 * np.median(widths):.2f} %",
                f"{np.mean(widths <= WITHIN):.0%}",
                f"{100 * np.quantile(widths, 0.9):.1f} %",
            ]
        )
    return section(
        "Plans: half-widths of the 95 % intervals of ratios",
        ["plan", "blocks take", "median", f"within {WITHIN:.0%}", "nine of ten below"],
        rows,
        f"{DRAWS} draws of blocks with replacement, and of trials in each without.",
    )


def seconds(trials: pd.DataFrame) -> tuple[float, float]:
    """What a block's interpreters take to start, and one trial of every cell."""
    began = pd.to_datetime(trials["started_at"])
    blocks = pd.DataFrame({"began": began, "ended": began + pd.to_timedelta(trials["wall_s"], unit="s")})
    by_block = blocks.groupby([trials["run"], trials["block"]]).agg({"began": "min", "ended": "max"})
    starts = (by_block["began"] - by_block["ended"].shift()).dt.total_seconds()[1:]
    lasts = (by_block["ended"] - by_block["began"]).dt.total_seconds()
    return median(starts), median(lasts) / (trials["replicate"].max() + 1)


def half_widths(trials: pd.DataFrame, blocks: int, per_block: int) -> Iterator[float]:
    """On the log scale, of every cell but the baseline's in every draw; all cells of a draw share its blocks."""
    random = np.random.default_rng(0)
    cells = {key: some.pivot(index="block", columns="replicate", values="log_us").to_numpy()
             for key, some in trials.groupby(CELL)}  # fmt: skip
    count, replicates = next(iter(cells.values())).shape
    for _ in range(DRAWS):
        drawn = random.integers(count, size=blocks)
        chosen = [random.choice(replicates, per_block, replace=False) for _ in drawn]
        figures = {key: medians(logs, drawn, chosen) for key, logs in cells.items()}
        for key, own in figures.items():
            if key[-1] != BASELINE:
                found = signed_rank_estimate(own - figures[*key[:-1], BASELINE])
                assert found is not None  # there are blocks
                assert found.low is not None  # and enough of them
                assert found.high is not None
                yield (found.high - found.low) / 2


def medians(logs: Floats, drawn: Floats, chosen: list[Floats]) -> Floats:
    """One figure for each of the drawn blocks."""
    return np.array([np.median(logs[block][trials]) for block, trials in zip(drawn, chosen, strict=True)])
