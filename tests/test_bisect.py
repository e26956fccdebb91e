"""A bisection from end to end: the releases of a tiny package that lies in a folder, and of transformers."""

import json
import signal
from pathlib import Path

import pytest

from bench.errors import IndexUnreachableError
from bench.execute.environments import pip
from bench.records import store
from tests import verbs
from tests.execute.environments.wheels import wheel
from tests.verbs import ROOT, folder_with_trials, run_folder

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
NEEDS = {"1.4": ["a-package-that-is-nowhere"]}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder to work in, and the environment variables of a machine whose only index is a folder of wheels."""
    folder = tmp_path_factory.mktemp("bisect")
    wheels = folder / "wheels"
    wheels.mkdir()
    for version, content in RELEASES.items():
        wheel(wheels, "tinyloop", version, {"tinyloop.py": content}, NEEDS.get(version, ()))
    # What would no longer fit is not looked for ("no" is set by a 0): that takes pip longer than all else.
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_WARN_CONFLICTS": "0"}
    return folder, {**pip, "LOOPTAX_CACHE": str(folder / "cache")}


def bisect(place, *arguments: object, out: str) -> tuple[verbs.Ended, Path]:
    folder, environment = place
    return verbs.process("bisect", *arguments, "--out", out, cwd=folder, **environment), folder / out


@pytest.fixture(scope="module")
def hidden(place):
    """The reads come with 1.5, but neither 1.4 nor 1.3 can be used."""
    arguments = ["tinyloop", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP, *SHORT]
    return bisect(place, *arguments, out="hidden")


def test_what_cannot_be_used_is_stepped_around_and_said(hidden):
    done, out = hidden
    assert done.code == 4, done.err
    assert (
        "tinyloop 1.5 reads 2 more values back to the host per step than 1.2: in tinyloop.py (helper); "
        "which of the releases after 1.2 did it is unknown, since 1.3 and 1.4 cannot be used here." in done.out
    )
    summary = json.loads((run_folder(out) / "summary.json").read_text())
    seen = {probe["release"]: (probe["status"], probe["value"]) for probe in summary["probes"]}
    assert seen == {
        "1.0": ("ok", 6),
        "1.2": ("ok", 6),
        "1.3": ("failed", None),
        "1.4": ("missing", None),
        "1.5": ("ok", 8),
        "1.7": ("ok", 8),
    }
    report = (run_folder(out) / "report.md").read_text()
    assert "this release was a mistake" in report
    assert "a-package-that-is-nowhere" in report


def test_a_release_is_looked_at_once_and_the_neighbours_twice(hidden):
    trials = store.read_trials(run_folder(hidden[1]))
    counts = [(trial.cell.environment, trial.replicate) for trial in trials if trial.phase == "counting"]
    order = ["1.0", "1.7", "1.3", "1.4", "1.2", "1.5"]
    assert counts == [*((version, 0) for version in order), ("1.2", 1), ("1.5", 1)]
    ours = {trial.interpreter.pid for trial in trials if trial.interpreter is not None}
    assert len(ours) == 6  # four releases, and both neighbours again


def test_the_report_is_rebuilt_to_the_byte_from_the_journal(hidden, verb):
    folder = run_folder(hidden[1])
    names = ("report.md", "summary.json")
    before = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    assert verb("report", f"hidden/{folder.name}", cwd=hidden[1].parent).code == 0
    assert {name: (folder / name).read_bytes() for name in names} == before


@pytest.mark.slow
def test_the_neighbours_of_a_move_are_timed_side_by_side(place, hidden):
    arguments = ["tinyloop", "1", "1.2", "--metric", "python_calls", "--runner", LOOP, "--device", "cpu"]
    short = ["--steps", "20", "--warmup", "4", "--blocks", "1"]
    done, out = bisect(place, *arguments, *short, out="closed")
    assert done.code == 0, done.err
    assert "tinyloop 1.2 makes 2 more Python calls per step than 1.1: in tinyloop.py (helper)." in done.out
    run = store.read_run(run_folder(out))
    assert [environment.name for environment in run.settings.environments] == ["1.0", "1.1", "1.2", "clone"]
    timed = [trial.cell.environment for trial in store.read_trials(run_folder(out)) if trial.phase == "timing"]
    assert sorted(timed) == ["1.1", "1.2", "clone"]
    assert "### What was measured" in (run_folder(out) / "report.md").read_text()


def test_ctrl_c_reports_what_there_is(place, hidden):
    folder, environment = place
    arguments = ["tinyloop", "1.0", "1.7", "--metric", "syncs", "--runner", LOOP, *SHORT, "--out", "stopped"]
    with verbs.started("bisect", *arguments, cwd=folder, **environment) as process:
        stopped = folder_with_trials(process, folder / "stopped", 4)
        process.send_signal(signal.SIGINT)
        done = verbs.ended(process)
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    assert "Not narrowed down: syncs changed somewhere between tinyloop 1.0 and 1.7;" in done.out
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
def test_a_wrong_command_is_one_sentence_and_writes_nothing(place, arguments, sentence, verb, tmp_path):
    done = verb("bisect", *arguments, "--out", "wrong", **place[1])
    assert done.code == 2, done.err
    assert sentence in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.network
@pytest.mark.slow
def test_it_finds_the_release_of_transformers_that_reads_one_value_more(shared_cache, tmp_path):
    try:
        pip.releases("transformers")
    except IndexUnreachableError as error:
        pytest.skip(str(error))
    arguments = ["transformers", "4.46.3", "4.48.3", "--metric", "syncs", "--no-confirm", "--device", "cpu"]
    done, out = bisect((tmp_path, verbs.RELEASES | {"LOOPTAX_CACHE": shared_cache}), *arguments, out="narrowed")
    assert done.code == 0, done.err
    assert (
        "transformers 4.48.1 reads 1 more value back to the host per step than 4.48.0: "
        "in transformers/trainer.py (Trainer.get_batch_samples)." in done.out
    )
    assert len({trial.cell.environment for trial in store.read_trials(run_folder(out))}) <= 5
    # It came with 4.47.1 already, was not in 4.48.0, and came back: from other ends the search finds that one.
