"""Known cost changes of real releases, which a check must find without being told where to look.

Each control is a pair of neighbouring releases, or of loops, and the exact figure that must move; nothing but the
default is asked for, apart from counters alone, which need no quiet machine. Read from the tagged sources and the
threads named. A control that takes releases from the package index is skipped where that does not answer.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import verbs

BATCH_SIZE = 8
BATCH_BYTES = BATCH_SIZE * (64 * 4 + 8)
"""Points of 64 float32 features, and an int64 label each."""
COUNTED = ["--only", "counters", "--device", "cpu"]
BATCHES = ["--batch-size", str(BATCH_SIZE)]
TRAINER = f"{verbs.ROOT}/examples/scripts/trainer_clm.py -- --output_dir out --max_steps 60 --report_to none --use_cpu"
ACCUMULATING = f"{TRAINER} --per_device_train_batch_size 2 --gradient_accumulation_steps 4"
ACCELERATE = f"{verbs.ROOT}/examples/scripts/accelerate_clm.py -- --repeats 1 --block_size 32 --max_train_steps 80"
SHORT_EPOCHS = f"{ACCELERATE} --per_device_train_batch_size 64"
"""Eight steps an epoch, so that the proof's first steps see three of them."""
POSITIONS, BLOCK_SIZE = 1024, 64
"""That a Llama can have, and of them those that it is given."""

pytestmark = pytest.mark.slow


def bench(verb: str, *arguments: str, cwd: Path, **environment: str) -> SimpleNamespace:
    """Run a verb: its exit code, what the terminal got, and the summary in its run folder."""
    # Real releases may bring other packages, which no process may have imported before.
    done = verbs.process(verb, *COUNTED, *arguments, cwd=cwd, PYTHONPATH=verbs.SOURCES, **environment)
    if done.err.startswith("error: The package index does not answer"):
        pytest.skip(done.err)
    folders = [path.parent for path in (cwd / "results").glob("*/summary.json")]
    assert len(folders) == 1, done.err
    summary = json.loads((folders[0] / "summary.json").read_text())
    return SimpleNamespace(code=done.code, told=done.out, **summary)


def by_function(found: SimpleNamespace, counter: str, **where: str) -> dict[str, int]:
    """What each function has more of a counter, in the cell of one environment or runner."""
    rows = (row for row in found.attribution if row["counter"] == counter and where.items() <= row["cell"].items())
    return {f"{row['file']}: {row['function']}": row["delta"] for row in rows}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Environments are built once for all controls."""
    return str(tmp_path_factory.mktemp("cache"))


def upgrade(baseline: str, candidate: str, *arguments: str, cache: str, cwd: Path) -> SimpleNamespace:
    sides = ["--baseline", f"transformers=={baseline}", "--candidate", f"transformers=={candidate}"]
    found = bench("upgrade", *sides, *BATCHES, *arguments, cwd=cwd, LOOPTAX_CACHE=cache)
    assert {cell["runner"] for cell in found.cells} == {"hf-trainer"}  # chosen by what differs
    assert {cell["equivalence"]["verdict"] for cell in found.cells} == {"baseline", "bitwise"}
    assert [cell["counters"]["not_repeated"] for cell in found.cells] == [[]] * 3
    found.verdicts = {verdict["metric"]: verdict for verdict in found.verdicts}
    return found


def change(found: SimpleNamespace, metric: str) -> tuple[str, float]:
    each = found.verdicts[metric]
    return each["verdict"], each["candidate"] - each["baseline"]


@pytest.mark.network
def test_transformers_4_47_reads_a_value_back_in_every_step(cache, tmp_path):
    # `num_items_in_batch.item()`, huggingface/transformers#36861.
    found = upgrade("4.46.3", "4.47.1", cache=cache, cwd=tmp_path)
    assert found.code == 1
    assert change(found, "syncs") == ("regressed", 1)
    assert by_function(found, "syncs", environment="candidate") == {
        "transformers/trainer.py: Trainer.get_batch_samples": 1
    }
    assert "1 extra value read back to the host per step: in transformers/trainer.py" in found.told


@pytest.mark.network
def test_transformers_4_50_no_longer_does(cache, tmp_path):
    found = upgrade("4.49.0", "4.50.3", cache=cache, cwd=tmp_path)
    assert change(found, "syncs") == ("improved", -1)
    assert by_function(found, "syncs", environment="candidate") == {
        "transformers/trainer.py: Trainer.get_batch_samples": -1
    }
    assert "syncs 7 → 6" in found.told


@pytest.mark.network
def test_transformers_4_46_holds_all_micro_batches_of_a_step_at_once(cache, tmp_path):
    found = upgrade("4.45.2", "4.46.3", "--grad-accumulation", "4", cache=cache, cwd=tmp_path)
    assert found.code == 1
    # Of four micro-batches one was there before, and beside it the one that Accelerate looks ahead to, as it still is.
    assert change(found, "tensor_bytes") == ("regressed", 3 * BATCH_BYTES)
    assert by_function(found, "tensor_bytes", environment="candidate") == {
        "torch/utils/data/_utils/collate.py: collate_tensor_fn": 3 * BATCH_BYTES
    }


def upgrade_of_script(baseline: str, candidate: str, script: str, *, cache: str, cwd: Path) -> SimpleNamespace:
    """Check a script: `proof` is how the candidate's arithmetic was proven, `functions` those that moved."""
    sides = ["--baseline", baseline, "--candidate", candidate]
    found = bench("upgrade", *sides, "--script", script, cwd=cwd, LOOPTAX_CACHE=cache)
    (found.proof,) = (cell["equivalence"] for cell in found.cells if cell["environment"] == "candidate")
    found.verdicts = {verdict["metric"]: verdict for verdict in found.verdicts}
    return found


@pytest.mark.network
def test_transformers_4_46_asks_every_micro_batch_of_a_script_for_its_tokens(cache, tmp_path):
    # Llama's blocks are full, so that their sum over all tokens is the mean of means: it trains as before.
    found = upgrade_of_script("transformers==4.45.2", "transformers==4.46.0", ACCUMULATING, cache=cache, cwd=tmp_path)
    assert (found.code, found.proof["verdict"]) == (1, "bitwise")
    assert change(found, "syncs") == ("regressed", 4)
    (function,) = by_function(found, "syncs", environment="candidate")
    assert function.startswith("transformers/trainer.py: Trainer.get_batch_samples")  # until Python 3.12 in its list


@pytest.mark.network
def test_transformers_4_46_0_does_not_divide_the_loss_of_a_model_that_takes_no_number_of_tokens(cache, tmp_path):
    # huggingface/transformers#34263.
    script = f"{ACCUMULATING} --model_type gpt2"
    found = upgrade_of_script("transformers==4.45.2", "transformers==4.46.0", script, cache=cache, cwd=tmp_path)
    assert (found.code, found.proof["verdict"], found.proof["first_step"]) == (
        1,
        "different",
        1,
    )  # counts regressed, too
    assert found.proof["reasons"][0].startswith("loss scaling: 4 times as large in candidate")
    assert found.proof["reasons"][0].endswith("one of the two does not divide by its 4 micro-batches")


def square_mask(baseline: str, candidate: str, *, cache: str, cwd: Path) -> tuple[SimpleNamespace, list[int]]:
    """Bytes of the buffer, and of the mask that is made of it, that the candidate has more of."""
    sides = [f"transformers=={version} accelerate==0.27.2" for version in (baseline, candidate)]
    script = f"{TRAINER} --max_position_embeddings {POSITIONS} --repeats 2"
    found = upgrade_of_script(*sides, script, cache=cache, cwd=cwd)
    own = by_function(found, "tensor_bytes", environment="candidate")
    llama = "transformers/models/llama/modeling_llama.py: LlamaModel"
    return found, [own[f"{llama}.{name}"] for name in ("__init__", "_update_causal_mask")]


@pytest.mark.network
def test_transformers_4_38_masks_every_position_that_a_llama_can_have(cache, tmp_path):
    # A square buffer, and twice a step a copy for each sample, however short: huggingface/transformers#29484.
    found, extra = square_mask("4.37.2", "4.38.2", cache=cache, cwd=tmp_path)
    assert change(found, "tensor_bytes")[0] == "regressed"
    assert extra == [POSITIONS**2, 2 * BATCH_SIZE * 4 * POSITIONS**2]
    assert "extra tensor bytes at a step's peak" in found.told


@pytest.mark.network
def test_transformers_4_39_masks_what_is_there(cache, tmp_path):
    # huggingface/transformers#29753; a block's own mask stays.
    found, extra = square_mask("4.38.2", "4.39.3", cache=cache, cwd=tmp_path)
    assert (change(found, "tensor_bytes")[0], found.proof["verdict"]) == ("improved", "bitwise")
    assert extra == [-(POSITIONS**2), BATCH_SIZE * 4 * BLOCK_SIZE**2 - 2 * BATCH_SIZE * 4 * POSITIONS**2]


@pytest.mark.network
def test_accelerate_0_24_leaves_the_order_of_a_single_process_as_it_was(cache, tmp_path):
    # Its own sampler comes in where there are several processes, huggingface/accelerate#2157.
    found = upgrade_of_script("accelerate==0.23.0", "accelerate==0.24.1", SHORT_EPOCHS, cache=cache, cwd=tmp_path)
    assert (found.code, found.proof["verdict"]) == (0, "bitwise")
    assert "every count is what it was" in found.told


@pytest.mark.network
def test_accelerate_0_25_has_an_order_of_its_own_in_a_single_process_too(cache, tmp_path):
    found = upgrade_of_script("accelerate==0.23.0", "accelerate==0.25.0", SHORT_EPOCHS, cache=cache, cwd=tmp_path)
    assert (found.code, found.proof["verdict"], found.proof["first_step"]) == (
        1,
        "different",
        1,
    )  # counts regressed, too
    assert found.proof["reasons"][0].startswith("order of samples differs from batch 1 on: [")
    assert "repeats" not in found.proof["reasons"][0]


@pytest.mark.network
def test_transformers_4_53_1_makes_a_whole_mask_where_none_was_given(cache, tmp_path):
    # It looks for packed sequences, huggingface/transformers#41856.
    sides = ["--baseline", "transformers==4.53.0", "--candidate", "transformers==4.53.1"]
    where = ["--runner", "pytorch", "--workload", "causal-lm", *BATCHES]
    found = bench("upgrade", *sides, *where, cwd=tmp_path, LOOPTAX_CACHE=cache)
    found.verdicts = {verdict["metric"]: verdict for verdict in found.verdicts}
    assert [change(found, metric)[0] for metric in ("python_calls", "c_calls", "ops")] == ["regressed"] * 3
    own = by_function(found, "ops", environment="candidate")
    assert own["transformers/masking_utils.py: find_packed_sequence_indices"] == 8


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Accelerate and Lightning as they are installed, counted beside the hand-written loop."""
    found = bench("run", "--runner", "accelerate,lightning", *BATCHES, cwd=tmp_path_factory.mktemp("loops"))
    assert found.code == 0, found.told
    return found


def test_accelerate_keeps_one_more_batch_alive(loops):
    pytorch, accelerate, _ = loops.cells
    assert accelerate["tensor_bytes"] - pytorch["tensor_bytes"] == BATCH_BYTES
    assert by_function(loops, "tensor_bytes", runner="accelerate") == {
        "torch/utils/data/_utils/collate.py: collate_tensor_fn": BATCH_BYTES
    }


def test_lightning_divides_the_loss_by_one_and_clones_it(loops):
    own = by_function(loops, "ops", runner="lightning")
    closure = "pytorch_lightning/loops/optimization/automatic.py: ClosureResult"
    assert own[f"{closure}.from_training_step_output"] == 1  # the division
    assert own[f"{closure}._clone_loss"] == 2  # detach and clone
