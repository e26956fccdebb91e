"""How often planted slowdowns of the hand-written loop are found, after how many blocks, in how much time.

One long run measures loops that wait a share of each step side by side, and two that wait none: the baseline and its
clone. Its blocks are exchangeable, since each has fresh interpreters and a random order, so checks are drawn from them
with replacement and judged as `bench.upgrade` does it: look by look, and what is flagged once more on fresh blocks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

import bench
from bench.analyse.sequential import CAP
from bench.analyse.statistics import Floats
from bench.analyse.verdict import confirm, judge, to_confirm
from tests.evidence.table import section
from tests.evidence.waits import SHARES, loop

ROOT = Path(__file__).parent.parent.parent
CHECKS = 1000
ARMS_OF_A_CHECK = 3
"""The baseline, the candidate and the baseline's clone."""


def power(args: Namespace) -> str:
    """The verdicts of checks drawn from a run that is made now, or that `--power-run` names."""
    with TemporaryDirectory(prefix="looptax-evidence-") as scratch:
        folder = args.power_run or measured(args.keep or Path(scratch), args.blocks)
        steps, block_s = steps_us(folder)
    rows = [row(share, steps, block_s) for share in SHARES]
    return section(
        f"Power: {CHECKS} checks drawn from {len(steps)} blocks, margin 3 %, one trial of each arm in a block",
        ["planted", "seen, by all blocks", "regressed", "not regressed", "undecided", "blocks", "seconds"],
        rows,
        "Regressed is what fresh blocks confirmed. Blocks and seconds are those of the median check, both parts and "
        "the interpreters included, of a block with three arms.",
    )


def measured(out: Path, blocks: int) -> Path:
    """The run folder: the loops of all shares and a second one that waits nothing, one trial of each in a block."""
    out.mkdir(parents=True, exist_ok=True)
    loops = [loop(out, share) for share in SHARES]
    clone = loops[0].with_name("clone.py")
    clone.write_text(loops[0].read_text())
    runners = ",".join(map(str, [*loops, clone]))
    options = ["--only", "time", "--batch-size", "64", "--device", "cpu", "--trials-per-block", "1"]
    command = [sys.executable, "-m", "bench.run", "--runner", runners, *options, "--blocks", str(blocks)]
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = {**os.environ, "PYTHONPATH": path}
    subprocess.run([*command, "--out", str(out)], env=environment, stdout=sys.stderr, check=True)
    (run,) = out.glob("*/run.json")
    return run.parent


def steps_us(folder: Path) -> tuple[pd.DataFrame, float]:
    """Step times by block and loop, and the seconds that a block of three arms would have taken."""
    trials = bench.load(folder, trials=True)
    timed = trials[trials["phase"] == "timing"]
    steps = timed.assign(loop=timed["runner"].map(lambda path: Path(path).stem)).pivot(
        index="block", columns="loop", values="step_time_us"
    )
    started = pd.to_datetime(timed["started_at"]).groupby(timed["block"]).min()
    seconds = started.diff().dt.total_seconds().dropna()
    return steps.dropna(), float(median(seconds)) * ARMS_OF_A_CHECK / steps.shape[1]


def row(share: float, steps: pd.DataFrame, block_s: float) -> list[str]:
    baseline, candidate, clone = (np.log(steps[name].to_numpy()) for name in ("waits_00", name_of(share), "clone"))
    ratios, same = candidate - baseline, clone - baseline
    checks = drawn(ratios, same)
    outcomes = pd.Series([outcome for outcome, _ in checks]).value_counts(normalize=True)
    blocks = median(blocks for _, blocks in checks)
    shares = [f"{outcomes.get(name, 0.0):.1%}" for name in ("regressed", "not-regressed", "undecided")]
    return [f"{share:.0%}", f"{np.expm1(np.median(ratios)):+.1%}", *shares, f"{blocks:.0f}", f"{blocks * block_s:.0f}"]


def name_of(share: float) -> str:
    """The loop that waits so long; that which waits nothing is compared with by its clone, so as not to be itself."""
    return "clone" if share == 0 else f"waits_{round(100 * share):02d}"


def drawn(ratios: Floats, same: Floats) -> list[tuple[str, int]]:
    """Verdict and number of blocks of each check, every one with as many blocks as it may ask for."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(CHECKS):
        screened, fresh = random.integers(len(ratios), size=(2, CAP))
        verdict = judge(ratios[screened], same[screened])
        again = confirm(to_confirm({0: verdict}), {0: ratios[fresh]})
        found.append(((again.get(0) or verdict).outcome, verdict.blocks + sum(each.blocks for each in again.values())))
    return found
