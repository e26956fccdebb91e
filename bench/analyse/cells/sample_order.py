"""Whether two scripts trained on the same samples in the same order, and if not, which of the two it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from bench.analyse.cells.differences import Difference, Pair
from bench.records.schema import ScriptBatch

MAX_LISTED = 3
Batches = Sequence[ScriptBatch]


def differences(pair: Pair) -> Iterator[Difference]:
    """What differs in the batches that both were seen to train on; some loaders fetch ahead, so one may show more."""
    one, two = _comparable(pair)
    if not one or not two:
        return
    sizes = _size(one[0]), _size(two[0])
    cut_otherwise = sizes[0] != sizes[1]
    if cut_otherwise:
        same_samples = _first_apart(_samples(one), _samples(two)) is None
        yield Difference(sentence=pair.describe("batch size", *sizes), changes_rounding_only=same_samples)
        if same_samples:
            return
    place = next((place for place, both in enumerate(zip(one, two, strict=False)) if not _alike(*both)), None)
    if place is not None:
        yield Difference(sentence=_explained(pair, one, two, place))


def repeats_its_order(batches: Batches) -> bool | None:
    """Whether the second epoch began in the order of the first; None where no second was seen."""
    loader = batches[0].loader
    first, second = (
        list(chain.from_iterable(_order(batch) for batch in batches if (batch.loader, batch.epoch) == (loader, epoch)))
        for epoch in (1, 2)
    )
    return first[: len(second)] == second if second else None


def _comparable(pair: Pair) -> tuple[Batches, Batches]:
    """What loaders gave, or where one of the two has none, what models were called with."""
    if pair.baseline.batches and pair.other.batches:
        return pair.baseline.batches, pair.other.batches
    return pair.baseline.inputs, pair.other.inputs


def _alike(one: ScriptBatch, two: ScriptBatch) -> bool:
    """Whether one has all tensors of the other: a loop may add some, such as a mask."""
    tensors = set(one.tensors), set(two.tensors)
    return tensors[0] <= tensors[1] or tensors[1] <= tensors[0]


def _explained(pair: Pair, one: Batches, two: Batches, place: int) -> str:
    drawn = one[place].indices, two[place].indices
    known = drawn[0] is not None and drawn[1] is not None
    other_values = _with_other_values(one, two)
    if (known and drawn[0] == drawn[1]) or other_values:
        which = f"sample {other_values[0]} has other values" if other_values else "the sampler drew the same"
        why = "other data, another collation or a random transform"
        return f"samples differ from batch {place + 1} on: {which} in {pair.names[1]} ({why})"
    if known or _in_common(one, two):
        return f"order of samples differs from batch {place + 1} on: {_orders(pair, one, two, place)}"
    where = f"samples differ from batch {place + 1} on"
    return f"{where}: none that {pair.names[1]} was seen to train on is one of {pair.names[0]}'s"


def _orders(pair: Pair, one: Batches, two: Batches, place: int) -> str:
    repeated = _repeated_order(pair, one, two)
    if repeated and one[place].epoch > 1:
        return repeated
    return "; ".join(sentence for sentence in (_drawn(pair, one, two, place), repeated) if sentence)


def _repeated_order(pair: Pair, one: Batches, two: Batches) -> str | None:
    """Which of the two trains on the samples of every epoch in the same order, where only one does."""
    repeats = repeats_its_order(one), repeats_its_order(two)
    if None in repeats or repeats[0] == repeats[1]:
        return None
    names = pair.names if repeats[0] else pair.names[::-1]
    return f"the second epoch of {names[0]} repeats the order of its first, that of {names[1]} does not"


def _drawn(pair: Pair, one: Batches, two: Batches, place: int) -> str:
    drawn = [batch.indices for batch in (one[place], two[place])]
    if drawn[0] is None or drawn[1] is None:
        return "the samples themselves are the same"
    shown = (f"[{', '.join(map(str, indices[:MAX_LISTED]))}, …]" for indices in (drawn[0], drawn[1]))
    return "{} in {}, {} in {}".format(*chain.from_iterable(zip(shown, pair.names, strict=True)))


def _with_other_values(one: Batches, two: Batches) -> list[int]:
    """Indices that were drawn in both, and gave other rows; none where batches have other fields at all."""
    if len(one[0].tensors) != len(two[0].tensors):
        return []
    values = _by_index(one), _by_index(two)
    return [index for index, row in values[0].items() if values[1].get(index, row) != row]


def _by_index(batches: Batches) -> dict[int, str]:
    return {
        index: row
        for batch in batches
        if len(batch.indices or []) == len(batch.samples)
        for index, row in zip(batch.indices or [], batch.samples, strict=True)
    }


def _in_common(one: Batches, two: Batches) -> bool:
    return bool((Counter(_samples(one)) & Counter(_samples(two))).total())


def _samples(batches: Batches) -> list[str]:
    return [row for batch in batches for row in batch.samples]


def _order(batch: ScriptBatch) -> Sequence[int | str]:
    return batch.samples if batch.indices is None else batch.indices


def _size(batch: ScriptBatch) -> int:
    return len(_order(batch))


def _first_apart(one: Sequence[str], two: Sequence[str]) -> int | None:
    return next((place for place, (left, right) in enumerate(zip(one, two, strict=False)) if left != right), None)
