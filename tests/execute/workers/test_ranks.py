"""Trials of two ranks on the CPU: all loops train the same, and a rank that fails ends its trial and nobody else's."""

import os
import socket
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from bench.execute.workers.member import Member
from bench.execute.workers.ranks import together
from bench.execute.workers.request import Request
from bench.measure import communication
from bench.measure.gate import Leader
from bench.measure.sharding import NothingShardedError, refuse_replicas
from bench.measure.ticks import OVER, READY, TURN
from bench.plan import length as lengths
from bench.plan.comparison_groups import cell
from bench.records.schema import TurnLength
from tests import verbs
from tests.execute.workers.conftest import COMPARISON
from tests.loops.slow_collective import LATE_S
from tests.verbs import HANG_S
from trainloops import runners
from trainloops.contract import Job
from trainloops.parts import build
from trainloops.sharding import layers

LOOPS = Path(__file__).parent.parent.parent / "loops"
FAULTS = {
    "one_rank_is_killed": ("killed", "rank 1 was killed by SIGKILL (often the kernel, out of host memory)"),
    "one_rank_raises": ("failed", "rank 1: ValueError: a shard of the data is not there"),
    "ranks_apart": ("failed", "rank 1 ended with other weights than rank 0"),
}
LENGTHS = {"timing": lengths.timed(), "counting": lengths.COUNTING, "phases": lengths.SHORT_PHASES}
OF_RANKS = lengths.WarmUp(min_steps=2, max_steps=2)
TWO = COMPARISON.model_copy(update={"ranks": 2})


def request(runner: str, *, phase: str = "equivalence", timeout_s: float = HANG_S, **changes: object) -> Request:
    return Request(
        phase=phase,
        cell=cell(TWO.model_copy(update=changes), runner),
        length=LENGTHS.get(phase, lengths.EQUIVALENCE),
        seed=0,
        threads=1,
        timeout_s=timeout_s,
        warm_up=OF_RANKS,
    )


def loop(name: str) -> str:
    return str(LOOPS / f"{name}.py")


FABRIC, LIGHTNING = (f"{loop('deepspeed_on_cpu')}:{name}" for name in ("fabric", "lightning"))
WITH_DEEPSPEED = ("pytorch", "hf-trainer", "accelerate", "floor", FABRIC, LIGHTNING)


@pytest.fixture(scope="module")
def pool(pool_of):
    """Interpreters that have all frameworks from the start: what they import is no figure here."""
    loops = map(loop, (*FAULTS, "one_rank_hangs", "slow_collective"))
    others = [cell(TWO.model_copy(update={"workload": workload}), "pytorch") for workload in ("cnn", "encoder")]
    with pytest.MonkeyPatch.context() as patched:
        for name, value in verbs.variables(verbs.FRAMEWORKS).items():
            patched.setenv(name, value)
        return pool_of(*runners.REGISTRY, *loops, FABRIC, LIGHTNING, cells=others)


# What they train.


@pytest.fixture(scope="module")
def replicas(pool):
    """What the loops compute under DDP, by accumulation."""
    return {
        micro: {name: pool.run(request(name, grad_accumulation=micro)).result for name in runners.REGISTRY}
        for micro in (1, 2)
    }


@pytest.mark.parametrize("accumulation", [1, 2])
def test_all_loops_train_the_same_batches_to_the_same_weights_on_two_ranks(replicas, accumulation):
    results = replicas[accumulation]
    assert {name: result.reason for name, result in results.items() if result.status != "ok"} == {}
    proof = results["pytorch"].fingerprint
    assert len(proof.losses) == lengths.EQUIVALENCE.steps * accumulation * 2
    assert {name for name, result in results.items() if result.fingerprint != proof} == set()


def test_batch_normalisation_has_other_means_on_each_rank_and_the_same_parameters(pool):
    result = pool.run(request("pytorch", workload="cnn")).result
    assert result.status == "ok", result.reason


@pytest.mark.parametrize("runner", ["pytorch", "lightning", "fabric", "floor"])
def test_a_sharded_model_ends_with_the_bits_of_a_replica(pool, replicas, runner):
    result = pool.run(request(runner, strategy="fsdp")).result
    assert result.status == "ok", result.reason
    assert result.fingerprint == replicas[1][runner].fingerprint


def test_sharded_micro_batches_are_reduced_together(pool, replicas):
    result = pool.run(request("pytorch", strategy="fsdp", grad_accumulation=2)).result
    assert result.fingerprint == replicas[2]["pytorch"].fingerprint


@pytest.mark.slow
@pytest.mark.parametrize("runner", WITH_DEEPSPEED)
def test_parts_of_the_optimizer_end_with_the_bits_of_a_whole_one(pool, replicas, runner):
    result = pool.run(request(runner, strategy="deepspeed")).result
    assert result.status == "ok", result.reason
    assert result.fingerprint == replicas[1]["pytorch"].fingerprint


@pytest.mark.slow
def test_deepspeed_accumulates_and_clips_alike_in_all_loops_that_can(pool):
    asked = {"strategy": "deepspeed", "grad_accumulation": 2, "grad_clip": 0.1}
    results = {runner: pool.run(request(runner, **asked)).result for runner in WITH_DEEPSPEED}
    cannot = "Fabric steps DeepSpeed's optimizer, and its engine alone counts micro-batches"
    assert results.pop(FABRIC).reason.endswith(cannot)
    divides_twice = results.pop(LIGHTNING)  # as its engine does, so that it clips other gradients
    proof = results.pop("pytorch").fingerprint
    assert divides_twice.fingerprint != proof
    assert {runner for runner, result in results.items() if result.fingerprint != proof} == set()


@pytest.mark.slow
@pytest.mark.parametrize("runner", ["lightning", "fabric"])
def test_where_a_framework_has_deepspeed_for_cards_alone_its_own_sentence_is_the_reason(pool, runner):
    result = pool.run(request(runner, strategy="deepspeed")).result
    assert result.status == "failed"
    assert "The DeepSpeed strategy is only supported on CUDA GPUs" in result.reason


@pytest.mark.parametrize("runner", ["accelerate", "hf-trainer"])
def test_a_loop_that_shards_nothing_has_no_figures_under_fsdp(pool, runner):
    result = pool.run(request(runner, strategy="fsdp")).result
    sentence = "it takes --strategy fsdp and shards no parameter: each rank trains the whole model"
    assert (result.status, result.reason.partition(": ")[2]) == ("unavailable", sentence)


def test_a_rank_that_updates_all_parameters_shards_nothing_and_one_that_updates_a_part_does():
    parts = build(Job(workload="mlp", batch_size=4, epochs=1, steps_per_epoch=1))
    with pytest.raises(NothingShardedError, match="it takes --strategy deepspeed and shards no parameter"):
        refuse_replicas(parts, "deepspeed")
    (group,) = parts.optimizer.param_groups
    group["params"] = group["params"][1:]
    refuse_replicas(parts, "deepspeed")


def test_what_ranks_lose_is_told_in_the_order_of_the_batches_that_they_divide():
    def of_rank(*losses: float) -> dict:
        return {"fingerprint": {"losses": list(losses), "weights_sha256": "a"}, "parameters_sha256": "b"}

    whole = together([of_rank(0.0, 2.0), of_rank(1.0, 3.0)], job())
    assert whole["fingerprint"]["losses"] == [0.0, 1.0, 2.0, 3.0]


def job(**changes: object) -> Job:
    return Job(workload="mlp", batch_size=4, epochs=1, steps_per_epoch=1, ranks=2, **changes)


def metered(*energies_j: float | None, **changes: object) -> dict:
    """What is said of the energy of two ranks that have metered so much."""
    timings = [
        {
            "startup_ns": 1,
            "memory": {"host_rss_bytes": 1, "device_allocated_bytes": None},
            "energy_j": energy_j,
            "unavailable": {} if energy_j is not None else {"energy_j": "no counter"},
        }
        for energy_j in energies_j
    ]
    return together([{"timing": timing} for timing in timings], job(**changes))["timing"]


def test_the_energy_of_ranks_is_that_of_each_card_or_of_each_nodes_processors():
    assert metered(3.0, 4.0)["energy_j"] == 3.0  # both read what all of the machine's processors use
    assert metered(3.0, 4.0, nodes=2)["energy_j"] == 7.0
    assert metered(3.0, 4.0, device="cuda")["energy_j"] == 7.0
    untold = metered(3.0, None, device="cuda")
    assert (untold["energy_j"], untold["unavailable"]) == (None, {"energy_j": "no counter"})


def test_ranks_on_cards_are_shown_one_card_each_from_the_named_one_on(monkeypatch, tmp_path):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6,7")

    def visible(**changes: object) -> dict[str, str]:
        return request("pytorch", **changes).message(tmp_path)["visible"]

    assert visible(device="cuda") == {"CUDA_VISIBLE_DEVICES": "4,6"}
    assert visible(device="cuda:1") == {"CUDA_VISIBLE_DEVICES": "6,7"}
    assert visible(device="cuda", nodes=2) == {"CUDA_VISIBLE_DEVICES": "4"}
    assert visible()["CUDA_VISIBLE_DEVICES"] == ""


def test_what_ddp_tells_the_other_ranks_is_counted_to_the_byte(pool):
    result = pool.run(request("pytorch", phase="counting")).result
    assert result.status == "ok", result.reason
    parameters = (64 * 32 + 32) + (32 * 16 + 16) + (16 * 2 + 2)
    assert result.counters.collectives == {"allreduce": 1}
    assert result.counters.collective_bytes == {"allreduce": 4 * parameters}


def test_what_fsdp_tells_the_other_ranks_is_counted_by_layer_and_each_has_half_of_what_it_trains(pool):
    result = pool.run(request("pytorch", phase="counting", workload="encoder", strategy="fsdp")).result
    assert result.status == "ok", result.reason
    trained = build(Job(workload="encoder", batch_size=4, epochs=1, steps_per_epoch=1)).model
    of_all = sum(parameter.nbytes for parameter in trained.parameters())
    of_layers = sum(parameter.nbytes for layer in layers(trained) for parameter in layer.parameters())
    # Two layers and the rest; the layers are gathered once more for the backward.
    assert result.counters.collectives == {"allgather": 5, "reduce_scatter": 3}
    assert result.counters.collective_bytes == {"allgather": of_all + of_layers, "reduce_scatter": of_all}
    assert result.counters.tensor_bytes_by_category["parameters"] == of_all // 2


@pytest.mark.slow
def test_what_deepspeed_tells_the_other_ranks_is_counted_and_each_has_half_of_the_optimizers_state(pool):
    result = pool.run(request("accelerate", phase="counting", strategy="deepspeed")).result
    assert result.status == "ok", result.reason
    trained = build(Job(workload="mlp", batch_size=4, epochs=1, steps_per_epoch=1)).model
    of_all = sum(parameter.nbytes for parameter in trained.parameters())
    counted = result.counters
    assert counted.collectives == {"allgather": 1, "allreduce": 2}
    # Parts are of one size, and filled up for it; a flag is reduced beside the gradients.
    assert counted.collective_bytes == pytest.approx({"allgather": of_all, "allreduce": of_all}, rel=0.01)
    assert counted.tensor_bytes_by_category["optimizer_state"] == pytest.approx(2 * of_all / 2, rel=0.01)


def test_a_rank_that_comes_late_shows_in_the_communication_of_those_that_wait_for_it(pool):
    result = pool.run(request(loop("slow_collective"), phase="phases")).result
    assert result.status == "ok", result.reason
    waits, comes_late = result.phases.communication
    assert len(waits.step_ns) == len(comes_late.step_ns) == communication.STEPS - communication.WARMUP_STEPS
    assert median(waits.exposed_ns) >= 1e9 * LATE_S / 2
    assert all(a >= b >= c for a, b, c in zip(waits.step_ns, waits.collective_ns, waits.exposed_ns, strict=True))
    assert any(comes_late.collective_ns)


# Their turns.


def test_a_turn_of_ranks_is_the_slowest_ones_and_each_has_a_memory_of_its_own(pool):
    member = Member.start(pool, request("pytorch", phase="timing"))
    assert isinstance(member, Member), member.result
    assert (member.warmup_steps, member.must_stop, len(member.ticks)) == (2, True, 2)
    member.take_turn(4, place=0, timeout_s=HANG_S)
    lasted_ns = [sum(ticks.steps_ns(4)) for ticks in member.ticks]
    assert sum(member.steps_ns) == max(lasted_ns) > 0
    timing = member.timing(member.end(), TurnLength(cold_steps=0, kept_steps=4))
    peaks = [memory.host_rss_bytes for memory in timing.memory_of_ranks]
    assert len(peaks) == 2
    assert timing.memory.host_rss_bytes == max(peaks)


@pytest.mark.parametrize("runner", [name for name in runners.REGISTRY if name != "pytorch"])
def test_a_loop_of_ranks_ends_when_its_turns_are_over(pool, runner):
    member = Member.start(pool, request(runner, phase="timing"))
    assert isinstance(member, Member), member.result
    outcome = member.end()
    assert (outcome.result.status, len(outcome.result.timing.memory_of_ranks)) == ("ok", 2), outcome.result
    assert nobody_left(member.running)


def test_the_gate_says_that_all_are_there_when_the_last_one_is_and_lets_all_go_on():
    with ExitStack() as opened:
        parent, ours, others, other = map(opened.enter_context, (*socket.socketpair(), *socket.socketpair()))
        parent.setblocking(False)
        _passes(Leader(ours, [others]), parent, other)


def _passes(leader, parent, other):
    other.sendall(READY.pack(5, 70, 20, False))
    with pytest.raises(BlockingIOError):
        parent.recv(1)
    leader.sendall(READY.pack(9, 60, 20, False))
    assert READY.unpack(parent.recv(READY.size)) == (9, 70, 20, True)
    parent.sendall(TURN.pack(3))
    assert leader.recv(TURN.size) == other.recv(TURN.size) == TURN.pack(3)
    other.sendall(OVER)
    leader.sendall(OVER)
    assert parent.recv(1) == OVER
    parent.close()
    assert leader.recv(TURN.size) == b""
    assert other.recv(TURN.size) == TURN.pack(0)


# Ranks that fail.


def nobody_left(running) -> bool:
    try:
        os.killpg(running.process.pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("name", FAULTS)
def test_a_rank_that_fails_ends_its_trial_with_its_reason(pool, name):
    running = pool.start(request(loop(name)))
    result = running.outcome(HANG_S).result
    assert (result.status, result.reason) == FAULTS[name]
    assert nobody_left(running)


def test_a_rank_that_hangs_is_killed_with_the_others_at_the_timeout(pool):
    running = pool.start(replace(request(loop("one_rank_hangs")), timeout_s=3.0))
    result = running.outcome(3.0).result
    assert result.status == "timeout", result
    assert nobody_left(running)
