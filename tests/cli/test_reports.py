"""What is rebuilt from a journal is a function of it, whatever process does so."""

import os
import shutil
import subprocess
import sys

from tests import checks, factories, histories, pairs, searches
from tests.verbs import SOURCES

REBUILD = (
    "import sys; from pathlib import Path; from bench.cli import reports\n"
    "for folder in sys.argv[1:]: reports.rebuild(Path(folder))"
)


def journals():
    """A run, a check, a history and a bisection, each with figures of every kind and something that moved."""
    run = pairs.before(runners=("pytorch", "hf-trainer", "accelerate"), blocks=6)
    counted = [*pairs.counted(run, pairs.STEP), *pairs.counted(run, pairs.LOG, runner="hf-trainer")]
    yield run, [*factories.journal(run), *counted]
    check = checks.planned()
    worse = checks.counters([pairs.STEP, pairs.LOG], syncs=7, python_calls=900)
    yield (
        check,
        [*checks.proven(check), *checks.timed(check, checks.steps(checks.QUIET, 0.08)), *checks.counted(check, worse)],
    )
    history = histories.a_run()
    ratios = dict(zip(histories.RELEASES, (1.7, 1.7, 1.7, 1.9, 1.9, 1.9), strict=True))
    yield history, histories.journal(history, ratios, {"4.47.1": 8})
    search = searches.planned()
    yield search, searches.counted(search, {"4.46.2": 6, "4.49.0": 8, "4.47.1": 8, "4.47.0": 6}, replicates=2)


def written(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path):
    made = tmp_path / "made"
    for run, trials in journals():
        factories.stored(made, run, trials)
    found = []
    for seed in ("1", "2"):
        out = tmp_path / seed / "results"
        shutil.copytree(made, out)
        environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONHASHSEED": seed}
        folders = [f"results/{each.name}" for each in sorted(out.iterdir())]
        subprocess.run([sys.executable, "-c", REBUILD, *folders], cwd=out.parent, env=environment, check=True)
        found.append(written(out))
    first, second = found
    assert len([path for path in first if path.name == "report.html"]) == 4
    assert len([path for path in first if path.suffix == ".svg"]) >= 4
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []
