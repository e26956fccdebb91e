from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from bench.analyse.cells.equivalence import judge
from tests.factories import cell, fingerprint, trial

if TYPE_CHECKING:
    from bench.records.schema import Trial

LOSSES = [0.7, 0.6931471824645996, 0.69]


def fingerprinted(runner: str, device: str = "cpu", precision: str = "fp32", **changes: object) -> Trial:
    where = cell(runner, device=device, precision=precision)
    return trial(cell=where, phase="equivalence", fingerprint=fingerprint(**changes))


def test_equal_losses_and_weights_are_bitwise() -> None:
    verdict = judge(fingerprinted("lightning"), fingerprinted("pytorch"))
    assert verdict.verdict == "bitwise"
    assert verdict.detail == "all 3 losses and the final weights equal those of pytorch to the last bit"
    assert verdict.largest_relative_difference == 0
    assert verdict.proven


def test_the_baseline_is_the_baseline() -> None:
    assert judge(fingerprinted("pytorch"), fingerprinted("pytorch")).verdict == "baseline"


def test_on_the_cpu_the_last_bit_of_one_loss_is_a_difference() -> None:
    wrong = [LOSSES[0], math.nextafter(LOSSES[1], 1), LOSSES[2]]
    verdict = judge(fingerprinted("lightning", losses=wrong), fingerprinted("pytorch"))
    assert verdict.verdict == "different"
    assert verdict.detail == "loss of micro-step 2: 0.6931471824645997 against 0.6931471824645996"
    assert verdict.largest_relative_difference == pytest.approx(1.6e-16, rel=0.01)
    assert not verdict.proven


def test_a_skipped_step_is_named_by_the_number_of_losses() -> None:
    verdict = judge(fingerprinted("lightning", losses=LOSSES[:2]), fingerprinted("pytorch"))
    assert (verdict.verdict, verdict.detail) == ("different", "number of losses 2 against 3")
    assert verdict.largest_relative_difference is None


def test_weights_count_where_all_losses_are_equal() -> None:
    other = {"weights_sha256": "b2" * 32, "parameter_norms": [4.5, 0.2]}
    verdict = judge(fingerprinted("lightning", **other), fingerprinted("pytorch"))
    assert (verdict.verdict, verdict.detail) == ("different", "losses equal, weights not")
    assert verdict.largest_relative_difference == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("precision", "relative", "expected"),
    [
        ("fp32", 0.9e-5, "close"),
        ("fp32", 1.1e-5, "different"),
        ("bf16", 0.9e-2, "close"),
        ("bf16", 1.1e-2, "different"),
    ],
)
def test_an_accelerator_may_be_close_within_the_limit_of_its_precision(
    precision: str, relative: float, expected: str
) -> None:
    losses = [LOSSES[0], LOSSES[1], LOSSES[2] * (1 - relative)]
    verdict = judge(
        fingerprinted("lightning", "cuda:1", precision, losses=losses), fingerprinted("pytorch", "cuda:1", precision)
    )
    assert verdict.verdict == expected
    assert verdict.largest_relative_difference == pytest.approx(relative)
    assert f"largest relative difference {relative:.2g}, limit " in verdict.detail
    assert "loss of micro-step 3: " in verdict.detail


def test_a_parameter_norm_alone_can_be_too_far_off_on_an_accelerator() -> None:
    other = {"weights_sha256": "b2" * 32, "parameter_norms": [4.5, 0.26]}
    verdict = judge(fingerprinted("lightning", "cuda", **other), fingerprinted("pytorch", "cuda"))
    assert verdict.verdict == "different"
    assert verdict.largest_relative_difference == pytest.approx(0.01 / 0.26)


@pytest.mark.parametrize("not_a_number", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_never_close(not_a_number: float) -> None:
    losses = [LOSSES[0], LOSSES[1], not_a_number]
    verdict = judge(fingerprinted("lightning", "cuda", losses=losses), fingerprinted("pytorch", "cuda"))
    assert verdict.verdict == "different"
    assert verdict.detail == f"loss of micro-step 3: {not_a_number} against 0.69"
    assert verdict.largest_relative_difference is None


@pytest.mark.parametrize("changes", [{"losses": [0.7, math.nan, 0.69]}, {"parameter_norms": [math.inf, 0.25]}])
def test_a_baseline_that_is_no_number_proves_nothing(changes: dict[str, list[float]]) -> None:
    diverged = fingerprinted("pytorch", **changes)
    for runner in ("pytorch", "lightning"):
        verdict = judge(fingerprinted(runner, **changes), diverged)
        assert verdict.verdict == "unproven"
        assert verdict.detail == "the losses or weights of pytorch are not finite numbers, which proves nothing"


def test_without_a_fingerprint_nothing_is_proven_and_the_reason_is_told() -> None:
    crashed = trial("lightning", phase="equivalence", status="failed", reason="ValueError: no.")
    assert judge(crashed, fingerprinted("pytorch")).detail == "ValueError: no."
    assert judge(None, fingerprinted("pytorch")).detail == "there was no equivalence trial"
    assert (
        judge(crashed, fingerprinted("pytorch")).verdict == judge(None, fingerprinted("pytorch")).verdict == "unproven"
    )


def test_without_a_baseline_nothing_is_proven() -> None:
    killed = trial(phase="equivalence", status="killed", reason="signal 9")
    verdict = judge(fingerprinted("lightning"), killed)
    assert verdict.verdict == "unproven"
    assert verdict.detail == "nothing to compare with, pytorch has no fingerprint: signal 9"
    assert judge(fingerprinted("lightning"), None).verdict == "unproven"
