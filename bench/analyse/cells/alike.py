"""Whether two scripts did the same arithmetic, and where they did not, what explains it.

Judged from fingerprints of deterministic runs that the scripts knew nothing of. Equal means every loss and
the trained parameters after each step, to the last bit. Close means that everything which decides the
arithmetic is the same, and the results differ by no more than rounding makes of them: the loss of a step,
and how far the parameters have moved from where they began, which a loss that hardly changes wouldn't show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from bench.analyse.cells import alike_settings as settings
from bench.analyse.cells.differences import Pair, loss, relative
from bench.analyse.cells.explanations import explanations, gradients, learning_rates, starts_alike
from bench.records.schema import Alikeness, ScriptFingerprint

HALF = ("bfloat16", "float16")
LOSS_LIMIT = {False: 1e-5, True: 1e-2}
"""Of the relative difference of a step's loss, by whether anything is computed in half precision."""
MOVED_LIMIT = {False: 1e-3, True: 5e-2}
"""Of that of how far the parameters have moved, which is itself a small difference of large numbers."""
NAMES = ("the baseline", "the other script")


def compare(
    baseline: ScriptFingerprint,
    other: ScriptFingerprint,
    *,
    names: tuple[str, str] = NAMES,
    again: tuple[ScriptFingerprint | None, ScriptFingerprint | None] = (None, None),
) -> Alikeness:
    """Judge `other` against `baseline`.

    `again` are second fingerprints of the two: with the same seed they tell whether a script is reproducible at all,
    with another one whether it seeds its random numbers itself.
    """
    warnings: list[str] = []
    for script, second, name in zip((baseline, other), again, names, strict=True):
        warning = None if second is None else not_reproducible(script, second, name=name)
        warnings += [warning] if warning else []
        if second is not None and warning and second.seed == script.seed:
            detail = f"{name} is not reproducible, so that nothing can be proven of it"
            return Alikeness(verdict="unproven", detail=detail, warnings=warnings)
    pair = Pair(baseline=baseline, other=other, names=names)
    warnings += [f"{name}: {script.ended}" for script, name in zip(pair.both, names, strict=True) if script.ended]
    return _judged(pair).model_copy(update={"warnings": warnings})


def not_reproducible(first: ScriptFingerprint, second: ScriptFingerprint, *, name: str) -> str | None:
    """In which way two runs of a script differ; None where they don't."""
    pair = Pair(baseline=first, other=second, names=("the first", "the second"))
    place = pair.first_different
    if place is None:
        return None
    if first.seed != second.seed:
        return (
            f"{name} is not reproducible by itself: it leaves random numbers unseeded, "
            "and is compared with seeds that looptax sets"
        )
    reason = next((f" ({difference.sentence})" for difference in explanations(pair)), "")
    return f"{name} is not reproducible, though it was seeded: two runs of it differ from step {place + 1} on{reason}"


def changed_defaults(
    baseline: ScriptFingerprint, candidate: ScriptFingerprint, *, names: tuple[str, str] = ("baseline", "candidate")
) -> list[str]:
    """What one script trains with that is other in another environment, as far as its objects show it."""
    pair = Pair(baseline=baseline, other=candidate, names=names)
    differences = [
        *settings.differing(pair, [settings.TRAINABLE, settings.DTYPE]),
        *settings.optimizers(pair),
        *learning_rates(pair),
        *settings.differing(pair, [settings.ACCUMULATION, settings.CLIPPING, settings.AUTOCAST, settings.DROPOUT]),
        *settings.differing(pair, [*settings.HOW_IT_COMPUTES, *settings.LOADING]),
    ]
    return [difference.sentence for difference in differences]


def _judged(pair: Pair) -> Alikeness:
    infinite = _not_finite(pair)
    if infinite is not None:
        return Alikeness(verdict="unproven", detail=infinite)
    place = pair.first_different
    if place is None and len(pair.baseline.steps) == len(pair.other.steps):
        detail = f"all {len(pair.steps)} steps are equal to the last bit, their losses and the trained parameters"
        return Alikeness(verdict="bitwise", detail=detail, largest_relative_difference=0.0)
    differences = sorted(explanations(pair), key=lambda difference: difference.changes_rounding_only)
    if place is not None and all(difference.changes_rounding_only for difference in differences):
        differences += gradients(pair, place)
    reasons = [difference.sentence for difference in differences]
    gives_losses = bool(differences) and differences[0].gives_losses
    distance, where = _Distance.of(pair), _where(pair, place, with_losses=not gives_losses)
    is_close = all(difference.changes_rounding_only for difference in differences) and distance.is_within_limits
    if not (is_close or reasons) and place == 0 and starts_alike(pair):
        reasons = ["the first loss is another one, of the same weights and samples"]
    return Alikeness(
        verdict="close" if is_close else "different",
        detail=f"{distance.sentence}; {where}" if is_close else "; ".join([where, *reasons[:1]]),
        largest_relative_difference=distance.loss,
        first_step=None if place is None else place + 1,
        reasons=reasons,
    )


def _not_finite(pair: Pair) -> str | None:
    for script, name in zip(pair.both, pair.names, strict=True):
        for number, step in enumerate(script.steps, start=1):
            if not math.isfinite(loss(step)):
                return f"the losses of {name} are not all finite ({loss(step)} in step {number}), which proves nothing"
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Distance:
    """The largest relative differences over all steps that both made."""

    loss: float
    moved: float
    is_half: bool

    @classmethod
    def of(cls, pair: Pair) -> _Distance:
        precisions = [
            *(precision for script in pair.both for precision in script.autocast),
            *(parameter.dtype for script in pair.both for parameter in script.trainable),
        ]
        return cls(
            loss=max((relative(loss(one), loss(two)) for one, two in pair.steps), default=math.inf),
            moved=max((relative(one.moved, two.moved) for one, two in pair.steps), default=math.inf),
            is_half=any(precision in HALF for precision in precisions),
        )

    @property
    def is_within_limits(self) -> bool:
        return self.loss <= LOSS_LIMIT[self.is_half] and self.moved <= MOVED_LIMIT[self.is_half]

    @property
    def sentence(self) -> str:
        return (
            f"largest relative difference |a - b| / max(|a|, |b|) of a step's loss {self.loss:.2g} "
            f"(limit {LOSS_LIMIT[self.is_half]:g}), and of how far the parameters have moved {self.moved:.2g} "
            f"(limit {MOVED_LIMIT[self.is_half]:g})"
        )


def _where(pair: Pair, place: int | None, *, with_losses: bool) -> str:
    if place is None:
        return "the steps that both made are equal"
    one, two = pair.steps[place]
    where = f"step {place + 1} is the first that differs"
    if one.losses == two.losses:
        return f"{where}: the loss is the same, the parameters after it are not"
    if not with_losses or len(one.losses) != len(two.losses):
        return where
    return f"{where}: {pair.describe('loss', f'{loss(one):.9g}', f'{loss(two):.9g}')}"
