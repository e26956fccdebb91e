"""A price list from end to end, as a user asks for it."""

import json
from functools import partial

import pytest

from tests import verbs
from tests.test_example_scripts import SCRIPTS

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


@pytest.mark.slow
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


@pytest.mark.slow
def test_trainer_computes_activations_again_and_keeps_less_of_them(tmp_path):
    asked = ["--runner", "hf-trainer", "--workload", "encoder", "--option", "gradient-checkpointing", "--json"]
    done = prices("--only", "counters", *asked, cwd=tmp_path)
    assert done.code == 0, done.err
    (price,) = json.loads(done.out)["prices"]
    assert price["more"]["ops"] > 100
    assert price["more"]["tensor_bytes"] < 0


def of_script(folder, command, *arguments):
    """What the price list of an example script says of each of its options, by name, without timing."""
    words = ["--device", "cpu", "--only", "counters", "--json", "--script", f"{SCRIPTS}/{command}", *arguments]
    done = verbs.process("prices", *words, cwd=folder, **verbs.FRAMEWORKS)
    assert done.code == 0, done.err
    return {each["cell"]["option"]: each for each in json.loads(done.out)["prices"]}


@pytest.mark.slow
def test_what_a_script_of_trainer_has_on_is_found_and_switched_off(tmp_path):
    command = "trainer_clm.py -- --output_dir out --max_steps 60 --use_cpu --report_to none --logging_steps 1"
    prices_by_option = of_script(tmp_path, f"{command} --disable_tqdm true")
    # PrinterCallback is what Trainer has in the place of a bar.
    usual = {"logging", "logging-nan-filter", "checkpoint", "max-grad-norm"}
    assert prices_by_option.keys() == {*usual, "callback-PrinterCallback"}
    assert prices_by_option["logging"]["setting"] == "logging_steps=1"
    assert prices_by_option["logging"]["more"]["syncs"] == 2
    assert prices_by_option["logging-nan-filter"]["more"]["syncs"] == 2
    assert prices_by_option["callback-PrinterCallback"]["more"].keys() <= {"python_calls", "c_calls"}
    assert prices_by_option["max-grad-norm"]["changes_arithmetic"]
    assert (prices_by_option["checkpoint"]["event"], prices_by_option["checkpoint"]["every"]) == ("checkpoint", 500)


@pytest.mark.slow
def test_what_a_script_of_lightning_has_on_is_found_and_switched_off(tmp_path):
    options = "fit --trainer.max_epochs 2 --trainer.gradient_clip_val 1.0"
    prices_by_option = of_script(
        tmp_path, f"lightning_autoencoder.py -- {options}", "--option", "self-log,gradient-clip,validation"
    )
    assert prices_by_option["self-log"]["more"]["python_calls"] > 300
    assert prices_by_option["gradient-clip"]["more"]["ops"] > 3
    assert "ops" not in prices_by_option["validation"]["more"]
    assert (prices_by_option["validation"]["event"], prices_by_option["validation"]["every"]) == ("validation", 112)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--option", "progres-bar"], "did you mean progress-bar?"),
        (["--runner", "floor"], "--runner 'floor' is not one of hf-trainer, lightning, accelerate, fabric."),
        (["--only", "phases"], "--only phases prices nothing: a price list needs counters or time."),
        (["--", "--lr", "1"], "--lr 1 is no option: what follows -- goes to a script, which --script names."),
    ],
)
def test_a_wrong_command_is_refused_in_one_sentence(arguments, sentence, tmp_path, verb):
    done = verb("prices", *CELL, *arguments)
    assert done.code == 2
    assert done.err.strip().endswith(sentence)
    assert len(done.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


BY_HAND = """\
import torch
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for _ in range(50):
    model(torch.rand(8, 4)).mean().backward()
    optimizer.step()
"""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--script", "other.py"], "--script is given more than once; a price list is one script's: run bench.prices"),
        (["--runner", "lightning"], "--runner does not work with --script, which brings its own model, data and loop"),
        ([], "--script train.py: it trains with neither the Trainer of transformers nor that of Lightning"),
    ],
)
def test_a_script_that_has_no_prices_is_refused_in_one_sentence(arguments, sentence, tmp_path, verb):
    for name in ("train.py", "other.py"):
        (tmp_path / name).write_text(BY_HAND)
    done = verb("prices", "--device", "cpu", "--script", "train.py", *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "results").exists()
