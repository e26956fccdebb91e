"""Real checks of an environment: how often one that changed nothing is called worse, and planted counts found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections import Counter
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from studies.evidence.table import section
from tests.execute.environments.wheels import wheel

ROOT = Path(__file__).parent.parent.parent
LOOP = ROOT / "tests" / "loops" / "planted.py"
BUDGET = ("--only", "time", "--fail-on", "time,memory", "--blocks", "10")
"""One look, after ten blocks."""
NOTHING = "def each_step(loss):\n    pass\n"
PLANTED = {
    "a call": "def each_step(loss):\n    more()\n\n\ndef more():\n    pass\n",
    "a value read back": "def each_step(loss):\n    loss.item()\n",
    "an op": "def each_step(loss):\n    loss.detach() + 1\n",
    "4,096 bytes kept": (
        "import torch\n\nkept = []\n\n\n"
        "def each_step(loss):\n    if not kept:\n        kept.append(torch.zeros(1024))\n"
    ),
}
REPEATED = 3
TOLD = ("metric", "baseline", "candidate", "verdict")
"""What is kept of a verdict."""


class Check(NamedTuple):
    """How one run of `bench.upgrade` ended; a line of JSON where checks are kept."""

    code: int
    verdicts: list[dict[str, Any]]
    wall_s: float


def upgrade(*arguments: str | Path) -> Check:
    """`python -m bench.upgrade` with `arguments`, in a folder that is then gone."""
    with TemporaryDirectory(prefix="looptax-evidence-") as out:
        command = [sys.executable, "-m", "bench.upgrade", *map(str, arguments), "--device", "cpu", "--out", out]
        began = perf_counter()
        path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False
        )
        wall_s = perf_counter() - began
        summaries = list(Path(out).glob("*/summary.json"))
        if not summaries:
            raise RuntimeError(f"{' '.join(command)} wrote no summary: {done.stderr.strip()[-300:]}")
        verdicts = json.loads(summaries[0].read_text())["verdicts"]
        return Check(
            done.returncode, [{name: verdict[name] for name in TOLD} for verdict in verdicts], round(wall_s, 1)
        )


def false_alarms(args: Namespace) -> str:
    """Checks of the hand-written loop against itself: every figure of them that is called worse is a false alarm.

    A hundred take hours: with `--keep` each is kept as it ends, and the next call goes on where this one stops.
    """
    kept = None if args.keep is None else args.keep / f"false-alarms-{args.batch_size.replace(',', '-')}.jsonl"
    checks = (
        []
        if kept is None or not kept.exists()
        else [Check(**json.loads(line)) for line in kept.read_text().splitlines()]
    )
    for number in range(len(checks), args.checks):
        seed = ["--seed", str(number)]
        sides = ["--baseline", "current", "--candidate", "current", "--runner", "pytorch"]
        checks.append(upgrade(*sides, "--batch-size", args.batch_size, *BUDGET, *seed))
        print(f"false alarms: {number + 1} of {args.checks} checks, exit code {checks[-1].code}", file=sys.stderr)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with kept.open("a") as journal:
                journal.write(json.dumps(checks[-1]._asdict()) + "\n")
    rows = [[metric, *map(str, counts)] for metric, *counts in outcomes(checks)]
    codes = Counter(each.code for each in checks)
    return section(
        f"False alarms: {len(checks)} checks at batch {args.batch_size}, ten blocks each",
        ["figure", "verdicts", "regressed", "improved", "not regressed", "undecided"],
        rows,
        f"Checks that ended with exit code 1: {codes[1]} of {len(checks)}. A check took "
        f"{median(each.wall_s for each in checks):.0f} s.",
    )


def outcomes(checks: list[Check]) -> list[tuple[str, int, int, int, int, int]]:
    """For each figure how many verdicts there were of each kind."""
    verdicts = [verdict for check in checks for verdict in check.verdicts]
    kinds = ("regressed", "improved", "not-regressed", "undecided")
    table = []
    for metric in dict.fromkeys(verdict["metric"] for verdict in verdicts):
        seen = Counter(verdict["verdict"] for verdict in verdicts if verdict["metric"] == metric)
        table.append((metric, seen.total(), *(seen[kind] for kind in kinds)))
    return table  # type: ignore[return-value]


def planted_counts(args: Namespace) -> str:
    """Planted calls, values read back, ops and bytes: whether exact counts see them, and what else they report."""
    with TemporaryDirectory(prefix="looptax-evidence-") as folder:
        sources = [NOTHING, NOTHING, *PLANTED.values()]
        wheels = [
            wheel(Path(folder), "planted", str(number), {"planted.py": source}) for number, source in enumerate(sources)
        ]
        rows = [row(what, wheels[0], wheels[number]) for number, what in enumerate(["nothing", *PLANTED], start=1)]
    return section(
        f"Power of exact counts: `--only counters`, {REPEATED} checks each",
        ["planted in every step", "called worse", "changes that it reports", "seconds a check"],
        rows,
    )


def row(what: str, baseline: Path, candidate: Path) -> list[str]:
    arguments = ["--baseline", baseline, "--candidate", candidate, "--runner", LOOP, "--batch-size", "64"]
    repeated = [upgrade(*arguments, "--only", "counters", "--margin", "1%") for _ in range(REPEATED)]
    changes_seen = {changes(each) for each in repeated}
    flagged = sum(each.code == 1 for each in repeated)
    walls = median(each.wall_s for each in repeated)
    return [what, f"{flagged} of {len(repeated)}", " or ".join(sorted(changes_seen)), f"{walls:.0f}"]


def changes(check: Check) -> str:
    apart = {verdict["metric"]: verdict["candidate"] - verdict["baseline"] for verdict in check.verdicts}
    return ", ".join(f"{metric} {delta:+,.0f}" for metric, delta in apart.items() if delta) or "none"
