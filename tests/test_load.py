"""Stored runs as frames, as a notebook asks for them."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench.errors import RunFolderError, UsageError
from tests import factories

ROOT = Path(__file__).parent.parent
(COMMITTED,) = (ROOT / "results").glob("*-standard-cpu")
HF_TRAINER_AT_128 = re.compile(r"\| 128 +\| hf-trainer +\|")


@pytest.fixture
def stored(tmp_path):
    """Two small runs without a summary, as an interrupted run leaves them."""
    folders = []
    for name in ("a", "b"):
        planned = factories.run(name=name, runners=["pytorch", "hf-trainer"], blocks=6)
        trials = [*factories.journal(planned), factories.trial("hf-trainer", status="oom", block=6)]
        folders.append(factories.stored(tmp_path, planned, trials))
    return folders


def test_importing_bench_brings_no_pandas():
    code = "import bench, sys; print(sorted({'pandas', 'numpy', 'pydantic', 'torch', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"


def test_a_row_is_a_metric_of_a_cell(stored):
    frame = bench.load(stored[0])
    assert list(frame.columns[:1]) == ["run"]
    assert list(frame.columns[-6:]) == ["metric", "value", "low", "high", "unit", "unavailable"]
    assert not frame.duplicated(["run", "runner", "metric"]).any()
    ratio = frame[(frame.metric == "ratio") & (frame.runner == "hf-trainer")].squeeze()
    assert 1.7 < ratio.low < ratio.value < ratio.high < 2.1
    assert (ratio.run, ratio.unit, ratio.batch_size) == (stored[0].name, "1", 64)


def test_what_cannot_be_had_is_a_row_with_its_reason(stored):
    frame = bench.load(stored[0])
    missing = frame[(frame.metric == "device_allocated_bytes") & (frame.runner == "pytorch")].squeeze()
    assert math.isnan(missing.value)
    assert missing.unavailable
    assert frame[frame.value.isna()].unavailable.notna().all()


def test_a_folder_of_runs_and_a_list_of_runs_are_the_same(stored, tmp_path):
    assert bench.load(tmp_path).equals(bench.load(stored))
    assert bench.load(str(tmp_path)).run.unique().tolist() == [folder.name for folder in stored]


def test_trials_are_rows_the_failed_ones_too(stored):
    frame = bench.load(stored, trials=True)
    assert len(frame) == 2 * (2 + 6 * 3 + 1)  # proofs, blocks of two loops and a clone, and one that failed

    timed = frame[(frame.phase == "timing") & (frame.status == "ok") & (frame.runner == "pytorch")]
    assert 300 < timed.step_time_us.median() < 420
    failed = frame[frame.status == "oom"]
    assert failed.step_time_us.isna().all()
    assert failed.reason.tolist() == ["the trial ended with status oom"] * 2


def test_the_figures_are_those_of_the_report():
    frame = bench.load(COMMITTED)
    at = frame[(frame.workload == "mlp") & (frame.batch_size == 128) & (frame.runner == "hf-trainer")]
    figures = at.set_index("metric").value
    lines = (COMMITTED / "report.md").read_text().splitlines()
    row = " ".join(next(line for line in lines if HF_TRAINER_AT_128.match(line)).split())
    assert f"| {figures['ratio']:.2f} [" in row
    assert f"| +{figures['overhead_us']:.0f} [" in row


@pytest.mark.parametrize("runs", ["nowhere", []])
def test_a_folder_without_runs_is_an_error(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunFolderError, match=r"it has no run\.json|no run was named"):
        bench.load(runs)


def test_the_table_of_a_figure_averages_nothing(tmp_path):
    both = [factories.comparison(workload=workload) for workload in ("mlp", "mlp-wide")]
    made = factories.run(comparisons=both, runners=["pytorch", "hf-trainer"])
    folder = factories.stored(tmp_path, made)
    ratios = bench.load(folder, metric="ratio")
    assert list(ratios.index.names) == ["workload", "runner"]
    assert len(ratios) == 4
    tidy = bench.load(folder)
    wide = tidy[(tidy.metric == "ratio") & (tidy.workload == "mlp-wide") & (tidy.runner == "hf-trainer")]
    assert ratios.loc["mlp-wide", "hf-trainer"].to_list() == wide.value.to_list()
    assert "run" in bench.load([folder, COMMITTED], metric="ratio").index.names


def test_a_metric_that_there_is_none_of_is_refused():
    with pytest.raises(UsageError, match="metric 'speed' is not one of step_time_us, "):
        bench.load(COMMITTED, metric="speed")
