"""The plan of a check of prices."""

import pytest

from bench.errors import UsageError
from bench.plan import comparison_groups, price_changes, schedule
from bench.plan.settings import Flags
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import Environment
from tests import factories
from tests.price_changes import an_option, planned

MACHINE = factories.run().machine


def side(transformers="5.3.0", **packages):
    versions = {"transformers": transformers, "pytorch-lightning": "2.6.6"} | packages
    return Environment(name="current", python="python3", packages=versions)


def of(*sides, option=None, margin=None, fail_on=None, **flags):
    flags = {"device": "cpu", "batch_size": "64", "workload": "mlp"} | flags
    return price_changes.settings(Flags(**flags), MACHINE, sides, option=option, margin=margin, fail_on=fail_on)


def test_all_four_loops_of_an_option_take_turns_and_both_loops_without_have_a_clone():
    run = planned(*(an_option(f"option-{number}") for number in range(6)))
    units = schedule.block(comparison_groups.planned_groups(run.settings), seed=0, block=0)
    assert [len(unit) for unit in units] == [10, 10]
    for unit in units:
        where = {(slot.cell.environment, slot.cell.option, slot.cell.clone) for slot in unit}
        options = {option for _, option, _ in where if option is not None}
        assert len(options) == 3
        assert where == {
            (side, option, clone)
            for side in (BASELINE, CANDIDATE)
            for option, clone in [(None, False), (None, True), *((name, False) for name in options)]
        }
        assert len({slot.replicate for slot in unit}) == 1
        assert sorted(slot.position for slot in unit) == list(range(10))


def test_other_groups_with_one_reference_take_no_turns_with_each_other():
    one = comparison_groups.ComparisonGroup(
        cells=(factories.cell(), factories.cell("fabric")), reference=factories.cell()
    )
    other = comparison_groups.ComparisonGroup(
        cells=(factories.cell(), factories.cell("floor")), reference=factories.cell()
    )
    assert comparison_groups.taking_turns([one, other]) == [[one], [other]]


def test_an_option_that_one_side_lacks_is_measured_where_it_is():
    settings = planned(an_option("old", BASELINE), an_option("both")).settings
    cells = {(cell.environment, cell.option) for cell in comparison_groups.cells(settings)}
    assert cells == {(side, option) for side in (BASELINE, CANDIDATE) for option in (None, "both")} | {
        (BASELINE, "old")
    }


def test_each_side_has_the_options_of_its_own_release():
    settings = of(side("4.36.0"), side("5.3.0"))
    assert settings.runners == ["hf-trainer"]
    assert [environment.name for environment in settings.environments] == [BASELINE, CANDIDATE]
    by_side = {
        where: {option.name: option for option in settings.options if option.environment == where}
        for where in (BASELINE, CANDIDATE)
    }
    assert by_side[BASELINE]["evaluation"].setting.startswith("evaluation_strategy=")
    assert by_side[CANDIDATE]["evaluation"].setting.startswith("eval_strategy=")
    assert "4.36.0 does not have it" in by_side[BASELINE]["checkpoint-model-only"].missing
    assert by_side[CANDIDATE]["checkpoint-model-only"].missing is None


def test_loops_whose_packages_differ_are_checked():
    assert of(side(), side(**{"pytorch-lightning": "2.5.0"})).runners == ["lightning", "fabric"]
    assert of(side(), side(torch="1")).runners == ["hf-trainer", "lightning"]


@pytest.mark.parametrize(("only", "fail_on"), [(None, ["time"]), ("counters", ["counters"])])
def test_a_check_fails_on_what_it_measures(only, fail_on):
    settings = of(side("4.57.1"), side(), only=only)
    assert settings.fail_on == fail_on
    assert settings.passes == (["counting"] if only else ["counting", "timing"])


@pytest.mark.parametrize(
    ("flags", "more", "sentence"),
    [
        ({"runner": "floor"}, {}, "--runner 'floor' is not one of hf-trainer, lightning, accelerate, fabric."),
        ({}, {"option": "progres-bar"}, "did you mean progress-bar?"),
        ({}, {"fail_on": "memory"}, "--fail-on memory: prices are of time and counters; leave it out."),
        (
            {"profile": "stock"},
            {},
            "--prices compares the options of loops in the profile matched: leave --profile out.",
        ),
        (
            {"script": ["train.py"]},
            {},
            "--prices compares the options of loops in the profile matched: leave --script out.",
        ),
    ],
)
def test_a_wrong_command_is_refused_before_anything_is_built(flags, more, sentence):
    usual = {"option": None, "margin": None, "fail_on": None}
    with pytest.raises(UsageError) as error:
        price_changes.refuse_wrong(
            Flags(**{"device": "cpu", "batch_size": "64", "workload": "mlp"} | flags), MACHINE, **usual | more
        )
    assert str(error.value).endswith(sentence)


def test_an_option_that_is_asked_for_and_that_no_side_has_is_refused():
    with pytest.raises(UsageError, match="--option mlflow-1: needs mlflow: pip install mlflow"):
        of(side("4.57.1"), side("5.3.0"), option="mlflow-1")
