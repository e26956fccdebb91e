"""What a check measures and judges, from the command line's texts; every refusal is one sentence."""

import pytest

from bench.analyse.statistics import sequential
from bench.errors import DeviceError, UsageError
from bench.plan import upgrade
from bench.plan.settings import Flags
from bench.records.schema import Environment, Settings
from tests import factories
from trainloops import runners

MACHINE = factories.run().machine
CURRENT = Environment(
    name="current",
    python="/current/bin/python",
    packages={"accelerate": "1.15.0", "numpy": "2.4.0", "pytorch-lightning": "2.6.6", "transformers": "5.23.0"},
)


def asking(*requirements: str, **packages: str | None) -> Environment:
    """The current environment with other packages; None is one that is not there."""
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    packages = {name: version for name, version in (CURRENT.packages | named).items() if version is not None}
    return CURRENT.model_copy(update={"name": "asked", "requirements": list(requirements), "packages": packages})


OLD = asking("transformers==4.57.6", transformers="4.57.6")


def settings(
    baseline: Environment = OLD,
    candidate: Environment = CURRENT,
    *,
    margin: str | None = None,
    fail_on: str | None = None,
    **flags: object,
) -> Settings:
    return upgrade.settings(Flags(**flags), MACHINE, (baseline, candidate), margin=margin, fail_on=fail_on)


def test_a_check_compares_a_baseline_a_candidate_and_a_clone_of_the_baseline():
    check = settings(batch_size=upgrade.BATCH_SIZES)
    assert (check.design, check.preset, check.blocks) == ("environments", "check", 40)
    assert (check.turns_s, check.blocks_per_set) == (upgrade.TURNS_S, upgrade.BLOCKS_PER_SET)
    assert check.target_ci is None  # its looks decide when it ends
    assert [environment.name for environment in check.environments] == ["baseline", "candidate", "clone"]
    assert [environment.clone_of for environment in check.environments] == [None, None, "baseline"]
    assert [environment.packages["transformers"] for environment in check.environments] == [
        "4.57.6",
        "5.23.0",
        "4.57.6",
    ]
    assert [comparison.batch_size for comparison in check.comparisons] == [8, 64, 512]
    assert check.passes == ["equivalence", "counting", "timing"]
    assert (check.margin, check.fail_on) == (0.03, ["time", "memory"])
    assert upgrade.CAP == sequential.CAP  # more blocks would never be looked at


def test_every_block_of_a_check_of_start_up_has_interpreters_of_its_own():
    assert settings(fail_on="time,start").blocks_per_set == 1
    assert settings(fail_on="time").blocks_per_set == upgrade.BLOCKS_PER_SET > 1


@pytest.mark.parametrize(
    ("candidate", "checked"),
    [
        (asking(transformers="4.57.6"), ["hf-trainer"]),
        (asking(transformers="4.57.6", numpy="1.26.4"), ["hf-trainer"]),
        (asking(accelerate="1.1.0"), ["hf-trainer", "accelerate"]),
        (asking(pytorch_lightning="2.1.0", accelerate="1.1.0"), ["hf-trainer", "lightning", "accelerate", "fabric"]),
        (asking(pytorch_lightning=None), ["lightning", "fabric"]),
        (asking(numpy="1.26.4"), list(runners.REGISTRY)),
        (CURRENT, list(runners.REGISTRY)),
    ],
)
def test_the_loops_that_a_changed_package_touches_are_checked_and_all_where_it_touches_none(candidate, checked):
    assert settings(CURRENT, candidate).runners == checked


@pytest.mark.parametrize(
    ("workload", "checked"),
    [("mlp,cnn", ["hf-trainer"]), ("mlp,causal-lm", list(runners.REGISTRY)), ("encoder", list(runners.REGISTRY))],
)
def test_a_package_that_a_workload_needs_touches_every_loop(workload, checked):
    assert settings(CURRENT, asking(transformers="4.57.6"), workload=workload).runners == checked


def test_a_named_loop_is_checked_and_nothing_else():
    assert settings(runner="lightning,floor").runners == ["lightning", "floor"]
    assert settings(runner="floor,pytorch").runners == ["floor", "pytorch"]
    (own,) = settings(runner="tests/loops/other_lr.py").runners
    assert own.startswith("/")
    assert own.endswith("tests/loops/other_lr.py")


def test_what_only_another_loop_would_refuse_is_not_refused():
    # Lightning cannot clip for a fused optimizer under mixed precision, but it is not touched here.
    check = settings(optimizer="adamw-fused", precision="bf16", grad_clip="1")
    assert check.runners == ["hf-trainer"]


@pytest.mark.parametrize(
    ("fail_on", "only", "groups"),
    [
        (None, None, ["time", "memory"]),
        (None, "counters", ["memory", "counters"]),
        (None, "time", ["time", "memory"]),
        (None, "time,phases", ["time", "memory"]),
        ("counters, time", None, ["time", "counters"]),
        ("memory", "counters", ["memory"]),
        ("start,memory", "time", ["memory", "start"]),
        ("time,memory,start,counters", None, ["time", "memory", "start", "counters"]),
    ],
)
def test_what_a_check_fails_on(fail_on, only, groups):
    assert settings(fail_on=fail_on, only=only).fail_on == groups


def test_only_counters_times_nothing_and_phases_are_looked_at_where_they_are_asked_for():
    assert settings(only="counters").passes == ["equivalence", "counting"]
    assert settings(only="phases,counters").passes == ["equivalence", "counting", "phases"]
    assert "phases" not in settings().passes


@pytest.mark.parametrize(("text", "margin"), [("5%", 0.05), ("0.5 %", 0.005)])
def test_a_margin_is_a_percentage(text, margin):
    assert settings(margin=text).margin == pytest.approx(margin)


WRONG = [
    ({"margin": "0.03"}, "--margin '0.03' is not a percentage between 0 and 100; write it as 2%."),
    ({"margin": "0%"}, "--margin '0%' is not a percentage between 0 and 100; write it as 2%."),
    ({"margin": "-1%"}, "--margin '-1%' is not a percentage between 0 and 100; write it as 2%."),
    (
        {"fail_on": "tiem"},
        "--fail-on 'tiem' is not one of time, memory, start, counters; did you mean time?",
    ),
    ({"fail_on": ""}, "--fail-on '' has an empty value; separate the values by single commas."),
    ({"fail_on": "time,time"}, "--fail-on names time more than once; name each value once."),
    (
        {"fail_on": "time,start", "only": "counters"},
        "--fail-on time,start is not measured by --only counters; leave one of the two out.",
    ),
    (
        {"fail_on": "memory,counters", "only": "time"},
        "--fail-on counters is not measured by --only time; leave one of the two out.",
    ),
    ({"only": "phases"}, "--only phases judges nothing: a check needs counters or time."),
    ({"only": "counter"}, "--only 'counter' is not one of counters, phases, time; did you mean counters?"),
    ({"blocks": 41}, "--blocks 41 is more than 40, after which a check looks no more; ask for less."),
    ({"blocks": 0}, "--blocks 0 must be at least 1."),
    ({"batch_size": "many"}, "--batch-size 'many' is not a whole number."),
    (
        {"runner": "hf-trianer"},
        "--runner 'hf-trianer' is not one of pytorch, hf-trainer, lightning, accelerate, fabric, floor, ignite, "
        "skorch, pytorch-accelerated or a path "
        "to your own .py file or package.module:train; did you mean hf-trainer?",
    ),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG)
def test_what_cannot_be_had_is_refused_in_one_sentence_before_an_environment_is_built(arguments, sentence):
    texts = {name: arguments.get(name) for name in ("margin", "fail_on")}
    flags = Flags(**{name: value for name, value in arguments.items() if name not in texts})
    with pytest.raises(UsageError) as caught:
        upgrade.refuse_wrong(flags, MACHINE, **texts)
    assert str(caught.value) == sentence
    with pytest.raises(UsageError) as caught:
        settings(**arguments)
    assert str(caught.value) == sentence


def test_a_device_that_is_not_there_is_refused_before_an_environment_is_built():
    with pytest.raises(DeviceError, match="--device cuda: torch sees no cuda device here"):
        upgrade.refuse_wrong(Flags(device="cuda"), MACHINE, margin=None, fail_on=None)
    upgrade.refuse_wrong(Flags(device="cpu"), MACHINE, margin="2%", fail_on="start")


def test_every_package_that_differs_is_told_with_both_versions():
    other = asking(transformers="4.57.6", pytorch_lightning=None, requests="2.34.2")
    assert upgrade.changed(CURRENT, other) == {
        "pytorch-lightning": ("2.6.6", None),
        "requests": (None, "2.34.2"),
        "transformers": ("5.23.0", "4.57.6"),
    }
    assert upgrade.changed(CURRENT, CURRENT) == {}


@pytest.mark.parametrize(
    ("baseline", "candidate", "labels"),
    [
        ([], ["x==2"], ("current", "x==2")),
        (["x==1", "y==1"], ["x==1", "y==2"], ("y==1", "y==2")),
        (["x==1"], ["x==1", "y==2"], ("x==1", "x==1 y==2")),
        (["x==1"], ["x==1"], ("x==1", "x==1")),
        ([], [], ("current", "current")),
        (["a==1", "b==2", "c==3", "d==4", "e==5"], ["a==2"], ("a==1 b==2 c==3 and 2 more", "a==2")),
    ],
)
def test_two_environments_are_called_by_what_was_not_asked_of_both(baseline, candidate, labels):
    assert upgrade.labels(asking(*baseline), asking(*candidate)) == labels
