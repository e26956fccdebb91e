"""Why two scripts did other arithmetic: what differs, with the values of both, the most fundamental first."""

from __future__ import annotations

from collections.abc import Iterator

from bench.analyse.cells import alike_settings as settings
from bench.analyse.cells import sample_order
from bench.analyse.cells.differences import Difference, Pair, relative
from bench.records.schema import ScriptFingerprint, ScriptStep

SAME_RATIO = 1e-3
MAX_LISTED = 3


def explanations(pair: Pair) -> Iterator[Difference]:
    """What may explain that two scripts differ, the most fundamental first."""
    yield from _trained(pair)
    yield from settings.optimizers(pair)
    yield from _turns(pair)
    yield from _datasets(pair)
    yield from sample_order.differences(pair)
    yield from _loss_scaling(pair)
    yield from settings.differing(pair, [settings.LOSS_SCALE, settings.SKIPPED, settings.ACCUMULATION])
    yield from learning_rates(pair)
    yield from _clipping(pair)
    yield from settings.differing(pair, [settings.AUTOCAST, settings.DROPOUT])
    yield from _random_numbers(pair)
    yield from settings.differing(pair, [settings.MODEL, *settings.HOW_IT_COMPUTES])
    yield from _flags(pair)
    yield from _number_of_steps(pair)


def _trained(pair: Pair) -> Iterator[Difference]:
    one, two = (sorted(parameter.shape for parameter in script.trainable) for script in pair.both)
    dtypes = list(settings.differing(pair, [settings.DTYPE]))
    if one != two:
        yield from settings.differing(pair, [settings.TRAINABLE])
        yield from _only_in_one(pair)
    yield from dtypes
    if one == two and not dtypes and pair.baseline.initial_sha256 != pair.other.initial_sha256:
        sentence = "initial weights differ, though their shapes are the same: another seed, or another way to make them"
        yield Difference(sentence=sentence)


def _turns(pair: Pair) -> Iterator[Difference]:
    """Optimizers that are the same, and step in another order or not as often."""
    if settings.listed_all(pair.baseline.optimizers) != settings.listed_all(pair.other.optimizers):
        return
    for place, steps in enumerate(pair.steps):
        if steps[0].optimizer != steps[1].optimizer:
            whose = (_optimizer(script, step) for script, step in zip(pair.both, steps, strict=True))
            yield Difference(sentence=pair.describe(f"which optimizer makes step {place + 1}", *whose))
            return


def _optimizer(script: ScriptFingerprint, step: ScriptStep) -> str:
    """Which one steps, by its first step: `2 of 2 (Adam)`."""
    if step.optimizer is None:
        return "none of torch's"
    return f"{step.optimizer + 1} of {len(script.optimizers)} ({script.optimizers[step.optimizer].name})"


def _datasets(pair: Pair) -> Iterator[Difference]:
    """Another size; a script without a loader, or with a stream, tells none."""
    if all(script.loaders and all(loader.samples for loader in script.loaders) for script in pair.both):
        yield from settings.differing(pair, [settings.DATASET])


def _only_in_one(pair: Pair) -> Iterator[Difference]:
    """Which parameters one of the two does not train; where none has a name in common, they say nothing."""
    names = [dict.fromkeys(parameter.name for parameter in script.trainable) for script in pair.both]
    if not names[0].keys() & names[1].keys():
        return
    for own, others, script in ((0, 1, pair.names[0]), (1, 0, pair.names[1])):
        only = [name for name in names[own] if name not in names[others]]
        if only:
            more = f" and {len(only) - MAX_LISTED} more" if len(only) > MAX_LISTED else ""
            yield Difference(sentence=f"trained in {script} alone: {', '.join(only[:MAX_LISTED])}{more}")


def _loss_scaling(pair: Pair) -> Iterator[Difference]:
    """Losses that are other multiples of the same, from the same weights and samples: seen in the first step alone."""
    one, two = (script.steps[0].losses if script.steps else [] for script in pair.both)
    if len(one) != len(two) or not starts_alike(pair):
        return
    ratios = [right / left for left, right in zip(one, two, strict=True) if left]
    if not ratios or all(abs(ratio - 1) <= SAME_RATIO for ratio in ratios):
        return
    sentence = pair.describe("loss", f"{one[0]:.6g}", f"{two[0]:.6g}") + ", from the same weights and samples"
    hint = _hint(pair, ratios[0])
    if max(ratios) - min(ratios) > SAME_RATIO * abs(ratios[0]):
        times = f"micro-batches weigh {min(ratios):.4g} to {max(ratios):.4g} times as much in {pair.names[1]}"
        yield Difference(sentence=f"loss scaling: {times} ({sentence})", gives_losses=True)
    elif hint or len(ratios) > 1:
        scaling = f"loss scaling: {ratios[0]:.4g} times as large in {pair.names[1]}"
        yield Difference(sentence=f"{scaling} ({sentence}){hint}", gives_losses=True)
    else:
        scale = f"another loss, or {ratios[0]:.5g} times the scale of it in {pair.names[1]}"
        yield Difference(sentence=f"{sentence}: {scale}", gives_losses=True)


def starts_alike(pair: Pair) -> bool:
    """Whether what was computed before the first update was the same, as far as it is seen."""
    before = [*sample_order.differences(pair), *_random_numbers(pair)]
    before += settings.differing(pair, [settings.AUTOCAST, settings.DROPOUT])
    return pair.baseline.initial_sha256 == pair.other.initial_sha256 and not before


def _hint(pair: Pair, ratio: float) -> str:
    factor = ratio if ratio > 1 else 1 / ratio
    micro_batches = len(pair.baseline.steps[0].losses)
    batches = pair.baseline.batches or pair.baseline.inputs
    if micro_batches > 1 and abs(factor - micro_batches) <= SAME_RATIO * factor:
        return f": one of the two does not divide by its {micro_batches} micro-batches"
    if batches and abs(factor - len(batches[0].samples)) <= SAME_RATIO * factor:
        return f": one of the two sums over the {len(batches[0].samples)} samples of a batch, the other averages"
    return ""


def learning_rates(pair: Pair) -> Iterator[Difference]:
    """The first step whose learning rates differ, up to one that the two make with other optimizers."""
    for place, (one, two) in enumerate(pair.steps):
        if one.optimizer != two.optimizer:
            return
        rates = [sorted(set(step.learning_rates)) for step in (one, two)]
        if len(rates[0]) != len(rates[1]) or any(relative(*both) > 1e-9 for both in zip(*rates, strict=True)):
            of_several = len(pair.baseline.optimizers) > 1
            whose = f"optimizer {_optimizer(pair.baseline, one)} at " if of_several else ""
            sentence = pair.describe(f"learning rate of {whose}step {place + 1}", _rates(one), _rates(two))
            before = any(step.optimizer == one.optimizer for step in pair.baseline.steps[:place])
            yield Difference(sentence=sentence + (", the same until then: another schedule" if before else ""))
            return


def _rates(step: ScriptStep) -> str:
    return " and ".join(f"{rate:g}" for rate in sorted(set(step.learning_rates))) or "unknown"


def _clipping(pair: Pair) -> Iterator[Difference]:
    """Another limit, where it made gradients smaller in one of the two."""
    clips = [clip for script in pair.both for step in script.steps for clip in step.clips]
    if any(clip.norm is None or clip.norm > clip.limit for clip in clips):
        yield from settings.differing(pair, [settings.CLIPPING])


def _random_numbers(pair: Pair) -> Iterator[Difference]:
    place = pair.first_different
    rates = sorted({p for script in pair.both for model in script.models for p in model.dropout})
    if place is None or not rates:
        return
    states = [step.random_state for step in pair.steps[place]]
    if states[0] != states[1]:
        yield Difference(
            sentence=f"random numbers: before the first forward of step {place + 1} torch's generator is in another "
            f"state, and dropout ({', '.join(map(str, rates))}) draws from it"
        )


def _flags(pair: Pair) -> Iterator[Difference]:
    for name, value in pair.baseline.flags.items():
        other = pair.other.flags.get(name, value)
        if other != value:
            yield Difference(sentence=pair.describe(name, value, other), changes_rounding_only=True)


def _number_of_steps(pair: Pair) -> Iterator[Difference]:
    made = [len(script.steps) for script in pair.both]
    if made[0] != made[1]:
        yield Difference(sentence=pair.describe("steps before the script ended or was ended", *made))


def gradients(pair: Pair, place: int) -> Iterator[Difference]:
    """For scripts in which nothing else was seen to differ."""
    one, two = pair.steps[place]
    if one.losses != two.losses or one.grad_norm is None or two.grad_norm is None:
        return
    if relative(one.grad_norm, two.grad_norm) > SAME_RATIO:
        noun = f"norm of the gradients of step {place + 1}"
        norms = pair.describe(noun, f"{one.grad_norm:.6g}", f"{two.grad_norm:.6g}")
        yield Difference(sentence=f"{norms}, from the same loss: kept from the step before, or changed by the script")
