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
    done = verbs.process(verb, *COUNTED, *arguments, cwd=cwd, **verbs.RELEASES, **environment)
    if done.err.startswith("error: The package index does not answer"):
        pytest.skip(done.err)
    folders = [path.parent for path in (cwd / "results").glob("*/summary.json")]
    assert len(folders) == 1, done.err
    summary = json.loads((folders[0] / "summary.json").read_text())
    return SimpleNamespace(code=done.code, printed=done.out, **summary)


def by_function(check: SimpleNamespace, counter: str, **where: str) -> dict[str, int]:
    """What each function has more of a counter, in the cell of one environment or runner."""
    rows = (row for row in check.attribution if row["counter"] == counter and where.items() <= row["cell"].items())
    return {f"{row['file']}: {row['function']}": row["delta"] for row in rows}


def upgrade(baseline: str, candidate: str, *arguments: str, cache: str, cwd: Path) -> SimpleNamespace:
    sides = ["--baseline", f"transformers=={baseline}", "--candidate", f"transformers=={candidate}"]
    check = bench("upgrade", *sides, *BATCHES, *arguments, cwd=cwd, LOOPTAX_CACHE=cache)
    assert {cell["runner"] for cell in check.cells} == {"hf-trainer"}  # chosen by what differs
    assert {cell["equivalence"]["verdict"] for cell in check.cells} == {"baseline", "bitwise"}
    assert [cell["counters"]["not_repeated"] for cell in check.cells] == [[]] * 3
    check.verdicts = {verdict["metric"]: verdict for verdict in check.verdicts}
    return check


def change(check: SimpleNamespace, metric: str) -> tuple[str, float]:
    each = check.verdicts[metric]
    return each["verdict"], each["candidate"] - each["baseline"]


@pytest.mark.network
def test_transformers_4_47_reads_a_value_back_in_every_step(shared_cache, tmp_path):
    # `num_items_in_batch.item()`, huggingface/transformers#36861.
    check = upgrade("4.46.3", "4.47.1", cache=shared_cache, cwd=tmp_path)
    assert check.code == 1
    assert change(check, "syncs") == ("regressed", 1)
    assert by_function(check, "syncs", environment="candidate") == {
        "transformers/trainer.py: Trainer.get_batch_samples": 1
    }
    assert "1 extra value read back to the host per step: in transformers/trainer.py" in check.printed


@pytest.mark.network
def test_transformers_4_50_no_longer_does(shared_cache, tmp_path):
    check = upgrade("4.49.0", "4.50.3", cache=shared_cache, cwd=tmp_path)
    assert change(check, "syncs") == ("improved", -1)
    assert by_function(check, "syncs", environment="candidate") == {
        "transformers/trainer.py: Trainer.get_batch_samples": -1
    }
    assert "syncs 7 → 6" in check.printed


@pytest.mark.network
def test_transformers_4_46_holds_all_micro_batches_of_a_step_at_once(shared_cache, tmp_path):
    check = upgrade("4.45.2", "4.46.3", "--grad-accumulation", "4", cache=shared_cache, cwd=tmp_path)
    assert check.code == 1
    # Of four micro-batches one was there before, and beside it the one that Accelerate looks ahead to, as it still is.
    assert change(check, "tensor_bytes") == ("regressed", 3 * BATCH_BYTES)
    assert by_function(check, "tensor_bytes", environment="candidate") == {
        "torch/utils/data/_utils/collate.py: collate_tensor_fn": 3 * BATCH_BYTES
    }


def upgrade_of_script(baseline: str, candidate: str, script: str, *, cache: str, cwd: Path) -> SimpleNamespace:
    """Check a script: `proof` is how the candidate's arithmetic was proven, `functions` those that moved."""
    sides = ["--baseline", baseline, "--candidate", candidate]
    check = bench("upgrade", *sides, "--script", script, cwd=cwd, LOOPTAX_CACHE=cache)
    (check.proof,) = (cell["equivalence"] for cell in check.cells if cell["environment"] == "candidate")
    check.verdicts = {verdict["metric"]: verdict for verdict in check.verdicts}
    return check


@pytest.mark.network
def test_transformers_4_46_asks_every_micro_batch_of_a_script_for_its_tokens(shared_cache, tmp_path):
    # Llama's blocks are full, so that their sum over all tokens is the mean of means: it trains as before.
    check = upgrade_of_script(
        "transformers==4.45.2", "transformers==4.46.0", ACCUMULATING, cache=shared_cache, cwd=tmp_path
    )
    assert (check.code, check.proof["verdict"]) == (1, "bitwise")
    assert change(check, "syncs") == ("regressed", 4)
    (function,) = by_function(check, "syncs", environment="candidate")
    assert function.startswith("transformers/trainer.py: Trainer.get_batch_samples")  # until Python 3.12 in its list


@pytest.mark.network
def test_transformers_4_46_0_does_not_divide_the_loss_of_a_model_that_takes_no_number_of_tokens(shared_cache, tmp_path):
    # huggingface/transformers#34263.
    script = f"{ACCUMULATING} --model_type gpt2"
    check = upgrade_of_script("transformers==4.45.2", "transformers==4.46.0", script, cache=shared_cache, cwd=tmp_path)
    assert (check.code, check.proof["verdict"], check.proof["first_step"]) == (
        1,
        "different",
        1,
    )  # counts regressed, too
    assert check.proof["reasons"][0].startswith("loss scaling: 4 times as large in candidate")
    assert check.proof["reasons"][0].endswith("one of the two does not divide by its 4 micro-batches")


def square_mask(baseline: str, candidate: str, *, cache: str, cwd: Path) -> tuple[SimpleNamespace, list[int]]:
    """Bytes of the buffer, and of the mask that is made of it, that the candidate has more of."""
    sides = [f"transformers=={version} accelerate==0.27.2" for version in (baseline, candidate)]
    script = f"{TRAINER} --max_position_embeddings {POSITIONS} --repeats 2"
    check = upgrade_of_script(*sides, script, cache=cache, cwd=cwd)
    own = by_function(check, "tensor_bytes", environment="candidate")
    llama = "transformers/models/llama/modeling_llama.py: LlamaModel"
    return check, [own[f"{llama}.{name}"] for name in ("__init__", "_update_causal_mask")]


@pytest.mark.network
def test_transformers_4_38_masks_every_position_that_a_llama_can_have(shared_cache, tmp_path):
    # A square buffer, and twice a step a copy for each sample, however short: huggingface/transformers#29484.
    check, extra = square_mask("4.37.2", "4.38.2", cache=shared_cache, cwd=tmp_path)
    assert change(check, "tensor_bytes")[0] == "regressed"
    assert extra == [POSITIONS**2, 2 * BATCH_SIZE * 4 * POSITIONS**2]
    assert "extra tensor bytes at a step's peak" in check.printed


@pytest.mark.network
def test_transformers_4_39_masks_what_is_there(shared_cache, tmp_path):
    # huggingface/transformers#29753; a block's own mask stays.
    check, extra = square_mask("4.38.2", "4.39.3", cache=shared_cache, cwd=tmp_path)
    assert (change(check, "tensor_bytes")[0], check.proof["verdict"]) == ("improved", "bitwise")
    assert extra == [-(POSITIONS**2), BATCH_SIZE * 4 * BLOCK_SIZE**2 - 2 * BATCH_SIZE * 4 * POSITIONS**2]


@pytest.mark.network
def test_accelerate_0_24_leaves_the_order_of_a_single_process_as_it_was(shared_cache, tmp_path):
    # Its own sampler comes in where there are several processes, huggingface/accelerate#2157.
    check = upgrade_of_script(
        "accelerate==0.23.0", "accelerate==0.24.1", SHORT_EPOCHS, cache=shared_cache, cwd=tmp_path
    )
    assert (check.code, check.proof["verdict"]) == (0, "bitwise")
    assert "every count is what it was" in check.printed


@pytest.mark.network
def test_accelerate_0_25_has_an_order_of_its_own_in_a_single_process_too(shared_cache, tmp_path):
    check = upgrade_of_script(
        "accelerate==0.23.0", "accelerate==0.25.0", SHORT_EPOCHS, cache=shared_cache, cwd=tmp_path
    )
    assert (check.code, check.proof["verdict"], check.proof["first_step"]) == (
        1,
        "different",
        1,
    )  # counts regressed, too
    assert check.proof["reasons"][0].startswith("order of samples differs from batch 1 on: [")
    assert "repeats" not in check.proof["reasons"][0]


@pytest.mark.network
def test_transformers_4_53_1_makes_a_whole_mask_where_none_was_given(shared_cache, tmp_path):
    # It looks for packed sequences, huggingface/transformers#41856.
    sides = ["--baseline", "transformers==4.53.0", "--candidate", "transformers==4.53.1"]
    where = ["--runner", "pytorch", "--workload", "causal-lm", *BATCHES]
    check = bench("upgrade", *sides, *where, cwd=tmp_path, LOOPTAX_CACHE=shared_cache)
    check.verdicts = {verdict["metric"]: verdict for verdict in check.verdicts}
    assert [change(check, metric)[0] for metric in ("python_calls", "c_calls", "ops")] == ["regressed"] * 3
    own = by_function(check, "ops", environment="candidate")
    assert own["transformers/masking_utils.py: find_packed_sequence_indices"] == 8


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """Accelerate and Lightning as they are installed, counted beside the hand-written loop."""
    counted = bench("run", "--runner", "accelerate,lightning", *BATCHES, cwd=tmp_path_factory.mktemp("loops"))
    assert counted.code == 0, counted.printed
    return counted


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
