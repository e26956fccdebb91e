"""A user's own file that cannot be a runner is refused with its line, before anything is measured."""

import pytest

from bench.errors import UsageError
from bench.plan import cells, runner_files


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


def test_a_file_that_is_gone_is_refused_by_who_would_repeat_its_run(tmp_path):
    with pytest.raises(UsageError, match=r"--like a: .*gone.py: there is no such file"):
        runner_files.refuse_unusable(["pytorch", str(tmp_path / "gone.py")], flag="--like a:")
