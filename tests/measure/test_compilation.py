"""A compiled model: every runner compiles the same graph, what is counted of it is true, and the rest says why not."""

import json
from statistics import median

import pytest

from bench.records.schema import Compilation, Counters
from tests import verbs
from trainloops import runners

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def seen():
    return json.loads(verbs.program("tests.measure.compile_every_runner"))


@pytest.mark.parametrize("precision", ["proofs", "proofs in bf16"])
def test_every_runner_compiles_one_graph_and_computes_the_same_bits(seen, precision):
    proofs = {name: seen[precision][name] for name in runners.REGISTRY}
    assert {name: proof["fingerprint"] for name, proof in proofs.items()} == dict.fromkeys(
        runners.REGISTRY, proofs["pytorch"]["fingerprint"]
    )
    for name, proof in proofs.items():
        compiled = Compilation.model_validate(proof["compilation"])
        assert (compiled.graphs, compiled.graph_breaks, compiled.in_turns) == (1, 0, 0), name
        assert compiled.seconds > 0


def test_in_bf16_other_bits_are_computed(seen):
    assert seen["proofs in bf16"]["pytorch"]["fingerprint"] != seen["proofs"]["pytorch"]["fingerprint"]


def test_a_loop_that_compiles_nothing_has_no_figures(seen):
    error = "the loop has compiled nothing, though its job's `compile` asks for it"
    assert seen["proofs"]["takes no notice"] == {"error": error}


def test_what_a_dispatch_mode_would_count_of_the_model_as_it_was_is_unavailable(seen):
    counters = Counters.model_validate(seen["counted"])
    assert (counters.ops, counters.syncs, counters.tensor_bytes) == (None, None, None)
    assert {name for name, why in counters.unavailable.items() if "dispatch mode" in why} == {
        "ops",
        "syncs",
        "tensor_bytes",
    }
    assert counters.python_calls.value > 0
    assert {function.ops for function in counters.functions} == {0}


def test_phases_do_not_break_the_graph(seen):
    assert seen["split"]["compilation"]["graph_breaks"] == 0
    assert all(median(ns) > 0 for ns in seen["split"]["phase_ns"].values())


def test_what_is_compiled_in_a_turn_is_told_apart(seen):
    assert (seen["compiled twice"]["graphs"], seen["compiled twice"]["in_turns"]) == (2, 1)
