"""What a user brings that cannot be a runner or a workload is refused with its line, before anything is measured."""

import hashlib

import pytest

from bench.errors import UsageError
from bench.plan import cells, runner_files, upgrade
from tests import factories
from trainloops import runners


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def train(job, parts)\n    pass\n", "line 1 is no Python: expected ':'."),
        ("x = 1\n  y = 2\n", "line 2 is no Python: unexpected indent."),
        ("x = 1\n", "has no train(job, parts): define one at its top level."),
        ("def training(job, parts): ...\n", "has no train(job, parts): define one at its top level."),
        ("class Loop:\n    def train(self, job): ...\n", "has no train(job, parts): define one at its top level."),
        ("\n\ndef train(job):\n    pass\n", "line 3: train(job) cannot be called as train(job, parts)."),
        ("def train(): ...\n", "line 1: train() cannot be called as train(job, parts)."),
        ("def train(job, parts, extra): ...\n", "train(job, parts, extra) cannot be called as train(job, parts)."),
        ("def train(job, *, parts): ...\n", "train(job, *, parts) cannot be called as train(job, parts)."),
        ("async def train(job, parts): ...\n", "line 1: train is async, so that calling it trains nothing"),
        ("def train(job, parts): ...\ndef train(job): ...\n", "line 2: train(job) cannot"),
        ("\0", "is no Python: source code string cannot contain null bytes"),
        ("# coding: nonsense\n", "is no Python: unknown encoding: nonsense"),
    ],
)
def test_what_cannot_be_a_runner_is_refused_with_its_line(text, sentence, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        cells.runner_names(f"floor,{file}")
    assert str(refused.value).startswith(f"--runner {file}")
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "def train(job, parts): ...",
        "def train(job, parts, verbose=False): ...",
        "def train(*arguments): ...",
        "from elsewhere import train",
        "from elsewhere import loop as train",
        "from elsewhere import *",
        "import functools\ntrain = functools.partial(print, 1)",
        "train: object = print",
        "class train:\n    def __init__(self, job, parts): ...",
        "try:\n    import a\nexcept ImportError:\n    def train(job, parts): ...",
        "if True:\n    def train(job, parts): ...\nelse:\n    x = 1",
        "import functools\n@functools.cache\ndef train(one): ...",
    ],
)
def test_whatever_may_be_a_train_is_tried(text, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(text)
    assert cells.runner_names(str(file)) == ["pytorch", str(file)]


@pytest.mark.parametrize(
    "settings",
    [{"runners": ["pytorch", "HERE/gone.py"]}, {"comparisons": [factories.comparison(workload="HERE/gone.py:tiny")]}],
)
def test_a_file_that_is_gone_is_refused_by_who_would_repeat_its_run(settings, tmp_path):
    stored = factories.run(**settings).settings
    stored = type(stored).model_validate_json(stored.model_dump_json().replace("HERE", str(tmp_path)))
    with pytest.raises(UsageError, match=r"--like a: .*gone.py: there is no such file"):
        runner_files.refuse_unusable(stored, flag="--like a:")


def test_a_runner_that_is_no_longer_installed_is_refused_by_who_would_repeat_its_run():
    stored = factories.run(runners=["pytorch", "once-installed"]).settings
    with pytest.raises(UsageError) as refused:
        runner_files.refuse_unusable(stored, flag="--like a:")
    sentence = "--like a: once-installed is neither built in nor brought by a package that is installed here."
    assert str(refused.value) == sentence


# Workloads.


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("def tiny()\n    pass\n", "line 1 is no Python: expected ':'."),
        ("def small(): ...\n", "has no tiny(): define one at its top level."),
        ("\ndef tiny(length, seed): ...\n", "line 2: tiny(length, seed) cannot be called as tiny()."),
        ("async def tiny(): ...\n", "line 1: tiny is async, so that calling it makes no workload; make it a plain"),
    ],
)
def test_what_cannot_make_a_workload_is_refused_with_its_line(text, sentence, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(text)
    with pytest.raises(UsageError) as refused:
        cells.workload_names(f"mlp,{file}:tiny")
    assert str(refused.value).startswith(f"--workload {file}")
    assert sentence in str(refused.value)


def test_a_workload_is_called_as_it_was_given_and_without_a_name_it_is_the_usual_one(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text("def workload(size=3): ...\nclass Nets:\n    tiny = print\n")
    monkeypatch.chdir(tmp_path)
    for given in ("own.py", "./own.py:workload", "own.py:Nets.tiny"):
        assert cells.workload_names(f"{given},cnn") == [given, "cnn"]
    with pytest.raises(UsageError, match=r"--workload names .*own.py:workload more than once"):
        cells.workload_names("own.py:workload,./own.py:workload")


def test_a_workload_that_is_none_is_one_sentence_with_the_nearest_name():
    with pytest.raises(UsageError) as refused:
        cells.workload_names("causal_lm")
    assert str(refused.value) == (
        "--workload 'causal_lm' is not one of mlp, mlp-wide, cnn, encoder, causal-lm or a path to your own .py file or "
        "package.module:workload; did you mean causal-lm?"
    )


# Modules, and runners that packages bring.


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """An installed package that brings runners; importing it is an error."""
    package = tmp_path / "shipping"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported too early')\n")
    (package / "loop.py").write_text("def train(job, parts): ...\ndef other(job): ...\n")
    info = tmp_path / "Shipping_Loops-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Shipping_Loops\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[trainloops.runners]\nshipped = shipping.loop\nother = shipping.loop:other\npytorch = shipping.loop\n"
        "gone = shipping.gone:train\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return package


def test_a_module_and_a_runner_that_a_package_brings_are_looked_at_without_being_imported(shipped):
    assert cells.runner_names("shipping.loop:train,shipped") == ["pytorch", "shipping.loop:train", "shipped"]
    assert runners.entry("pytorch") == runners.REGISTRY["pytorch"]
    assert upgrade.affected_runners({"shipping-loops"}) == ["shipped", "other", "gone"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "shiped",
            "accelerate, fabric, floor, ignite, skorch, pytorch-accelerated, shipped, other, "
            "gone or a path to your own .py file or ",
        ),
        ("shiped", "; did you mean shipped?"),
        ("other", "--runner other: {}/loop.py line 2: other(job) cannot be called as other(job, parts)."),
        (
            "gone",
            "--runner gone needs a module shipping.gone, which cannot be found here; install it, or check its name.",
        ),
        (
            "shipping.loop:fit",
            "--runner shipping.loop:fit: {}/loop.py has no fit(job, parts): define one at its top level.",
        ),
        (
            "shipping.no.loop:fit",
            "--runner shipping.no.loop:fit needs a module shipping.no.loop, which cannot be found",
        ),
        ("json.decoder.x:fit", "needs a module json.decoder.x, which cannot be found here"),
        (":fit", "--runner :fit needs a module before its colon"),
    ],
)
def test_what_a_module_or_a_package_lacks_is_one_sentence(name, sentence, shipped):
    with pytest.raises(UsageError) as refused:
        cells.runner_names(name)
    assert sentence.format(shipped) in str(refused.value)


def test_the_files_of_a_users_own_have_digests_and_nothing_else_has(shipped, tmp_path):
    file = tmp_path / "own.py"
    file.write_bytes(b"x = 1\n")
    comparisons = [factories.comparison(workload=name) for name in ("mlp", f"{file}:tiny", "no_such.module:tiny")]
    stored = factories.run(runners=["pytorch", "shipped", "shipping.loop:train"], comparisons=comparisons).settings
    assert runner_files.digests(stored) == {
        "shipping.loop:train": hashlib.sha256((shipped / "loop.py").read_bytes()).hexdigest(),
        f"{file}:tiny": hashlib.sha256(b"x = 1\n").hexdigest(),
    }
