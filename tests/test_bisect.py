"""A bisection from end to end: the releases of a tiny package that lies in a folder, and of transformers."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench.errors import IndexUnreachableError
from bench.execute.environments import pip
from bench.records import store
from tests import background
from tests.background import wait_for_trials

ROOT = Path(__file__).parent.parent
LOOP = ROOT / "tests" / "loops" / "after_step.py"
SHORT = ["--device", "cpu", "--batch-size", "4", "--no-confirm"]
QUIET = "def after_step():\n    pass\n"
BUSY = "def helper():\n    pass\n\ndef after_step():\n    helper()\n    helper()\n"
READS = "import torch\n\ndef helper():\n    torch.ones(()).item()\n\ndef after_step():\n    helper()\n    helper()\n"
RELEASES = {
    "1.0": QUIET,
    "1.1": QUIET,
    "1.2": BUSY,
    "1.3": "raise RuntimeError('this release was a mistake')\n",
    "1.4": QUIET,
    "1.5": READS,
    "1.6": READS,
    "1.7rc1": QUIET,
    "1.7": READS,
}
NEEDS = {"1.4": "a-package-that-is-nowhere"}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to work in, and the environment variables of a machine whose only index is a folder of wheels."""
    folder = tmp_path_factory.mktemp("bisect")
    wheels = folder / "wheels"
    wheels.mkdir()
    for version, content in RELEASES.items():
        wheel(wheels, version, content)
    own = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "LOOPTAX_CACHE": str(folder / "cache")}
    return folder, {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "COLUMNS": "200", **own}


def wheel(folder: Path, version: str, content: str) -> None:
    info = f"tinyloop-{version}.dist-info"
    needs = f"Requires-Dist: {NEEDS[version]}\n" if version in NEEDS else ""
    with zipfile.ZipFile(folder / f"tinyloop-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("tinyloop.py", content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinyloop\nVersion: {version}\n{needs}")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "bench.bisect", *map(str, arguments)]


def bisect(place, *arguments: str | Path, out: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    folder, environment = place
    done = subprocess.run(
        command(*arguments, "--out", out),
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=600,
    )
    return done, folder / out


def the_run(out: Path) -> Path:
    (path,) = out.glob("*/run.json")
    return path.parent


@pytest.fixture(scope="module")
def hidden(place):
    """The reads come with 1.5, but neither 1.4 nor 1.3 can be used."""
    arguments = ["tinyloop", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP, *SHORT]
    return bisect(place, *arguments, out="hidden")


def test_what_cannot_be_used_is_stepped_around_and_said(hidden):
    done, out = hidden
    assert done.returncode == 4, done.stderr
    assert (
        "tinyloop 1.5 reads 2 more values back to the host per step than 1.2: in tinyloop.py (helper); "
        "which of the releases after 1.2 did it is not known, since 1.3 and 1.4 cannot be used here." in done.stdout
    )
    summary = json.loads((the_run(out) / "summary.json").read_text())
    seen = {probe["release"]: (probe["status"], probe["value"]) for probe in summary["probes"]}
    assert seen == {
        "1.0": ("ok", 6),
        "1.2": ("ok", 6),
        "1.3": ("failed", None),
        "1.4": ("missing", None),
        "1.5": ("ok", 8),
        "1.7": ("ok", 8),
    }
    report = (the_run(out) / "report.md").read_text()
    assert "this release was a mistake" in report
    assert "a-package-that-is-nowhere" in report


def test_a_release_is_looked_at_once_and_the_neighbours_twice(hidden):
    trials = store.read_trials(the_run(hidden[1]))
    counts = [(trial.cell.environment, trial.replicate) for trial in trials if trial.phase == "counting"]
    order = ["1.0", "1.7", "1.3", "1.4", "1.2", "1.5"]
    assert counts == [*((version, 0) for version in order), ("1.2", 1), ("1.5", 1)]
    ours = {trial.interpreter.pid for trial in trials if trial.interpreter is not None}
    assert len(ours) == 6  # four releases, and both neighbours again


def test_the_report_is_rebuilt_to_the_byte_from_the_journal(hidden, place):
    folder = the_run(hidden[1])
    names = ("report.md", "summary.json")
    before = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    rebuild = [sys.executable, "-m", "bench.report", f"hidden/{folder.name}"]
    subprocess.run(rebuild, cwd=place[0], env=place[1], check=True, capture_output=True)
    assert {name: (folder / name).read_bytes() for name in names} == before


def test_the_neighbours_of_a_move_are_timed_side_by_side(place, hidden):
    arguments = ["tinyloop", "1", "1.2", "--metric", "python_calls", "--runner", LOOP, "--device", "cpu"]
    short = ["--steps", "20", "--warmup", "4", "--blocks", "1"]
    done, out = bisect(place, *arguments, *short, out="closed")
    assert done.returncode == 0, done.stderr
    assert "tinyloop 1.2 makes 2 more Python calls per step than 1.1: in tinyloop.py (helper)." in done.stdout
    run = store.read_run(the_run(out))
    assert [each.name for each in run.settings.environments] == ["1.0", "1.1", "1.2", "clone"]
    timed = [trial.cell.environment for trial in store.read_trials(the_run(out)) if trial.phase == "timing"]
    assert sorted(timed) == ["1.1", "1.2", "clone"]
    assert "### What was measured" in (the_run(out) / "report.md").read_text()


def test_a_figure_that_is_the_same_at_both_ends_did_not_move(place, hidden):
    arguments = ["tinyloop", "1.0", "1.2", "--metric", "syncs", "--runner", LOOP, *SHORT]
    done, out = bisect(place, *arguments, out="same")
    assert done.returncode == 0, done.stderr
    assert "Syncs did not move: 6 a step with tinyloop 1.0 and 1.2." in done.stdout
    assert len(store.read_trials(the_run(out))) == 4


def test_ctrl_c_reports_what_there_is(place, hidden):
    folder, environment = place
    arguments = ["tinyloop", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP, *SHORT, "--out", "stopped"]
    process = background.start(command(*arguments), cwd=folder, environment=environment)
    stopped = wait_for_trials(folder / "stopped", 4)
    process.send_signal(signal.SIGINT)
    told, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert "Not closed: syncs moved between tinyloop 1.0 and 1.7;" in told
    assert "| 1.7 " in (stopped / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tinyloop", "1.0", "1.6.5", "--metric", "syncs", "--runner", LOOP], "the nearest are 1.6 and 1.7"),
        (["tinyloop", "0.1", "1.0", "--metric", "syncs", "--runner", LOOP], "the nearest are 1.0"),
        (["tinyloop", "1.7", "1.0", "--metric", "syncs", "--runner", LOOP], "1.7 is not older than 1.0"),
        (["tinyloop", "new", "1.0", "--metric", "syncs"], "'new' is no version"),
        (["tinyloop", "1.0", "1.7", "--metric", "sync"], "did you mean syncs?"),
        (["tinyloop", "1.0", "1.7", "--metric", "syncs,ops"], "a bisection follows one metric"),
        (["tinyloop", "1.0", "1.7", "--metric", "syncs"], "--runner is missing: no loop is known for tinyloop"),
        (["tinyloop", "1.0", "1.7"], "--metric"),
        (["tinyloop", "1.0", "1.7", "--metric", "step_time", "--all"], "--all needs figures that repeat exactly"),
        (["tinyloop", "1.0", "1.7", "--metric", "kernels", "--runner", LOOP, "--device", "cpu"], "an accelerator only"),
        (["tinyloop", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP, "--batch-size", "4,8"], "one value each"),
        (["torch", "2.4", "2.5", "--metric", "syncs", "--runner", "pytorch"], "leave torch out"),
        (["nowhere", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP], "The index has nothing that fits nowhere"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_writes_nothing(place, arguments, sentence):
    done, out = bisect(place, *arguments, out="wrong")
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert not out.exists()


@pytest.mark.network
@pytest.mark.slow
def test_it_finds_the_release_of_transformers_that_reads_one_value_more(tmp_path):
    try:
        pip.releases("transformers")
    except IndexUnreachableError as error:
        pytest.skip(str(error))
    place = (tmp_path, {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "COLUMNS": "200"})
    arguments = ["transformers", "4.46.3", "4.48.3", "--metric", "syncs", "--no-confirm", "--device", "cpu"]
    done, out = bisect(place, *arguments, out="found")
    assert done.returncode == 0, done.stderr
    assert (
        "transformers 4.48.1 reads 1 more value back to the host per step than 4.48.0: "
        "in transformers/trainer.py (Trainer.get_batch_samples)." in done.stdout
    )
    assert len({trial.cell.environment for trial in store.read_trials(the_run(out))}) <= 5
    # It came with 4.47.1 already, was not in 4.48.0, and came back: from other ends the search finds that one.
