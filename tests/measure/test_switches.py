"""What a live trainer has on is found, and is off once it is switched off; what a release does not tell is unknown."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from bench.measure import switches
from bench.measure.switches import hf_trainer
from bench.measure.switches import lightning as of_lightning
from bench.measure.switches.switch import Training

ON = {
    "disable_tqdm": False,
    "logging_strategy": "steps",
    "logging_steps": 10,
    "logging_nan_inf_filter": True,
    "eval_strategy": "steps",
    "eval_steps": 30,
    "save_strategy": "steps",
    "save_steps": 40,
    "max_grad_norm": 1.0,
    "dataloader_num_workers": 2,
    "torch_empty_cache_steps": 5,
    "include_num_input_tokens_seen": "all",
    "skip_memory_metrics": False,
    "debug": "underflow_overflow",
    "label_smoothing_factor": 0.1,
    "neftune_noise_alpha": 5.0,
}
NOT_MADE = {"torch-compile", "pin-memory"}
"""What takes a compiler and an accelerator."""
WHILE_IT_TRAINS = {"self-log", "sanity-check", "validation"}
"""What Lightning's trainer has on only with a module at work, as tests/test_prices.py has it."""


@pytest.fixture(scope="module")
def hf(tmp_path_factory):
    """A Trainer with nearly all that can be on, and a callback of the user's own."""
    import transformers
    from torch import nn

    class Mine(transformers.TrainerCallback):
        pass

    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path_factory.mktemp("out")), report_to="none", use_cpu=True, **ON
    )
    checkpointed = next(name for name in hf_trainer.RECOMPUTED if hasattr(arguments, name))
    setattr(arguments, checkpointed, True)
    model = nn.Linear(2, 1)
    model.config = SimpleNamespace(problem_type=None)  # asked by 5.x where labels are smoothed
    trainer = transformers.Trainer(
        model=model, args=arguments, train_dataset=[1] * 8, eval_dataset=[1], callbacks=[Mine()]
    )
    return Training(trainer=trainer, model=trainer.model)


@pytest.fixture(scope="module")
def lit():
    """A Lightning trainer with what can be on before it trains."""
    import pytorch_lightning as pl

    class Mine(pl.Callback):
        pass

    trainer = pl.Trainer(
        accelerator="cpu",
        callbacks=[Mine(), pl.callbacks.TQDMProgressBar(), pl.callbacks.ModelCheckpoint(every_n_train_steps=20)],
        logger=pl.loggers.CSVLogger("unused"),
        log_every_n_steps=10,
        gradient_clip_val=1.0,
        detect_anomaly=True,
        profiler="simple",
    )
    return Training(trainer=trainer, model=pl.LightningModule())


def on_in(switched, training):
    return {each.name: option for each in switched if (option := each.option(training)) is not None}


def test_what_a_trainer_has_on_is_told_with_its_setting_and_its_events_and_can_be_switched_off(hf):
    switched = hf_trainer.switches(hf)
    options = on_in(switched, hf)
    assert {each.name for each in switched} - options.keys() == NOT_MADE
    assert options["logging"] | {"every": None} == {
        "name": "logging",
        "setting": "logging_steps=10",
        "off": "logging_strategy='no'",
        "event": "log line",
        "every": None,
        "changes_arithmetic": False,
        "missing": None,
    }
    assert [options[name]["every"] for name in ("logging", "evaluation", "checkpoint")] == [10, 30, 40]
    assert options["checkpoint"]["setting"] == "save_strategy='steps', save_steps=40"
    assert options["callback-Mine"]["off"] == "no Mine"
    assert {name for name, option in options.items() if option["changes_arithmetic"]} == {
        "max-grad-norm",
        "label-smoothing",
        "neftune-noise",
    }
    for each in switched:
        if each.name not in NOT_MADE:
            each.turn_off(hf)
    assert on_in(hf_trainer.switches(hf), hf).keys() <= {"callback-PrinterCallback"}  # as `disable_tqdm=True` has it
    assert hf.trainer.args.logging_strategy == "no"
    assert hf.trainer.args.dataloader_persistent_workers is False


def test_what_a_lightning_trainer_has_on_is_told_and_can_be_switched_off(lit):
    switched = of_lightning.switches(lit)
    options = on_in(switched, lit)
    assert options.keys() == {
        *("progress-bar", "model-summary", "checkpoint", "logging", "gradient-clip", "detect-anomaly", "profiler"),
        *("logger-CSVLogger", "callback-Mine"),
    }
    assert {each.name for each in switched} - options.keys() == WHILE_IT_TRAINS
    assert options["gradient-clip"]["setting"] == "gradient_clip_val=1.0"
    assert options["gradient-clip"]["changes_arithmetic"]
    assert (options["logging"]["every"], options["checkpoint"]["every"]) == (10, 20)
    for each in switched:
        each.turn_off(lit)
    assert on_in(of_lightning.switches(lit), lit) == {}
    assert type(lit.trainer.profiler).__name__ == "PassThroughProfiler"
    assert lit.model.log("loss", 1.0) is None


def test_what_an_object_of_another_release_does_not_tell_is_unknown():
    bare = Training(trainer=SimpleNamespace(args=SimpleNamespace(), callback_handler=None), model=None)
    options = [each.option(bare) for each in hf_trainer.SWITCHES]
    assert {option["missing"] for option in options} == {"the installed release does not tell whether it is on"}
    assert {option["setting"] for option in options} == {"unknown"}


SCRIPT = """\
import sys
from bench.measure import switches

seen = []
switches.before_training(lambda training, found: seen.append(training.model))
sys.path.insert(0, sys.argv[1])
from pytorch_lightning.trainer.trainer import Trainer
assert not seen and Trainer().fit("a model") == "a model" and Trainer().fit(model="another") == "another"
assert seen == ["a model", "another"], seen
import pytorch_lightning.trainer.trainer as module
assert type(module.__loader__).__name__ == type(module.__spec__.loader).__name__ == "SourceFileLoader"
assert not any(type(finder).__name__ == "_Finder" and finder._name == module.__name__ for finder in sys.meta_path)
"""


def test_a_trainer_is_caught_whenever_the_script_imports_it(tmp_path):
    package = tmp_path / "pytorch_lightning" / "trainer"
    package.mkdir(parents=True)
    (package / "trainer.py").write_text(
        "class Trainer:\n    callbacks = []\n    def fit(self, model):\n        return model\n"
    )
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_option_that_is_on_all_the_same_is_no_trial_without_it(monkeypatch):
    monkeypatch.setattr(switches, "ENTRIES", {})  # nothing of this process is to be caught
    option = switches.Switch(
        name="stubborn", on=lambda _: True, setting=lambda _: "on", off="off", turn_off=lambda _: None
    )
    without = switches.SwitchedOff("stubborn")
    assert without.why_not() == "no Trainer began to train"
    without.begin(Training(trainer=None, model=None), lambda _: [option])
    assert without.why_not() == "stubborn was on all the same, after it had been switched off"
    assert switches.SwitchedOff(None).why_not() is None
