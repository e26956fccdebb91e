"""Whether a script did the arithmetic of the script that it is compared with, from what their trials witnessed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bench.analyse.cells import alike
from bench.records.schema import Alikeness, ScriptFingerprint, Trial

NOT_SEEN = "there was no equivalence trial"


def judge(trial: Trial | None, baseline: Trial | None, *, names: tuple[str, str], unlike: bool) -> Alikeness:
    """Judge a script's equivalence trial against that of the reference; `names` are those of (reference, script).

    What is not proven is compared all the same where the user asks for the `unlike`.
    """
    equivalence = _judged(trial, baseline, names)
    return equivalence.model_copy(update={"verdict": "unlike"}) if unlike and not equivalence.proven else equivalence


def _judged(trial: Trial | None, baseline: Trial | None, names: tuple[str, str]) -> Alikeness:
    for side, name in ((trial, names[1]), (baseline, names[0])):
        if side is None or not side.witnessed:
            why = NOT_SEEN if side is None else side.reason or f"it ended with status {side.status}"
            return Alikeness(verdict="unproven", detail=f"nothing is known of what {name} computes: {why}")
    assert trial is not None
    assert baseline is not None
    again = _second(baseline.witnessed), _second(trial.witnessed)
    return alike.compare(baseline.witnessed[0], trial.witnessed[0], names=names, again=again)


def changed_defaults(trial: Trial | None, baseline: Trial | None, *, names: tuple[str, str]) -> list[str]:
    """What the same script trains with that is other than in the reference's environment, as far as it shows."""
    if trial is None or baseline is None or not (trial.witnessed and baseline.witnessed):
        return []
    return alike.changed_defaults(baseline.witnessed[0], trial.witnessed[0], names=names)


def _second(witnessed: Sequence[ScriptFingerprint]) -> ScriptFingerprint | None:
    return witnessed[1] if len(witnessed) > 1 else None


def reference(trial: Trial | None, name: str) -> Alikeness:
    """Tell what the script that others are held to does by itself: does it repeat, and has it a loss to speak of."""
    if trial is None or not trial.witnessed:
        return Alikeness(verdict="baseline", detail="the script that others are held to")
    first, second = trial.witnessed[0], _second(trial.witnessed)
    reasons = [] if second is None else [alike.not_reproducible(first, second, name=name)]
    warnings = [reason for reason in (*reasons, _lost(first, name), first.ended) if reason is not None]
    steps = len(first.steps)
    detail = warnings[0] if warnings else f"two runs of {name} are equal in all of their first {steps} steps"
    return Alikeness(verdict="baseline", detail=detail, warnings=warnings)


def _lost(script: ScriptFingerprint, name: str) -> str | None:
    """The first step whose loss is no number any more."""
    for number, step in enumerate(script.steps, start=1):
        for loss in step.losses:
            if not math.isfinite(loss):
                return f"the loss of {name} is {loss} from step {number} on"
    return None
