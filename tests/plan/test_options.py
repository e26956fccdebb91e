"""Which options a price list has: what cannot be had here says why, or is refused where it was asked for."""

import re

import pytest

from bench.errors import UsageError
from bench.plan import options, prices
from bench.records.schema import PricedOption, Script, Scripts
from tests import factories

HERE = {"transformers": "5.23.0", "pytorch-lightning": "2.6.6", "accelerate": "1.15.0"}


def names(priced):
    return [each.name for each in priced]


def test_without_names_all_usual_options_are_planned_and_those_that_lack_a_package_say_which():
    priced = options.select_options(["hf-trainer", "lightning"], None, HERE)
    missing = {each.name: each.missing for each in priced if each.runner == "hf-trainer" and each.missing}
    assert missing == {
        "tensorboard-1": "needs tensorboard: pip install tensorboard",
        "mlflow-1": "needs mlflow: pip install mlflow",
        "wandb-1": "needs wandb: pip install wandb",
    }
    assert len([each for each in priced if each.missing is None]) >= 40
    assert "torch-compile" not in names(priced)


def test_an_option_that_takes_long_is_planned_where_it_is_named():
    (only,) = options.select_options(["hf-trainer"], "torch-compile", HERE)
    assert only.setting == "torch_compile=True"


def test_a_release_has_the_row_that_is_its_own():
    (new,) = options.select_options(["hf-trainer"], "evaluation", HERE)
    (old,) = options.select_options(["hf-trainer"], "evaluation", HERE | {"transformers": "4.40.0"})
    assert "eval_strategy=" in new.setting
    assert "evaluation_strategy=" in old.setting
    assert new.every == old.every == 7


def test_what_the_release_does_not_have_is_named_as_such():
    old = HERE | {"transformers": "4.36.2"}
    planned = {option.name: option.missing for option in options.select_options(["hf-trainer"], None, old)}
    why = "transformers 4.36.2 does not have it, transformers>=4.37 does"
    assert planned["checkpoint-model-only"] == why
    with pytest.raises(UsageError, match=f"^--option checkpoint-model-only: {re.escape(why)}.$"):
        options.select_options(["hf-trainer"], "checkpoint-model-only", old)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("progres-bar", "did you mean progress-bar?"),
        ("weight-decay", "lightning has no such option; hf-trainer has: --runner hf-trainer."),
        ("tensorboard-1", "--option tensorboard-1: needs tensorboard: pip install tensorboard."),
        ("timer,timer", "--option names timer more than once; name each value once."),
    ],
)
def test_a_wrong_name_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(UsageError) as error:
        options.select_options(["lightning"], text, HERE)
    assert str(error.value).endswith(sentence)


def test_a_name_that_one_of_the_runners_has_is_asked_of_that_one():
    priced = options.select_options(["hf-trainer", "lightning"], "weight-decay,checkpoint", HERE)
    assert [(each.runner, each.name) for each in priced] == [
        ("hf-trainer", "weight-decay"),
        ("hf-trainer", "checkpoint"),
        ("lightning", "checkpoint"),
    ]


def test_a_loop_without_options_is_refused():
    with pytest.raises(UsageError, match="--runner 'pytorch' is not one of hf-trainer, lightning, accelerate, fabric"):
        options.runner_names("pytorch")


def seen(*names, missing=()):
    reason = "the installed transformers does not tell whether it is on"
    return [
        PricedOption(runner="train.py", name=name, setting="on", off="off", missing=reason if name in missing else None)
        for name in names
    ]


def test_of_what_a_script_has_on_those_are_chosen_that_are_named():
    on = seen("logging", "progress-bar", "debug", missing=["debug"])
    assert options.select_seen(on, None) == on
    assert names(options.select_seen(on, "progress-bar")) == ["progress-bar"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("loging", "'loging' is not on in train.py, which has debug, logging; did you mean logging?"),
        ("debug", "--option debug: the installed transformers does not tell whether it is on."),
    ],
)
def test_what_a_script_does_not_have_on_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(UsageError, match=f"{re.escape(sentence)}$"):
        options.select_seen(seen("logging", "debug", missing=["debug"]), text)


@pytest.mark.parametrize(
    ("every", "left_out"),
    [
        ([500, 10, None, "start"], (500, 10)),
        ([5, 50], (50, 5)),
        ([7, 5], (7,)),  # both leave a turn too few pairs of steps
        ([1000, 2], (1000,)),
    ],
)
def test_steps_with_events_of_a_script_are_left_out_as_long_as_enough_are_left(every, left_out):
    on = [PricedOption(runner="train.py", name=str(each), setting="on", off="off", every=each) for each in every]
    scripts = Scripts(each=[Script(name="train.py", file="train.py")], folder=".")
    settings = factories.run(runners=["train.py"]).settings.model_copy(
        update={"design": "options", "options": on, "scripts": scripts}
    )
    cell = factories.cell("train.py")
    assert prices.left_out(settings, cell, factories.LENGTH) == left_out
