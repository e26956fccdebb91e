"""What is rebuilt from a journal is a function of it, whatever process does so."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.analyse.cells import seen
from bench.analyse.summary import kept, summarise
from bench.cli import reports
from bench.records import cache, store
from bench.records.journal import latest
from tests import checks, factories, histories, pairs, price_lists, searches
from tests.verbs import SOURCES

REBUILD_AND_COMPARE = """
import runpy, sys
from pathlib import Path
from bench.cli import reports

*folders, before, after = sys.argv[1:]
for folder in folders:
    reports.rebuild(Path(folder))
sys.argv[1:] = [before, after, "--out", "results/compared.md"]
runpy.run_module("bench.compare", run_name="__main__")
"""
REGRESSED = 1


def journals():
    """A run, a check, a history, a bisection and a price list, each with figures of every kind."""
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
    prices = price_lists.a_run(price_lists.an_option("saves", event="checkpoint", every="epoch"))
    at_ends = price_lists.counters(at_events={"python_calls": 900, "c_calls": 700, "ops": 120, "syncs": 3})
    saving = {"saves": at_ends, None: price_lists.counters(at_events={"python_calls": 200, "c_calls": 150})}
    yield prices, price_lists.trials_of(prices, lambda _, lead: price_lists.steps(1000.0, lead=lead), counted=saving)


def written(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_processes_with_other_hash_seeds_write_the_same_bytes(tmp_path):
    made, slower = tmp_path / "made", pairs.scaled(hf_trainer=1.10)
    folders = [factories.stored(made, run, trials) for run, trials in journals()]
    before, after = pairs.before(), pairs.after()
    folders += [factories.stored(made, before), factories.stored(made, after, factories.journal(after, step_us=slower))]
    rebuilt = []
    for seed in ("1", "2"):
        out = tmp_path / seed / "results"
        shutil.copytree(made, out)
        environment = {**os.environ, "PYTHONPATH": SOURCES, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", REBUILD_AND_COMPARE, *(f"results/{folder.name}" for folder in folders)]
        done = subprocess.run(command, cwd=out.parent, env=environment, check=False)
        rebuilt.append((done.returncode, written(out)))
    (exit_code, first), (other_exit_code, second) = rebuilt
    assert (exit_code, other_exit_code) == (REGRESSED, REGRESSED)
    assert b"hf-trainer" in first[Path("compared.md")]
    assert len([path for path in first if path.name == "report.html"]) == 5
    assert len([path for path in first if path.suffix == ".svg"]) >= 4
    assert first.keys() == second.keys()
    assert [path for path in first if first[path] != second[path]] == []


def test_a_summary_of_what_is_kept_of_a_journal_is_that_of_all_of_it():
    for run, trials in journals():
        assert summarise(run, kept(run, iter(trials))) == summarise(run, latest(trials)), run.verb


def test_a_summary_is_the_same_to_the_byte_however_many_trials_become_figures_together(monkeypatch):
    for run, trials in journals():
        at_once = summarise(run, kept(run, iter(trials))).model_dump_json()
        monkeypatch.setattr(seen, "TOGETHER", 1)
        assert summarise(run, kept(run, iter(trials))).model_dump_json() == at_once, run.verb
        monkeypatch.undo()


@pytest.fixture
def analyses(monkeypatch, tmp_path):
    """A folder whose journal counts as long, and how often journals were analysed."""
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(reports, "LONG_BYTES", 0)
    made = []
    monkeypatch.setattr(reports, "summarise", lambda *given: made.append(1) or summarise(*given))
    return factories.stored(tmp_path / "results", pairs.before(blocks=2)), made


def test_a_long_journal_is_analysed_once_until_something_changes(analyses):
    folder, made = analyses
    first = reports.analysed(folder)
    assert reports.analysed(folder) == first
    assert made == [1]
    with store.journal(folder) as journal:
        journal.append(factories.trial(block=2))
    assert reports.analysed(folder) != first
    store.write_run(folder, first.run.model_copy(update={"name": "another"}))
    assert reports.analysed(folder).run.name == "another"
    assert made == [1, 1, 1]
    assert len(list((cache.cache_folder() / cache.TEXTS).glob("summary-*"))) == 1


def test_a_journal_of_the_same_length_and_time_is_told_from_another(analyses):
    folder, made = analyses
    reports.analysed(folder)
    path, before = folder / store.JOURNAL, (folder / store.JOURNAL).stat()
    path.write_bytes(path.read_bytes().replace(b'"import_s":2.0', b'"import_s":3.0', 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    reports.analysed(folder)
    assert made == [1, 1]
