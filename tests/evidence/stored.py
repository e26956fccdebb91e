"""What the trials of a stored run say: the effects of order, and where the overhead is constant."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

import numpy as np
import pandas as pd

import bench
from bench.analyse.statistics import signed_rank_estimate
from bench.records.schema import Estimate
from bench.report.groups import FLOOR
from tests.evidence.table import percent, section
from trainloops.runners import BASELINE

CELL = ["workload", "device", "batch_size", "runner"]


def order_effects(args: Namespace) -> str:
    """Whether a trial's place in its block matters: first or last of a round, first fork or later, first block."""
    trials = timed(args.run)
    alone = trials.groupby([*CELL, "block"])["log_us"].transform("median")
    beside = trials.assign(apart=trials["log_us"] - alone)
    places = sorted(beside["place"].unique())
    rows = [
        [f"place {place + 1} of {len(places)} in a round", *moved(beside[beside["place"] == place])] for place in places
    ]
    rows += [
        [f"fork {replicate + 1} of an interpreter at a batch size", *moved(beside[beside["replicate"] == replicate])]
        for replicate in sorted(beside["replicate"].unique())
    ]
    rows.append(["the first block, against the later ones", *first_block(trials)])
    return section(
        "Order effects",
        ["which trials", "step time against its block's median", "over"],
        rows,
        "A block's trials are one figure: the mean over its cells. The interval is the exact one over blocks.",
    )


def timed(folders: Iterable[str]) -> pd.DataFrame:
    """The good timing trials of blocks that measured every cell, with their place in the round.

    What a run added for the ratios that were still wide is left out: it would weigh the noisiest most.
    """
    found = bench.load(list(folders), trials=True)
    found = found[found["phase"] == "timing"]
    cells = found.groupby(["run", "block"])["position"].transform("size")
    found = found[(cells == cells.max()) & (found["status"] == "ok")]
    size = found["runner"].nunique()
    return found.assign(log_us=np.log(found["step_time_us"]), place=found["position"] % size)


def moved(some: pd.DataFrame) -> tuple[str, str]:
    by_block = some.groupby(["run", "block"])["apart"].mean()
    return percent(signed_rank_estimate(by_block.to_numpy())), f"{len(by_block)} blocks"


def first_block(trials: pd.DataFrame) -> tuple[str, str]:
    """The first block's cells against the median of the same cells later: one figure a run, so no interval."""
    blocks = trials.groupby(["run", *CELL, "block"])["log_us"].median().unstack("block")
    first, later = blocks[0], blocks.drop(columns=0).median(axis=1)
    apart = (first - later).groupby("run").mean()
    return percent(Estimate(value=float(apart.mean()))), f"{len(apart)} runs"


def linearity(args: Namespace) -> str:
    """The overhead of each runner in µs a step over model and batch sizes, and whether it is one constant."""
    tidy = bench.load(args.run)
    found = tidy[(tidy["metric"] == "overhead_us") & (~tidy["runner"].isin([BASELINE, FLOOR]))]
    rows = [
        [workload, runner, *(overhead(each) for each in some.sort_values("batch_size").itertuples()), constant(some)]
        for (workload, runner), some in found.groupby(["workload", "runner"], sort=False)
    ]
    sizes = [f"batch {size}" for size in sorted(found["batch_size"].unique())]
    return section(
        "Linearity: overhead in µs a step",
        ["workload", "runner", *sizes, "constant"],
        rows,
        "`constant` where one number lies in all intervals; the growth is that from the smallest batch to the largest.",
    )


def overhead(row: object) -> str:
    value, low, high = (getattr(row, name) for name in ("value", "low", "high"))
    return f"{value:.0f} [{low:.0f}, {high:.0f}]"


def constant(some: pd.DataFrame) -> str:
    if some["low"].max() <= some["high"].min():
        return "yes"
    ordered = some.sort_values("batch_size")["value"]
    return f"no, {ordered.iloc[-1] - ordered.iloc[0]:+.0f} µs"
