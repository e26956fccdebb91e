"""What the trials of a stored run say: the effects of order, and where the overhead is constant."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd

import bench
from bench.analyse.cells.turns import figures
from bench.analyse.statistics.signed_rank import hodges_lehmann, interquartile_range, signed_rank_estimate
from bench.records import store
from bench.records.cells import FLOOR
from bench.records.schema import Cell, Estimate
from studies.evidence.blocks import IQR_OF_NORMAL
from studies.evidence.table import percent, section
from trainloops.runners import BASELINE

CYCLES = (4, 8, 15, 30, 60)


def order_effects(args: Namespace) -> str:
    """Whether a turn's place in its cycle matters, or a trial's among those started, or the first block."""
    turns = pd.concat([turns_of(folder) for folder in args.run])
    count = int(turns["place"].max()) + 1
    rows = [[f"turn {place + 1} of a cycle of {count}", *moved(some)] for place, some in turns.groupby("place")]
    rows += [
        ["the trial started first", *started(turns, turns["position"] == 0)],
        ["the trial started last", *started(turns, turns["position"] == turns["last_position"])],
        ["the first quarter of cycles", *moved(turns[turns["cycle"] < turns["cycles"] / 4])],
        ["the first block", *first_block(turns)],
    ]
    return section(
        "Order effects",
        ["which turns", "step time against its like", "over"],
        rows,
        "Turns, and quarters of cycles, against the median of their trial; trials and blocks against the median of "
        "their cell, the ratio to the block's other trials. A block is one figure: the mean over its cells. The "
        "interval is the exact one over blocks.",
    )


def turns_of(folder: Path) -> pd.DataFrame:
    """All turns of a stored run that have a figure: log step time by cell, block, cycle and place."""
    frames = [
        pd.DataFrame(
            {
                "run": str(folder), "cell": trial.cell.model_dump_json(), "block": trial.block,
                "comparison": trial.cell.without_environment.model_dump_json(), "position": trial.position,
                "place": trial.timing.turns.places, "cycle": range(len(trial.timing.turns.places)),
                "log_us": np.log(figures(trial, trial.timing).turns_us[0]),
            }
        )
        for trial in store.read_trials(folder)
        if trial.timing is not None and trial.timing.turns is not None
    ]  # fmt: skip
    if not frames:
        raise SystemExit(f"the trials of {folder} took no turns: name a run that was made since they do")
    steps = pd.concat(frames).dropna()
    by_trial = steps.groupby(["cell", "block"])
    block = steps.groupby(["comparison", "block"])
    return steps.assign(
        apart=steps["log_us"] - by_trial["log_us"].transform("median"),
        cycles=by_trial["cycle"].transform("max") + 1,
        last_position=block["position"].transform("max"),
    )


def moved(some: pd.DataFrame) -> tuple[str, str]:
    by_block = some.groupby(["run", "block", "cell"])["apart"].median().groupby(["run", "block"]).mean()
    return percent(signed_rank_estimate(by_block.to_numpy())), f"{len(by_block)} blocks"


def trial_levels(turns: pd.DataFrame) -> pd.DataFrame:
    """For each trial its ratio to all of its block, against the median block's: what is special about the trial."""
    levels = turns.groupby(["run", "comparison", "cell", "block"])["log_us"].median().rename("log_us").reset_index()
    beside = levels["log_us"] - levels.groupby(["run", "comparison", "block"])["log_us"].transform("mean")
    usual = beside.groupby([levels["run"], levels["cell"]]).transform("median")
    return levels.assign(apart=beside - usual)


def started(turns: pd.DataFrame, which: pd.Series) -> tuple[str, str]:
    keys = ["run", "cell", "block"]
    chosen = turns.loc[which, keys].drop_duplicates()
    return moved(trial_levels(turns).merge(chosen, on=keys))


def first_block(turns: pd.DataFrame) -> tuple[str, str]:
    """The first block's step times against the median of the later ones: one figure a run, so no interval."""
    blocks = turns.groupby(["run", "cell", "block"])["log_us"].median().unstack("block")
    apart = (blocks[0] - blocks.drop(columns=0).median(axis=1)).groupby("run").mean()
    return percent(Estimate(value=float(apart.mean()))), f"{len(apart)} runs"


def plans(args: Namespace) -> str:
    """How a block's log ratio spreads by the cycles that it has."""
    turns = pd.concat([turns_of(folder) for folder in args.run])
    rows = []
    for cycles in CYCLES:
        ratios = block_ratios(turns[turns["cycle"] < cycles])
        if turns["cycles"].max() >= cycles:
            within = ratios.groupby(["run", "cell"]).agg(lambda some: interquartile_range(some) / IQR_OF_NORMAL)
            rows.append([str(cycles), *(f"{100 * within.quantile(q):.2f} %" for q in (0.5, 0.9, 1.0))])
    return section(
        "Plans: how a block's ratio spreads, by its cycles",
        ["cycles a block", "median loop", "nine of ten below", "widest"],
        rows,
        "Robust standard deviation over blocks of a loop's log ratio, drawn from the first cycles of each.",
    )


def block_ratios(turns: pd.DataFrame) -> pd.Series:
    """For each loop and block the estimate over cycles of its log ratio to the hand-written loop's."""
    wide = turns.pivot(index=["run", "comparison", "block", "cycle"], columns="cell", values="log_us")
    estimates = {}
    for (run, _, block), some in wide.groupby(["run", "comparison", "block"]):
        own = some.dropna(axis=1, how="all")
        baseline = next(cell for cell in own if is_baseline(cell))
        for cell in own.columns.drop(baseline):
            pairs = (own[cell] - own[baseline]).dropna().to_numpy()
            if len(pairs):
                estimates[run, cell, block] = hodges_lehmann(pairs)
    return pd.Series(estimates).rename_axis(["run", "cell", "block"])


def is_baseline(cell: str) -> bool:
    parsed = Cell.model_validate_json(cell)
    return parsed.runner == BASELINE and not parsed.clone


def linearity(args: Namespace) -> str:
    """The overhead of each runner in µs per step over model and batch sizes, and whether it is one constant."""
    tidy = bench.load(args.run)
    overheads = tidy[(tidy["metric"] == "overhead_us") & (~tidy["runner"].isin([BASELINE, FLOOR]))]
    rows = [
        [workload, runner, *(overhead(each) for each in some.sort_values("batch_size").itertuples()), constant(some)]
        for (workload, runner), some in overheads.groupby(["workload", "runner"], sort=False)
    ]
    sizes = [f"batch {size}" for size in sorted(overheads["batch_size"].unique())]
    return section(
        "Linearity: overhead in µs per step",
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
