"""Figures handed to trackers; what is not installed is skipped with that reason."""

import sys

import pytest

from bench.errors import UsageError
from bench.report.export import target
from tests.report.rows import baseline, failed, row, summary_of


@pytest.fixture
def made():
    return summary_of(baseline(batch_size=8), row(batch_size=8), baseline(), row(counters={"syncs": 6}), failed())


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "20260102T030405Z-example"
    path.mkdir()
    (path / "report.md").write_text("# A report\n")
    return path


@pytest.mark.parametrize("asked", ["neptune", "tensorboard", "tensorboard:", "wandb-offline", "wandb:x", ""])
def test_what_is_no_target_is_refused(asked):
    with pytest.raises(UsageError, match="choose tensorboard:DIR, mlflow, mlflow:URI or wandb-offline:DIR"):
        target.target(asked)


@pytest.mark.parametrize("asked", ["tensorboard:logs", "mlflow", "mlflow:http://x", "wandb-offline:w"])
def test_a_tracker_that_is_not_installed_is_named(asked, monkeypatch):
    monkeypatch.setattr(target, "find_spec", lambda name: None)
    package = asked.partition(":")[0].removesuffix("-offline")
    with pytest.raises(UsageError, match=f"needs {package}, which is not installed: pip install {package}"):
        target.target(asked)


def test_an_address_keeps_its_colons(monkeypatch):
    monkeypatch.setattr(target, "find_spec", lambda name: object())
    assert target.target("mlflow:http://127.0.0.1:5000").place == "http://127.0.0.1:5000"


def test_choosing_a_target_imports_no_tracker():
    assert not {"mlflow", "wandb", "tensorboard"} & set(sys.modules)


@pytest.mark.filterwarnings("ignore")  # what trackers warn of is theirs
def test_tensorboard_gets_a_curve_a_loop_over_batch_size(made, folder, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    logs = target.target(f"tensorboard:{tmp_path / 'logs'}").push(made, folder)
    assert logs == str(tmp_path / "logs" / folder.name)
    events = EventAccumulator(f"{logs}/mlp-on-cpu-hf-trainer")
    events.Reload()
    assert [(each.step, round(each.value)) for each in events.Scalars("step_time_us")] == [(8, 681), (64, 681)]
    assert [each.value for each in events.Scalars("syncs")] == [6]


@pytest.mark.filterwarnings("ignore")
def test_mlflow_gets_a_run_a_cell(made, folder, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.chdir(tmp_path)
    address = f"sqlite:///{tmp_path}/mlflow.db"
    assert target.target(f"mlflow:{address}").push(made, folder) == address
    runs = mlflow.search_runs(experiment_names=["looptax"])
    assert len(runs) == 1 + len(made.cells)
    loop = runs[(runs["params.runner"] == "hf-trainer") & (runs["params.batch_size"] == "64")].squeeze()
    assert (loop["metrics.step_time_us"], loop["metrics.syncs"]) == (681, 6)


@pytest.mark.filterwarnings("ignore")
def test_wandb_gets_a_run_that_stays_here(made, folder, tmp_path):
    pytest.importorskip("wandb", reason="wandb is not installed")
    where = target.target(f"wandb-offline:{tmp_path / 'w'}").push(made, folder)
    assert where.startswith(str(tmp_path / "w"))
    assert list((tmp_path / "w" / "wandb").glob("offline-run-*/run-*.wandb"))
