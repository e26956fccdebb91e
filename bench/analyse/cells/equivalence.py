"""Whether two loops did the same arithmetic, judged from the fingerprints of a deterministic run.

On the CPU bitwise is the bar: every loss and the final weights, to the last bit. An accelerator may
pick other kernels from one run to the next, so there `close` is allowed, with the difference told. In the
profile `stock` loops have their frameworks' defaults: they need not be equal to be compared.
"""

from __future__ import annotations

import math

from bench.records.schema import Cell, Equivalence, Fingerprint, Trial
from trainloops.runners import BASELINE

CLOSE_ENOUGH = {"fp32": 1e-5, "bf16": 1e-2, "fp16": 1e-3}
"""The largest relative difference, over losses and parameter norms, that an accelerator may show."""
NONE = "none"
"""What is said of a fact of its set-up that a loop does not have."""
UNKNOWN = "unknown"
"""What `bench.measure.setup` writes of what the objects of a release do not say."""


def judge(trial: Trial | None, baseline: Trial | None, *, name: str = BASELINE) -> Equivalence:
    """Judge a cell's equivalence trial against that of the reference in its group, which is called `name`."""
    equivalence = _judged(trial, baseline, name)
    if trial is None or trial.cell.profile == "matched" or equivalence.verdict != "different":
        return equivalence
    detail = f"with its framework's defaults it does other arithmetic than {name} ({equivalence.detail})"
    return equivalence.model_copy(update={"verdict": "unlike", "detail": detail})


def changed_setup(trial: Trial | None, baseline: Trial | None, *, names: tuple[str, str]) -> list[str]:
    """How a loop has set itself up otherwise than the one that it is held to; `names` are those of (that, the loop)."""
    if trial is None or baseline is None:
        return []
    before, after = baseline.setup, trial.setup
    return [
        f"{fact}: {before.get(fact, NONE)} in {names[0]}, {after.get(fact, NONE)} in {names[1]}"
        for fact in dict.fromkeys([*before, *after])
        if before.get(fact) != after.get(fact) and UNKNOWN not in (before.get(fact), after.get(fact))
    ]


def _judged(trial: Trial | None, baseline: Trial | None, name: str) -> Equivalence:
    if trial is None or trial.fingerprint is None:
        return _unproven(_why_missing(trial))
    if baseline is None or baseline.fingerprint is None:
        return _unproven(f"nothing to compare with, {name} has no fingerprint: {_why_missing(baseline)}")
    if not _is_finite(baseline.fingerprint):
        return _unproven(f"the losses or weights of {name} are not finite numbers, which proves nothing")
    if trial.cell == baseline.cell:
        return Equivalence(verdict="baseline", detail="the loop that the others are held to")
    return _compare(trial.cell, trial.fingerprint, baseline.fingerprint, name)


def _unproven(detail: str) -> Equivalence:
    return Equivalence(verdict="unproven", detail=detail)


def _why_missing(trial: Trial | None) -> str:
    if trial is None:
        return "there was no equivalence trial"
    return trial.reason or f"the equivalence trial ended with status {trial.status} and no fingerprint"


def _is_finite(fingerprint: Fingerprint) -> bool:
    return all(map(math.isfinite, fingerprint.losses + fingerprint.parameter_norms))


def _compare(cell: Cell, own: Fingerprint, baseline: Fingerprint, name: str) -> Equivalence:
    difference = _first_difference(own, baseline)
    if difference is None:
        detail = f"all {len(own.losses)} losses and the final weights equal those of {name} to the last bit"
        return Equivalence(verdict="bitwise", detail=detail, largest_relative_difference=0.0)
    largest = _largest_relative_difference(own, baseline)
    if cell.device == "cpu" or largest is None:
        return Equivalence(verdict="different", detail=difference, largest_relative_difference=largest)
    limit = CLOSE_ENOUGH[cell.precision]
    largest_difference = f"largest relative difference {largest:.2g}, limit {limit:g} in {cell.precision}; {difference}"
    return Equivalence(
        verdict="close" if largest <= limit else "different",
        detail=largest_difference,
        largest_relative_difference=largest,
    )


def _first_difference(own: Fingerprint, baseline: Fingerprint) -> str | None:
    """Where the two runs part, in words; None when they are equal to the last bit."""
    if len(own.losses) != len(baseline.losses):
        return f"number of losses {len(own.losses)} against {len(baseline.losses)}"
    for step, (loss, expected) in enumerate(zip(own.losses, baseline.losses, strict=True), start=1):
        if loss != expected:
            return f"loss of micro-step {step}: {loss!r} against {expected!r}"
    return None if own.weights_sha256 == baseline.weights_sha256 else "losses equal, weights not"


def _largest_relative_difference(own: Fingerprint, baseline: Fingerprint) -> float | None:
    """Take |a - b| / max(|a|, |b|) over losses and parameter norms; None if no finite number."""
    same_shape = len(own.losses) == len(baseline.losses) and len(own.parameter_norms) == len(baseline.parameter_norms)
    if not same_shape or not _is_finite(own):
        return None
    both = zip(own.losses + own.parameter_norms, baseline.losses + baseline.parameter_norms, strict=True)
    return max((abs(a - b) / max(abs(a), abs(b)) for a, b in both if a != b), default=0.0)
