"""A check of an environment from end to end, as a user runs it: real overlays and interpreters, and no network.

What is upgraded is a package of this file's making, called once a step by `tests/loops/planted.py`, so that what its
second version costs is known.
"""

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.records import store
from tests import verbs
from tests.execute.environments.wheels import wheel
from tests.verbs import ROOT

LOOP = ROOT / "tests" / "loops" / "planted.py"
CHECKED = ["--runner", LOOP, "--batch-size", "8", "--device", "cpu"]
NOWHERE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}  # the port is closed: a refusal at once

NOTHING = """
def each_step(loss):
    pass
"""
ONE_CALL_AND_ONE_SYNC = """
def each_step(loss):
    checked(loss)


def checked(loss):
    return loss.item()
"""
BROKEN = """
def each_step(loss):
    raise RuntimeError("this release was a mistake")
"""
HALF_A_STEP = """
from time import perf_counter

before = None


def each_step(loss):
    global before
    now = perf_counter()
    ends = now if before is None else now + 0.5 * (now - before)
    while perf_counter() < ends:
        pass
    before = perf_counter()
"""


upgrade = partial(verbs.process, "upgrade")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """The wheels, and one cache of the environments that have them."""
    folder = tmp_path_factory.mktemp("wheels")
    versions = {"1": NOTHING, "2": NOTHING, "3": ONE_CALL_AND_ONE_SYNC, "4": HALF_A_STEP, "5": BROKEN}
    wheels = {number: wheel(folder, "planted", number, {"planted.py": source}) for number, source in versions.items()}
    return SimpleNamespace(wheels=wheels, cache=str(tmp_path_factory.mktemp("cache")))


def checked(
    planted, candidate: str, *arguments: str, cwd: Path, baseline: str = "1", **environment: str
) -> SimpleNamespace:
    """A check of two versions: the exit code, what the terminal got, and the run folder's summary."""
    sides = ["--baseline", planted.wheels[baseline], "--candidate", planted.wheels[candidate]]
    # The index is not to be asked: a wheel of one's own needs none.
    done = upgrade(*sides, *CHECKED, *arguments, cwd=cwd, LOOPTAX_CACHE=planted.cache, **NOWHERE, **environment)
    folders = [path.parent for path in (cwd / "results").glob("*/summary.json")]
    assert len(folders) == 1, done.err
    summary = json.loads((folders[0] / "summary.json").read_text())
    summary["verdicts"] = {verdict["metric"]: verdict for verdict in summary["verdicts"]}
    return SimpleNamespace(code=done.code, printed=done.out, folder=folders[0], **summary)


def extra(check: SimpleNamespace) -> list[tuple[str, str, str, int]]:
    rows = [row for row in check.attribution if row["cell"]["environment"] == "candidate"]
    return [(row["counter"], row["file"], row["function"], row["delta"]) for row in rows]


def test_another_version_that_does_the_same_is_not_worse(planted, tmp_path):
    check = checked(planted, "2", "--only", "counters", cwd=tmp_path)
    assert check.code == 0
    assert "Differs: planted 1 → 2." in check.printed
    assert "OK: no regression in memory and counters." in check.printed
    assert {name: each["verdict"] for name, each in check.verdicts.items()} == dict.fromkeys(
        ("python_calls", "c_calls", "ops", "syncs", "tensor_bytes"), "not-regressed"
    )
    assert check.attribution == []
    assert [cell["equivalence"]["verdict"] for cell in check.cells] == ["baseline", "bitwise", "bitwise"]
    assert [cell["environment"] for cell in check.cells] == ["baseline", "candidate", "clone"]


@pytest.mark.slow
def test_what_a_workload_of_the_users_own_calls_is_found_and_named_in_any_loop(planted, tmp_path):
    workload = ROOT / "tests" / "workloads" / "own.py"
    own = ["--only", "counters", "--workload", f"{workload}:calls_planted", "--runner", "floor"]
    check = checked(planted, "3", *own, cwd=tmp_path)
    assert check.code == 1
    assert [(row[0], row[1], row[2]) for row in extra(check) if row[2] == "checked"] == [
        (counter, "planted.py", "checked") for counter in ("python_calls", "c_calls", "ops", "syncs")
    ]
    assert [cell["equivalence"]["verdict"] for cell in check.cells] == ["baseline", "bitwise", "bitwise"]


def test_one_more_call_and_one_more_sync_are_found_and_named(planted, tmp_path):
    check = checked(planted, "3", "--only", "counters", cwd=tmp_path)
    assert check.code == 1
    assert "Worse: Python calls, C calls, ops and syncs regressed." in check.printed
    assert extra(check) == [
        ("python_calls", "planted.py", "checked", 1),
        ("c_calls", "planted.py", "checked", 1),
        ("ops", "planted.py", "checked", 1),
        ("syncs", "planted.py", "checked", 1),
    ]
    changes = {name: each["candidate"] - each["baseline"] for name, each in check.verdicts.items()}
    assert changes == {"python_calls": 1, "c_calls": 1, "ops": 1, "syncs": 1, "tensor_bytes": 0}
    assert "1 extra value read back to the host per step: in planted.py (checked)." in check.printed
    # Nothing but these was done, and a journal says so.
    assert {trial.phase for trial in store.read_trials(check.folder)} == {"equivalence", "counting"}
    environments = [environment["requirements"] for environment in check.run["settings"]["environments"]]
    assert environments == [[str(planted.wheels[version])] for version in ("1", "3", "1")]


def test_a_loop_that_cannot_train_anywhere_ends_the_check_at_once(planted, tmp_path):
    timed = ["--only", "time", "--steps", "10", "--warmup", "2"]
    check = checked(planted, "5", *timed, baseline="5", cwd=tmp_path)
    assert check.code == 4
    assert [cell["status"] for cell in check.cells] == ["failed"] * 3
    assert max(trial.block for trial in store.read_trials(check.folder)) == 0
    assert "Inconclusive: 1 of 1 cell has no verdict on time and memory." in check.printed
    assert "in the clone, failed: RuntimeError: this release was a mistake." in check.printed


@pytest.mark.slow
def test_a_step_that_takes_half_as_long_again_is_found_and_confirmed(planted, tmp_path):
    # How often this fails although all is well: the ratio is planted at 1.5, a block's figure is that of many pairs
    # of turns, and the screening looks after 10, 14 and 20 blocks, the confirmation after as many fresh ones. After 20
    # it can be undecided only if two blocks say less than 1 / 1.5, or seven less than 1 (the bound is the 34th smallest
    # Walsh average, and the 29th at the level of two flagged figures).
    timed = ["--only", "time", "--fail-on", "time", "--steps", "200", "--warmup", "5"]
    check = checked(planted, "4", *timed, "--blocks", "20", cwd=tmp_path, **verbs.FRESH)
    step_time = check.verdicts["step_time_us"]
    assert (check.code, step_time["verdict"], step_time["confirmed"]) == (1, "regressed", True), step_time
    assert step_time["ratio"]["low"] > 1
    assert step_time["ratio"]["value"] > 1.25
    assert step_time["blocks"] >= 20
    assert "step time REGRESSED" in check.printed
    assert "confirmed on fresh blocks" in check.printed


# What is wrong with a command


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["--baseline", "planted==1"],
            "error: The package index does not answer at http://127.0.0.1:9/simple/planted/ (Connection refused); fix "
            "the network, or name another index with PIP_INDEX_URL.\n",
        ),
        (
            ["--baseline", "planted=1"],
            "error: 'planted=1' is neither a requirement nor a wheel nor a checkout (",
        ),
        (
            ["--baseline", "gone-1-py3-none-any.whl"],
            "error: The wheel gone-1-py3-none-any.whl cannot be used ([Errno 2] No such file or directory: "
            "'gone-1-py3-none-any.whl'); give the path of one that was built.\n",
        ),
        (
            ["--requirements", "old.txt", "new.txt"],
            "error: The requirements file old.txt is not there; give the path of one that is.\n",
        ),
        (
            ["--requirements", "old.txt", "new.txt", "--baseline", "planted==1"],
            "error: --requirements names both sides; leave --baseline and --candidate out.\n",
        ),
        (
            [],
            'error: --baseline is missing: name what to compare with, such as --baseline "transformers==4.57.6".\n',
        ),
        (
            ["--baseline", "planted==1", "--only", "counters", "--fail-on", "time"],
            "error: --fail-on time is not measured by --only counters; leave one of the two out.\n",
        ),
    ],
)
def test_a_wrong_command_is_one_sentence_and_writes_nothing(arguments, sentence, tmp_path, verb):
    here = tmp_path / "here"
    here.mkdir()
    done = verb("upgrade", *arguments, *CHECKED, cwd=here, LOOPTAX_CACHE=str(tmp_path / "cache"), **NOWHERE)
    assert done.code == 2, done.err
    assert done.err.startswith(sentence)
    assert done.err.count("\n") == 1
    assert done.out == ""
    assert not list(here.iterdir())
    assert not list((tmp_path / "cache").glob("environments/*/complete.json"))


@pytest.mark.slow
def test_the_prices_of_an_environment_are_those_of_itself(tmp_path):
    asked = [
        "--prices",
        "--runner",
        "accelerate",
        "--option",
        "loss-item",
        "--only",
        "counters",
        "--baseline",
        "current",
    ]
    done = upgrade(*asked, "--batch-size", "4", "--device", "cpu", "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    (change,) = json.loads(done.out)["price_changes"]
    assert {verdict["metric"]: verdict["verdict"] for verdict in change["verdicts"]} == dict.fromkeys(
        ("python_calls", "c_calls", "ops", "syncs"), "not-regressed"
    )
    syncs = next(verdict for verdict in change["verdicts"] if verdict["metric"] == "syncs")
    assert syncs["baseline"] == syncs["candidate"] == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--option", "loss-item"], "--option names what --prices compares; add --prices."),
        (["--prices", "--option", "los-item"], "did you mean loss-item?"),
        (["--prices", "--only", "phases"], "a check needs counters or time."),
    ],
)
def test_a_wrong_command_about_prices_is_refused_in_one_sentence(arguments, sentence, tmp_path, verb):
    done = verb("upgrade", *arguments, "--device", "cpu", "--baseline", "current")
    assert done.code == 2
    assert done.err.strip().endswith(sentence)
    assert len(done.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
