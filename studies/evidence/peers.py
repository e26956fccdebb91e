"""What people use today, on the same planted slowdowns: hyperfine, pyperf, pytest-benchmark, and two ways of pairing.

Each is used as its own documentation says, first on the loop as it was and then on slower ones, half of `--budget`
seconds each, and asked of every one whether it is slower:

- hyperfine on whole scripts, and on the times that it exports the Welch test of its own `scripts/welch_ttest.py`;
- pyperf's `Runner.bench_time_func` in as many worker processes as the time allows, and `compare_to`;
- pytest-benchmark's `pedantic` rounds and `--benchmark-compare-fail=min:3%`.

Two compare in pairs, so that nothing that was measured before is of use:

- paired functions, as Tango.rs has them ("1 second, 1 percent"): a step of the loop and one of a slower loop by turns
  in one process, for one second (`studies.evidence.paired`), judged by its rule: |z| of 2.6 and 0.5 % at least;
- duet benchmarking: two whole scripts side by side on two cores, for the whole budget, judged by a t-test on the log
  ratios of their pairs.
"""

from __future__ import annotations

import json
import math
import os
import random
import shutil
import subprocess
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from scipy.stats import ttest_1samp, ttest_ind

from studies.evidence.table import section
from studies.evidence.waits import SHARES

ROOT = Path(__file__).parent.parent.parent
STEPS = 5000
"""Of a whole script: as long again as torch takes to be imported."""
SIGNIFICANT = 0.05

Measure = Callable[[Path, float, float], None]
Slower = Callable[[Path, Path], bool]


def python(*arguments: str | Path | float, **variables: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **{name: str(value) for name, value in variables.items()}}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def hyperfine(to: Path, share: float, seconds: float) -> None:
    script = f"{sys.executable} -m studies.evidence.script --steps {STEPS} --share {share}"
    began = perf_counter()
    subprocess.run(script.split(), cwd=ROOT, check=True)  # the warm-up run that its documentation advises, and a pilot
    once_s = perf_counter() - began
    runs = max(2, round((seconds - once_s) / once_s))
    command = ["hyperfine", "--shell=none", "--runs", str(runs), "--export-json", str(to), script]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)


def hyperfine_says(before: Path, after: Path) -> bool:
    first, second = (json.loads(path.read_text())["results"][0]["times"] for path in (before, after))
    test = ttest_ind(second, first, equal_var=False)
    return bool(test.pvalue < SIGNIFICANT and test.statistic > 0)


def pyperf(to: Path, share: float, seconds: float) -> None:
    once_s = 2.5  # an import of torch, a warm-up and three values of so many steps
    python(
        "-m", "studies.evidence.pyperf_script", "--share", share, "--processes", max(2, round(seconds / once_s)),
        "--values", "3", "--warmups", "1", "--loops", "1", "--inherit-environ", "PYTHONPATH", "--output", to,
    ).check_returncode()  # fmt: skip


def pyperf_says(before: Path, after: Path) -> bool:
    said = python("-m", "pyperf", "compare_to", before, after).stdout
    return "slower" in said


def pytest_benchmark(to: Path, share: float, seconds: float) -> None:
    rounds = max(3, round((seconds - 3) / 0.2))
    file = ROOT / "tests" / "evidence" / "pytest_benchmark_script.py"
    alone = ["-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", ROOT]
    python(
        "-m", "pytest", file, *alone, f"--benchmark-json={to}", SHARE=share, ROUNDS=rounds
    ).check_returncode()  # fmt: skip


def pytest_benchmark_says(before: Path, after: Path) -> bool:
    """By its own rule for `min:3%`, of which a run of the tool fails: more than 3 % above the stored minimum."""
    first, second = (json.loads(path.read_text())["benchmarks"][0]["stats"]["min"] for path in (before, after))
    return bool(second > 1.03 * first)


def paired(to: Path, share: float, seconds: float) -> None:
    done = python("-m", "studies.evidence.paired", "--share", share)
    done.check_returncode()
    to.write_text(done.stdout)


def paired_says(_: Path, after: Path) -> bool:
    answer = json.loads(after.read_text())
    return bool(answer["z"] >= 2.6 and answer["change"] >= 0.005)


def duet(to: Path, share: float, seconds: float) -> None:
    """Pairs of scripts in the time of both sides: there is nothing to hold them against later."""
    script = [sys.executable, "-m", "studies.evidence.script", "--steps", str(STEPS), "--share"]
    ratios, ends = [], perf_counter() + 2 * seconds
    while perf_counter() < ends or len(ratios) < 2:
        both = [
            subprocess.Popen([*script, str(each)], cwd=ROOT, stdout=subprocess.PIPE, text=True) for each in (0.0, share)
        ]
        before, after = (float(each.communicate()[0]) for each in both)
        ratios.append(math.log(after / before))
    to.write_text(json.dumps(ratios))


def duet_says(_: Path, after: Path) -> bool:
    test = ttest_1samp(json.loads(after.read_text()), 0.0)
    return bool(test.pvalue < SIGNIFICANT and test.statistic > 0)


TOOLS: dict[str, tuple[Measure, Slower]] = {
    "hyperfine": (hyperfine, hyperfine_says),
    "pyperf": (pyperf, pyperf_says),
    "pytest-benchmark": (pytest_benchmark, pytest_benchmark_says),
    "paired functions, one second": (paired, paired_says),
    "duet": (duet, duet_says),
}
PAIRED = (paired, duet)


def peers(args: Namespace) -> str:
    """How often each tool says "slower", for each planted share."""
    missing = [] if shutil.which("hyperfine") else ["hyperfine (apt install hyperfine)"]
    missing += [f"{name} (pip install {name})" for name in ("pyperf", "pytest-benchmark") if not installed(name)]
    if missing:
        return f"## Power of other tools\n\nunavailable: not installed: {', '.join(missing)}\n"
    verdicts: dict[tuple[str, float], list[bool]] = defaultdict(list)
    order = random.Random(0)
    for number in range(args.rounds):
        for tool in order.sample(list(TOOLS), len(TOOLS)):
            for share, slower in one_round(tool, order, args.budget / 2).items():
                verdicts[tool, share].append(slower)
        print(f"peers: {number + 1} of {args.rounds} rounds", file=sys.stderr)
    rows = [
        [tool, *(f"{sum(verdicts[tool, share])} of {len(verdicts[tool, share])}" for share in SHARES)] for tool in TOOLS
    ]
    return section(
        f"Power of other tools: {args.budget:.0f} s a comparison",
        ["called slower", *(f"{share:.0%} planted" for share in SHARES)],
        rows,
    )


def installed(name: str) -> bool:
    return find_spec(name.replace("-", "_")) is not None


def one_round(tool: str, order: random.Random, seconds: float) -> dict[float, bool]:
    """Measure the loop as it was, then each slower one, and say of each whether the tool calls it slower."""
    measure, slower = TOOLS[tool]
    with TemporaryDirectory(prefix="looptax-evidence-") as folder:
        before = Path(folder) / "before.json"
        if measure not in PAIRED:
            measure(before, 0.0, seconds)
        is_slower = {}
        for share in order.sample(SHARES, len(SHARES)):
            after = Path(folder) / f"{share}.json"
            measure(after, share, seconds)
            is_slower[share] = slower(before, after)
        return is_slower
