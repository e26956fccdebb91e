"""How often planted slowdowns of the hand-written loop are found, after how many blocks, in how much time.

One long run lets loops that wait a share of each step take turns with one that waits none and its clone. Its blocks are
exchangeable, so checks are drawn from them with replacement and judged as `bench.upgrade` does it: look by look, and
what is flagged once more on fresh blocks.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

from bench.analyse.statistics.sequential import CAP
from bench.analyse.statistics.signed_rank import Floats
from bench.analyse.verdicts.verdict import Rule, confirm, judge, to_confirm
from bench.plan.upgrade import BLOCKS_PER_SET, TURNS_S
from studies.evidence import blocks
from studies.evidence.table import section
from studies.evidence.waits import SHARES, loop

CHECKS = 1000
ARMS_OF_A_CHECK = 3
"""The baseline, the candidate and the baseline's clone."""
MARGINS = (0.03, 0.01)
SECONDS = "seconds"
"""What a block took, beside the log ratios of its loops."""

Block = dict[str, float]


def power(args: Namespace) -> str:
    """The verdicts of checks drawn from blocks that are measured now, or were before and are kept in `--keep`."""
    with TemporaryDirectory(prefix="looptax-evidence-") as scratch:
        measured_blocks = measured(args.keep or Path(scratch), args.blocks)
    rows = [row(margin, share, measured_blocks) for margin in MARGINS for share in SHARES]
    return section(
        f"Power: {CHECKS} checks drawn from {len(measured_blocks)} blocks of the hand-written loop at batch 64",
        ["margin", "planted", "seen, by all blocks", "regressed", "not regressed", "undecided", "blocks", "seconds"],
        rows,
        "Regressed is what fresh blocks confirmed. Blocks and seconds are those of the median check, both parts and "
        "the start of interpreters included, by the time of a block with three trials.",
    )


def measured(folder: Path, count: int) -> list[Block]:
    """The log ratios of `count` blocks; those that the folder has already are not measured again."""
    folder.mkdir(parents=True, exist_ok=True)
    loops = [str(loop(folder, share)) for share in SHARES]
    planned = blocks.comparison(loops, batch_size=64)
    journal = folder / "power.jsonl"
    measured_blocks = [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []
    arms = len(planned.members) / ARMS_OF_A_CHECK
    while len(measured_blocks) < count:
        began = perf_counter()
        with blocks.interpreters([planned], number=len(measured_blocks)) as pool:
            for number in range(len(measured_blocks), min(len(measured_blocks) + BLOCKS_PER_SET, count)):
                trials = blocks.block(pool, planned, turns_s=arms * TURNS_S, number=number)
                ratios = blocks.log_ratios(trials, loops[0])
                took_s, began = (perf_counter() - began) / arms, perf_counter()
                measured_blocks.append({Path(name).stem: value for name, value in ratios.items()} | {SECONDS: took_s})
                with journal.open("a") as file:
                    file.write(json.dumps(measured_blocks[-1]) + "\n")
        blocks.progress("power", len(measured_blocks), count)
    return measured_blocks


def row(margin: float, share: float, measured_blocks: Sequence[Mapping[str, float]]) -> list[str]:
    ratios, same = (np.array([each[name] for each in measured_blocks]) for name in (name_of(share), blocks.CLONE))
    checks = drawn(ratios, same, Rule(margin=margin))
    outcomes = pd.Series([outcome for outcome, _ in checks]).value_counts(normalize=True)
    count = median(count for _, count in checks)
    block_s = float(np.mean([each[SECONDS] for each in measured_blocks]))
    shares = [f"{outcomes.get(name, 0.0):.1%}" for name in ("regressed", "not-regressed", "undecided")]
    seen = f"{np.expm1(np.median(ratios)):+.1%}"
    return [f"{margin:.0%}", f"{share:.0%}", seen, *shares, f"{count:.0f}", f"{count * block_s:.0f}"]


def name_of(share: float) -> str:
    """The loop that waits so long; that which waits nothing is compared with by its clone, so as not to be itself."""
    return blocks.CLONE if share == 0 else f"waits_{round(100 * share):02d}"


def drawn(ratios: Floats, same: Floats, rule: Rule) -> list[tuple[str, int]]:
    """Verdict and number of blocks of each check, every one with as many blocks as it may ask for."""
    random = np.random.default_rng(0)
    ended = []
    for _ in range(CHECKS):
        screened, fresh = random.integers(len(ratios), size=(2, CAP))
        verdict = judge(ratios[screened], same[screened], rule)
        again = confirm(to_confirm({0: verdict}), {0: ratios[fresh]})
        ended.append(((again.get(0) or verdict).outcome, verdict.blocks + sum(each.blocks for each in again.values())))
    return ended
