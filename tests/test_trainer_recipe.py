"""Every snippet of docs/trainer-recipe.md is run, and does what the page says of it."""

import re
import subprocess
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parent.parent / "docs" / "trainer-recipe.md"
SNIPPET = re.compile(r"(?:<!-- (?:raises (\w+): ([^\n]+)|(asserts)) -->\n)?```python\n(.*?)```", re.DOTALL)
(_, _, _, SETUP), *SNIPPETS = SNIPPET.findall(PAGE.read_text())
FAILING = [(error, words, code) for error, words, _, code in SNIPPETS if error]
ASSERTING = [code for _, _, asserts, code in SNIPPETS if asserts]
WORKING = [code for error, _, asserts, code in SNIPPETS if not (error or asserts)]


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def run(*snippets, **changes):
    """The trainer of the last of some snippets, which has trained; `changes` are other arguments for it."""
    names = {"__name__": "recipe"}
    exec(SETUP, names)
    original = names["arguments"]
    names["arguments"] = lambda **given: original(**given | {"use_cpu": True} | changes)
    for code in snippets:
        exec(code, names)
    return names.get("trainer")


def weights(trainer):
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def test_the_page_has_three_scripts_that_fail_three_that_work_and_five_that_say_what_holds():
    assert (len(FAILING), len(WORKING), len(ASSERTING)) == (3, 3, 5)


@pytest.mark.parametrize("code", ASSERTING)
def test_what_the_page_says_holds(code):
    assert "assert " in code
    run(WORKING[0], code)


@pytest.mark.parametrize(("error", "words", "code"), FAILING)
def test_a_script_fails_as_the_page_says(error, words, code):
    with pytest.raises(Exception, match=re.escape(words)) as raised:
        run(code)
    assert type(raised.value).__name__ == error


@pytest.mark.parametrize("code", WORKING)
def test_a_script_trains_and_computes_the_same_loss_as_the_others(code):
    trainer = run(code)
    assert trainer.state.global_step == 6
    assert torch.equal(weights(trainer), weights(run(WORKING[0])))


@pytest.mark.parametrize("code", WORKING)
def test_micro_batches_train_what_a_whole_batch_does(code):
    whole = run(code, per_device_train_batch_size=8)
    halves = run(code, per_device_train_batch_size=4, gradient_accumulation_steps=2)
    torch.testing.assert_close(weights(halves), weights(whole), rtol=1e-3, atol=1e-5)


@pytest.mark.network
def test_the_first_script_fails_in_the_same_way_on_4_34_1(tmp_path, monkeypatch):
    from bench.errors import IndexUnreachableError
    from bench.execute.environments import cache
    from bench.execute.environments.compatibility import extra_pins
    from bench.execute.shell import variables

    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    try:
        old = cache.obtain(" ".join(["transformers==4.34.1", *extra_pins("transformers", "4.34.1")]))
    except IndexUnreachableError as error:
        pytest.skip(str(error))
    error, words, code = FAILING[0]
    script = tmp_path / "first.py"
    script.write_text(f"import transformers\nassert transformers.__version__ == '4.34.1'\n{SETUP}\n{code}")
    done = subprocess.run(
        [old.python, script], capture_output=True, text=True, check=False, env=variables(old.python), cwd=tmp_path
    )
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == f"{error}: {words}", done.stderr
