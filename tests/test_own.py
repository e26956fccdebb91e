"""A workload and a runner of the user's own from end to end, as a user names them: by file, by module, by package."""

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from bench.records import store
from tests import verbs
from tests.verbs import ROOT, run_folder

OWN = ROOT / "tests" / "workloads"
SHORT = ["--device", "cpu", "--batch-size", "4", "--steps", "12", "--warmup", "2", "--blocks", "1", "--only", "time"]


bench = partial(verbs.process, "run")


def cells(folder: Path) -> list[dict]:
    return json.loads((folder / "summary.json").read_text())["cells"]


def with_files(folder: Path) -> Path:
    """Where a user stands: files of two folders with the same name, one of them a package's."""
    for name in ("a", "b"):
        shutil.copytree(OWN, folder / name)
    return folder


@pytest.fixture
def project(tmp_path):
    return with_files(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project of its own, and a run of a file's workload and a module's."""
    project = with_files(tmp_path_factory.mktemp("trained"))
    both = "a/own.py:tiny,b.by_module:tiny"
    (project / "b" / "by_module.py").write_text("from a_neighbour import tiny\n")
    (project / "a_neighbour.py").write_text("import sys; sys.path.append('a')\nfrom own import tiny\n")
    done = bench(*SHORT, "--workload", both, "--runner", "floor", cwd=project)
    assert done.code == 0, done.err
    return project, run_folder(project / "results")


def test_files_and_modules_are_trained_by_every_loop_and_told_apart(trained):
    _, folder = trained
    assert [(cell["workload"], cell["runner"], cell["equivalence"]["verdict"]) for cell in cells(folder)] == [
        ("a/own.py:tiny", "pytorch", "baseline"),
        ("a/own.py:tiny", "floor", "bitwise"),
        ("b.by_module:tiny", "pytorch", "baseline"),
        ("b.by_module:tiny", "floor", "bitwise"),
    ]
    report = (folder / "report.md").read_text()
    assert "a/own.py:tiny on cpu" in report
    assert "b.by_module:tiny on cpu" in report
    assert set(store.read_run(folder).own_files) == {"a/own.py:tiny", "b.by_module:tiny"}


def test_like_repeats_it_and_resume_refuses_a_file_that_has_changed(trained, verb, monkeypatch):
    project, first = trained
    again = bench("--like", first, "--out", "again", cwd=project)
    assert again.code == 0, again.err
    second = run_folder(project / "again")
    assert store.read_run(second).settings == store.read_run(first).settings
    assert cells(second)[1]["equivalence"]["verdict"] == "bitwise"
    with (project / "a" / "own.py").open("a") as file:
        file.write("# changed\n")
    monkeypatch.syspath_prepend(project)  # where the user stands, as with python -m
    refused = verb("run", "--resume", first, cwd=project)
    assert refused.code == 2
    assert f"--resume {first}: that run was made elsewhere (SHA-256 of a/own.py:tiny: " in refused.err
    (project / "a" / "own.py").unlink()
    for flag in ("--like", "--resume"):
        gone = verb("run", flag, first, cwd=project)
        assert gone.code == 2
        assert gone.err.startswith(f"error: {flag} {first}: a/own.py: there is no such file; ")
        assert gone.err.count("\n") == 1


def test_a_package_brings_a_runner_by_name(project):
    """One that nobody imports before it trains, and another that cannot be imported."""
    shelf = project / "shelf"
    (shelf / "shipping.dist-info").mkdir(parents=True)
    (shelf / "shipping.py").write_text("from trainloops.runners.pytorch import train\n")
    (shelf / "broken.py").write_text("import a_package_that_nobody_has\ndef train(job, parts): ...\n")
    (shelf / "shipping.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: shipping\nVersion: 1.0\n")
    (shelf / "shipping.dist-info" / "entry_points.txt").write_text(
        "[trainloops.runners]\nshipped = shipping:train\nbroken = broken\n"
    )
    path = os.pathsep.join((str(shelf), verbs.QUICK))
    done = bench(*SHORT, "--runner", "shipped,broken,shipping:train", cwd=project, PYTHONPATH=path)
    assert done.code == 4, done.err
    by_runner = {cell["runner"]: cell for cell in cells(run_folder(project / "results"))}
    assert [by_runner[name]["equivalence"]["verdict"] for name in ("shipped", "shipping:train")] == ["bitwise"] * 2
    reason = "broken cannot be imported: ModuleNotFoundError: No module named 'a_package_that_nobody_has'"
    assert (by_runner["broken"]["status"], by_runner["broken"]["reason"]) == ("failed", reason)


def test_a_loss_that_turns_nan_is_a_row_with_its_step_and_no_ratio(project):
    done = bench(*SHORT, "--workload", "a/own.py:turns_nan", "--runner", "floor", cwd=project)
    assert done.code == 4, done.err
    for cell in cells(run_folder(project / "results")):
        assert cell["equivalence"]["verdict"] == "unproven"
        assert "the loss of micro-step 3 is nan" in cell["equivalence"]["detail"]
        assert "the loss of micro-step 3 is nan" in cell["reason"]
        assert cell["ratio"] is None
    assert "the loss of micro-step 3 is nan" in done.out
