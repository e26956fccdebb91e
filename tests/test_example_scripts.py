"""The example scripts, each measured as its user would measure it."""

import json

import pytest

from tests import verbs
from tests.verbs import ROOT

pytestmark = pytest.mark.slow
SCRIPTS = ROOT / "examples" / "scripts"
COMMANDS = (
    "gan.py",
    "gan.py -- --batchSize 16",
    "images.py -- --epochs 1",
    "accelerate_clm.py -- --num_train_epochs 1 --repeats 2",
    "accelerate_pairs.py -- --cpu",
    "globals_gpt.py -- globals_gpt_config.py --batch_size=8",
    "lightning_autoencoder.py -- fit --trainer.max_epochs 1",
    "trainer_clm.py -- --output_dir out --max_steps 60 --report_to none --use_cpu",
)


def cells(folder, *arguments):
    """What a run in `folder` without timing leaves, a cell for each script, and its exit code."""
    counted = ["--device", "cpu", "--only", "counters", "--quiet"]
    done = verbs.process("run", *counted, *arguments, cwd=folder, **verbs.FRAMEWORKS)
    summary = verbs.run_folder(folder / "results") / "summary.json"
    return json.loads(summary.read_text())["cells"], done.code


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Those that need no rule of their own, in one run."""
    scripts = [word for command in COMMANDS for word in ("--script", f"{SCRIPTS}/{command}")]
    rows, exit_code = cells(tmp_path_factory.mktemp("project"), *scripts)
    assert exit_code == 4  # they train different models
    return dict(zip(COMMANDS, rows, strict=True))


@pytest.mark.parametrize("command", COMMANDS)
def test_an_example_is_counted_as_it_is(seen, command):
    assert (seen[command]["status"], seen[command]["reason"]) == ("ok", None)
    assert seen[command]["counters"]["ops"] > 50


def test_two_examples_are_proven_alike_and_others_are_not(seen):
    proofs = [seen[command]["equivalence"]["verdict"] for command in COMMANDS]
    assert proofs[0] == "baseline"
    assert proofs[1] == "bitwise"
    assert set(proofs[2:]) == {"different"}


def test_an_example_without_an_optimizer_is_counted_by_its_function(tmp_path):
    (cell,), exit_code = cells(tmp_path, "--tick-on", "__main__:update", "--script", str(SCRIPTS / "word_lm.py"))
    assert (cell["status"], exit_code) == ("ok", 0)
    assert cell["counters"]["ops"] > 20


def test_every_example_is_one_of_these():
    measured = {command.partition(" ")[0] for command in COMMANDS} | {"word_lm.py", "globals_gpt_config.py"}
    assert {file.name for file in SCRIPTS.glob("*.py")} == measured
