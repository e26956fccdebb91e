"""The search for the largest batch: which sizes it tries, where it ends, and what it refuses."""

import pytest

from bench.errors import UsageError
from bench.plan.max_batch import CEILING, PASS, RESOLUTION, Search, sized
from bench.plan.settings import Flags, from_flags
from tests.factories import cell, trial
from tests.plan.test_settings import CPU_ONLY, TWO_CARDS


def searched(start, fits, *, status="oom", trials=None):
    """The trials of a search among batches of which those that `fits` names train."""
    begun, made = cell(batch_size=start), list(trials or [])
    while (size := Search.of(begun, made).next_size) is not None:
        how = {"status": "ok"} if fits(size) else {"status": status}
        made.append(trial(cell=sized(begun, size), phase=PASS, timing=None, **how))
    return Search.of(begun, made), [each.cell.batch_size for each in made]


@pytest.mark.parametrize(
    ("start", "most", "sizes"),
    [
        (64, 90, [64, 128, 96, 80, 88, 92, 90, 91]),
        (8, 8, [8, 16, 12, 10, 9]),
        (64, 5, [64, 32, 16, 8, 4, 6, 5]),
        (4, 0, [4, 2, 1]),
        (1, 1, [1, 2]),
    ],
)
def test_it_doubles_or_halves_until_both_ends_are_known_and_bisects(start, most, sizes):
    limits, tried = searched(start, lambda size: size <= most)
    assert tried == sizes
    largest = limits.largest and limits.largest.cell.batch_size
    assert (largest or 0, limits.smallest_failing.cell.batch_size) == (most, most + 1)


@pytest.mark.parametrize("most", [999, 12_345, 500_001])
def test_large_batches_are_known_to_within_its_resolution(most):
    limits, _ = searched(64, lambda size: size <= most)
    good, bad = limits.largest.cell.batch_size, limits.smallest_failing.cell.batch_size
    assert good <= most < bad
    assert bad - good <= good / RESOLUTION


def test_it_ends_at_a_ceiling():
    limits, tried = searched(64, lambda _: True)
    assert (tried[-1], limits.largest.cell.batch_size, limits.smallest_failing) == (CEILING, CEILING, None)


@pytest.mark.parametrize("status", ["oom", "killed", "timeout"])
def test_whatever_a_size_can_be_to_blame_for_is_a_limit(status):
    limits, _ = searched(64, lambda size: size <= 100, status=status)
    assert (limits.largest.cell.batch_size, limits.smallest_failing.status) == (100, status)


@pytest.mark.parametrize("status", ["failed", "missing", "garbage"])
def test_another_failure_ends_it(status):
    limits, tried = searched(64, lambda size: size <= 100, status=status)
    assert (tried, limits.broken.status, limits.smallest_failing) == ([64, 128], status, None)


def test_it_goes_on_from_the_trials_that_there_are_and_minds_no_other_cell_s():
    _, whole = searched(64, lambda size: size <= 100)
    there = [trial(cell=cell(batch_size=n), phase=PASS, timing=None, status=s) for n, s in ((64, "ok"), (128, "oom"))]
    others = [trial("hf-trainer", cell=cell("hf-trainer", batch_size=96), phase=PASS, timing=None), trial()]
    assert searched(64, lambda size: size <= 100, trials=[*there, *others])[1][4:] == whole[2:]


def test_its_plan():
    settings = from_flags(Flags(find_max_batch=True, memory_limit="1.5GiB"), CPU_ONLY)
    assert (settings.passes, settings.memory_limit_bytes) == (["equivalence", "max-batch"], 3 * 2**29)
    assert [comparison.batch_size for comparison in settings.comparisons] == [64]
    assert settings.runners == ["pytorch", "hf-trainer", "lightning", "accelerate", "fabric"]
    heavy = from_flags(Flags(find_max_batch=True, device="cuda", workload="cnn"), TWO_CARDS)
    assert ([comparison.batch_size for comparison in heavy.comparisons], heavy.memory_limit_bytes) == ([8], None)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            {},
            "--find-max-batch on a cpu needs --memory-limit, such as 2GiB: without one it would fill this machine's "
            "memory.",
        ),
        ({"memory_limit": "much"}, "--memory-limit 'much' is not a size; write it as 2GiB or 1500MB."),
        ({"memory_limit": "2"}, "--memory-limit '2' is not a size; write it as 2GiB or 1500MB."),
        ({"memory_limit": "0GiB"}, "--memory-limit '0GiB' is not a size; write it as 2GiB or 1500MB."),
        (
            {"memory_limit": "17GiB"},
            "--memory-limit is more than there is here, which is 16.0 GiB: name less.",
        ),
        (
            {"memory_limit": "1GiB", "batch_size": "8,64"},
            "--batch-size 8,64: --find-max-batch begins at one size; name one.",
        ),
        (
            {"memory_limit": "1GiB", "blocks": 3, "only": "time"},
            "--find-max-batch looks for a batch size and times nothing: leave --only, --blocks out.",
        ),
        (
            {"memory_limit": "1GiB", "workers": "2"},
            "--workers with --find-max-batch on a cpu: what loader workers take cannot be limited; leave it out.",
        ),
        (
            {"memory_limit": "1GiB", "find_max_batch": None},
            "--memory-limit is how much memory --find-max-batch may take: add that, or leave it out.",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_sentence(flags, sentence):
    with pytest.raises(UsageError) as refused:
        from_flags(Flags(**{"find_max_batch": True} | flags), CPU_ONLY)
    assert str(refused.value) == sentence


def test_a_limit_is_for_a_cpu():
    with pytest.raises(UsageError) as refused:
        from_flags(Flags(find_max_batch=True, device="cuda", memory_limit="1GiB"), TWO_CARDS)
    assert str(refused.value) == (
        "--memory-limit is for a cpu, and an accelerator has a memory of its own: leave it out."
    )
