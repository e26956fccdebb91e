"""A price list from end to end, as a user asks for it."""

import json
from functools import partial

import pytest

from tests import verbs

EVENTS = {"logging-10", "checkpoint", "evaluation", "csv-logger-10", "validation"}
CELL = ("--device", "cpu", "--batch-size", "4")
prices = partial(verbs.process, "prices", *CELL, **verbs.FRAMEWORKS)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """What options of two frameworks do more, by runner and name."""
    options = ",".join(["logging-1", "log-on-step", *sorted(EVENTS)])
    done = prices("--only", "counters", "--option", options, "--json", cwd=tmp_path_factory.mktemp("counted"))
    assert done.code == 0, done.err
    return {(each["cell"]["runner"], each["cell"]["option"]): each for each in json.loads(done.out)["prices"]}


def test_logging_every_step_reads_two_values_in_trainer_and_makes_hundreds_of_calls_in_lightning(counted):
    assert counted["hf-trainer", "logging-1"]["more"]["syncs"] == 2
    assert "syncs" not in counted["lightning", "log-on-step"]["more"]
    assert counted["lightning", "log-on-step"]["more"]["python_calls"] > 300


def test_an_event_happens_in_the_very_steps_that_are_told_apart(counted):
    with_events = {name: each for (_, name), each in counted.items() if name in EVENTS}
    assert set(with_events) == EVENTS
    for name, each in with_events.items():
        assert each["event_more"]["python_calls"] > 30, name


def test_a_timed_list_tells_prices_and_what_bars_write(tmp_path):
    options = ["--runner", "lightning", "--option", "progress-bar,timer,detect-anomaly"]
    done = prices(*options, "--blocks", "1", "--steps", "60", "--warmup", "5", "--out", "runs", cwd=tmp_path)
    assert done.code == 0, done.err
    (summary,) = (tmp_path / "runs").glob("*/summary.json")
    by_option = {row["cell"]["option"]: row for row in json.loads(summary.read_text())["prices"]}
    bar, timer, anomaly = (by_option[name] for name in ("progress-bar", "timer", "detect-anomaly"))
    assert bar["terminal_bytes_per_step"] > 50
    assert timer["terminal_bytes_per_step"] == 0
    assert anomaly["step_us"]["value"] > 1000  # a stack trace of every op: more than a neighbour on the core takes
    assert bar["more"]["python_calls"] > timer["more"]["python_calls"] > 0
    report = " ".join(summary.with_name("report.md").read_text().split())
    assert "| progress-bar | enable_progress_bar=True" in report
    assert "progress-bar" in done.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--option", "progres-bar"], "did you mean progress-bar?"),
        (["--runner", "floor"], "--runner 'floor' is not one of hf-trainer, lightning, accelerate, fabric."),
        (["--only", "phases"], "--only phases prices nothing: a price list needs counters or time."),
    ],
)
def test_a_wrong_command_is_refused_in_one_sentence(arguments, sentence, tmp_path, verb):
    done = verb("prices", *CELL, *arguments)
    assert done.code == 2
    assert done.err.strip().endswith(sentence)
    assert len(done.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
