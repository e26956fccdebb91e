"""Every option of the price list is really on when it is switched on, as the live objects and what they left tell."""

import json
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import pytest

from tests import verbs
from trainloops import options, runners
from trainloops.options import EVERY

STEPS, EPOCHS, ROWS = 16, 2, 4
EVENTS = STEPS // EVERY
EVALUATION_BATCHES = 8


@cache
def seen(runner):
    """What was seen of each option, by name; of the runner without any by None."""
    return dict(map(tuple, json.loads(verbs.program("tests.options_seen", runner))))


def extra(what, none, kind, name):
    """How many more, over the whole job, than without the option: ops by name, or calls."""
    return what[kind].get(name, 0) - none[kind].get(name, 0)


def logged(what, key):
    return sum(key in entry for entry in what["logs"])


def rows(what):
    return [count for count, _ in what["forwards"]]


def has_file(what, part):
    return any(part in path for path in what["files"])


def reads(what, none):
    """Values read back from tensors."""
    return extra(what, none, "ops", "aten._local_scalar_dense")


def csv_rows(what):
    return [len(text.splitlines()) - 1 for text in what["csv"]]


def in_halves(what):
    return rows(what) == [ROWS // 2] * STEPS * 2


def evaluated(what, times):
    return rows(what) == [ROWS] * (STEPS + times * EVALUATION_BATCHES)


def is_mixed(what, none):
    return extra(what, none, "ops", "aten._to_copy") > STEPS


HF_TRAINER = {
    "logging-1": lambda what, none: logged(what, "loss") == STEPS,
    "logging-10": lambda what, none: logged(what, "loss") == STEPS // 10,
    "logging-500": lambda what, none: (
        what["arguments"]["logging_steps"] == "500" and "STEPS" in what["arguments"]["logging_strategy"]
    ),
    "logging-epoch": lambda what, none: logged(what, "loss") == EPOCHS,
    "logging-nan-filter": lambda what, none: extra(what, none, "ops", "aten.isnan") == STEPS,
    "progress-bar": lambda what, none: f"{STEPS}/{STEPS}" in what["terminal"],
    "progress-bar-logging-1": lambda what, none: what["terminal"].count("'loss'") == STEPS,
    "tensorboard-1": lambda what, none: has_file(what, "events.out") and "TensorBoardCallback" in what["callbacks"],
    "mlflow-1": lambda what, none: has_file(what, "mlruns") or has_file(what, "mlflow.db"),
    "wandb-1": lambda what, none: has_file(what, "wandb/offline"),
    "max-grad-norm": lambda what, none: what["clipped_to"].count(1.0) >= STEPS > none["clipped_to"].count(1.0),
    "weight-decay": lambda what, none: what["weight_decay"] == [0.01] and none["weight_decay"] == [0.0],
    "schedule-linear": lambda what, none: what["lr"] == 0.0 < none["lr"],
    "schedule-cosine": lambda what, none: what["lr"] == 0.0 < none["lr"],
    "warmup-steps": lambda what, none: what["lr"] == pytest.approx(none["lr"] * STEPS / 100),
    "optim-adamw": lambda what, none: (what["optimizer"], what["weight_decay"]) == ("AdamW", [0.0, 0.0]),
    "optim-adamw-fused": lambda what, none: what["fused"] is True and not none["fused"],
    "optim-sgd": lambda what, none: what["optimizer"] == "SGD",
    "optim-adafactor": lambda what, none: what["optimizer"] == "Adafactor",
    "label-smoothing": lambda what, none: what["smoothing"] == 0.1 and extra(what, none, "ops", "aten.gather") == STEPS,
    "input-tokens-seen": lambda what, none: what["tokens"] == STEPS * ROWS * 64,
    "remove-unused-columns": lambda what, none: what["collate"] == "RemoveColumnsCollator" != none["collate"],
    "gradient-accumulation": lambda what, none: in_halves(what),
    "bf16": lambda what, none: is_mixed(what, none),
    "callbacks-1": lambda what, none: what["callbacks"].count("TrainerCallback") == 1,
    "callbacks-10": lambda what, none: what["callbacks"].count("TrainerCallback") == 10,
    "workers-2": lambda what, none: what["workers"] == [2, False],
    "workers-2-persistent": lambda what, none: what["workers"] == [2, True],
    "checkpoint": lambda what, none: what["calls"]["_save_checkpoint"] == EVENTS + 1 and has_file(what, "optimizer.pt"),
    "checkpoint-model-only": lambda what, none: (
        what["calls"]["_save_checkpoint"] == EVENTS + 1 and not has_file(what, "optimizer.pt")
    ),
    "checkpoint-epoch": lambda what, none: what["calls"]["_save_checkpoint"] == EPOCHS,
    "evaluation": lambda what, none: logged(what, "eval_loss") == EVENTS + 1 and evaluated(what, EVENTS + 1),
    "evaluation-epoch": lambda what, none: logged(what, "eval_loss") == EPOCHS and evaluated(what, EPOCHS),
}
LIGHTNING = {
    "progress-bar": lambda what, none: what["terminal"].count("it/s") >= STEPS,
    "progress-bar-rich": lambda what, none: "RichProgressBar" in what["callbacks"] and "it/s" in what["terminal"],
    "log-on-step": lambda what, none: list(what["metrics"]) == ["loss"] and what["bar"] == [],
    "log-on-epoch": lambda what, none: what["metrics"]["loss"] != seen("lightning")["log-on-step"]["metrics"]["loss"],
    "log-on-step-and-epoch": lambda what, none: {"loss_step", "loss_epoch"} <= set(what["metrics"]),
    "log-on-bar": lambda what, none: what["bar"] == ["loss"] and "loss=" in what["terminal"],
    "csv-logger": lambda what, none: what["loggers"] == ["CSVLogger"] and what["csv"] == [],
    "csv-logger-1": lambda what, none: csv_rows(what) == [STEPS],
    "csv-logger-10": lambda what, none: csv_rows(what) == [STEPS // 10],
    "tensorboard-1": lambda what, none: has_file(what, "events.out") and reads(what, none) == STEPS,
    "gradient-clip": lambda what, none: extra(what, none, "calls", "clip_grad_norm_") == STEPS,
    "gradient-clip-value": lambda what, none: extra(what, none, "calls", "clip_grad_value_") == STEPS,
    "detect-anomaly": lambda what, none: what["anomalies"] and extra(what, none, "ops", "aten.isnan") >= STEPS,
    "profiler-simple": lambda what, none: (
        what["profiler"] == "SimpleProfiler" and "run_training_batch" in what["terminal"]
    ),
    "profiler-advanced": lambda what, none: (
        what["profiler"] == "AdvancedProfiler" and "function calls" in what["terminal"]
    ),
    "learning-rate-monitor": lambda what, none: what["rates"] != [] and has_file(what, "metrics.csv"),
    "device-stats-monitor": lambda what, none: (
        what["callbacks"] == ["DeviceStatsMonitor"] and what["loggers"] == ["CSVLogger"]
    ),
    "timer": lambda what, none: what["callbacks"] == ["Timer"],
    "callbacks-1": lambda what, none: what["callbacks"] == ["Callback"],
    "callbacks-10": lambda what, none: what["callbacks"] == ["Callback"] * 10,
    "bf16-mixed": lambda what, none: what["precision"] == "bf16-mixed" and is_mixed(what, none),
    "accumulate-grad-batches": lambda what, none: in_halves(what),
    "model-summary": lambda what, none: "Trainable params" in what["terminal"],
    "sanity-check": lambda what, none: len(rows(what)) == STEPS + 2 and "val_loss" not in what["metrics"],
    "checkpoint": lambda what, none: has_file(what, f"step={STEPS - STEPS % EVERY}.ckpt"),
    "checkpoint-epoch": lambda what, none: has_file(what, f"step={STEPS}.ckpt"),
    "validation": lambda what, none: evaluated(what, EVENTS) and "val_loss" in what["metrics"],
    "validation-epoch": lambda what, none: evaluated(what, EPOCHS) and "val_loss" in what["metrics"],
}
ACCELERATE = {
    "loss-item": lambda what, none: reads(what, none) == STEPS,
    "gather": lambda what, none: what["calls"]["gather"] == STEPS,
    "clip-grad-norm": lambda what, none: what["clipped_to"].count(1.0) >= STEPS,
    "autocast": lambda what, none: is_mixed(what, none),
    "gradient-accumulation": lambda what, none: in_halves(what),
    "tensorboard-1": lambda what, none: has_file(what, "events.out") and what["calls"]["log"] == STEPS,
}
FABRIC = {
    "loss-item": lambda what, none: reads(what, none) == STEPS,
    "csv-logger": lambda what, none: what["calls"]["log"] == STEPS,
    "clip-gradients": lambda what, none: what["calls"]["clip_gradients"] == STEPS,
    "autocast": lambda what, none: is_mixed(what, none),
    "gradient-accumulation": lambda what, none: in_halves(what),
}
IS_ON = {"hf-trainer": HF_TRAINER, "lightning": LIGHTNING, "accelerate": ACCELERATE, "fabric": FABRIC}
"""By runner and option, whether it was on, by what was seen with it and without any."""


def lacking(option, runner):
    """Why an option cannot be tried here, None where it can."""
    package = runners.REGISTRY[runner].needs[0]
    if not options.has(option, version(package)):
        return f"{package} {version(package)} does not have it"
    for name in option.needs:
        try:
            version(name)
        except PackageNotFoundError:
            return f"{name} is not installed"
    return None


@pytest.mark.parametrize("runner", IS_ON)
def test_every_option_has_a_proof_that_it_is_on(runner):
    assert set(IS_ON[runner]) == {option.name for option in options.of(runner) if option.usual}


@pytest.mark.parametrize(
    ("runner", "option"),
    [
        (runner, option)
        for runner in IS_ON
        for option in options.of(runner)
        if option.usual and option.releases != "<4.41"
    ],
    ids=lambda each: getattr(each, "name", each),
)
def test_an_option_is_on_when_it_is_switched_on_and_only_then(runner, option):
    if (why := lacking(option, runner)) is not None:
        pytest.skip(why)
    by_option = seen(runner)
    what, none = by_option[option.name], by_option[None]
    assert "failed" not in what, what["failed"]
    assert what["steps"] == none["steps"] == STEPS
    is_on = IS_ON[runner][option.name]
    assert is_on(what, none), {key: value for key, value in what.items() if key not in ("terminal", "forwards")}
    assert option.name == "logging-500" or not _is_on_without(is_on, none)


def _is_on_without(is_on, none):
    try:
        return is_on(none, none)
    except KeyError:
        return False


def test_forty_options_of_trainer_and_lightning_have_a_price():
    assert len({*HF_TRAINER} | {f"lightning {name}" for name in LIGHTNING}) >= 40


def test_a_setting_is_written_as_a_user_writes_it():
    settings = {option.name: option.setting for option in options.of("lightning")}
    assert settings["csv-logger-1"] == ('logger=CSVLogger(save_dir=...), log_every_n_steps=1, self.log("loss", loss)')
    assert settings["log-on-step"] == 'self.log("loss", loss)'
    assert settings["callbacks-10"] == "callbacks=[Callback()] * 10"


def test_a_name_that_stands_twice_is_switched_on_differently_in_different_releases():
    old, new = (options.find("hf-trainer", "evaluation", release) for release in ("4.40.2", "5.0.0"))
    assert "evaluation_strategy='steps'" in old.setting
    assert "eval_strategy='steps'" in new.setting
    assert old is not new
    with pytest.raises(KeyError):
        options.find("hf-trainer", "checkpoint-model-only", "4.36.2")
