"""Where a search goes, tried on made-up series of releases."""

import random
from itertools import pairwise
from math import ceil, log2

import pytest

from bench.analyse.releases.search import Search, most, search, usable_ends

MOVED = [7.0] * 3 + [8.0] * 5


def hunt(series, *, every=False):
    """Follow a search to its end; returns it and what it looked at, in order."""
    known: dict[int, float | None] = {}
    looked_at = []
    while due := (state := search(len(series), known, every=every)).due:
        assert not set(due) & known.keys()
        looked_at += due
        known |= {index: series[index] for index in due}
    return state, looked_at


def neighbours(state: Search):
    return [(gap.older, gap.newer) for gap in state.gaps]


def usable(series):
    return [index for index, value in enumerate(series) if value is not None]


def test_both_ends_are_due_at_once_and_then_the_middle():
    assert search(8, {}).due == (0, 7)
    assert search(8, {0: 7.0}).due == (7,)
    assert search(8, {0: 7.0, 7: 8.0}).due == (3,)


def test_the_newer_neighbour_is_the_first_release_with_the_new_value():
    state, looked_at = hunt(MOVED)
    assert neighbours(state) == [(2, 3)]
    assert looked_at == [0, 7, 3, 1, 2]


@pytest.mark.parametrize("count", [*range(2, 70), 85, 200, 257, 1000])
def test_a_single_move_is_found_wherever_it_is(count):
    places = range(1, count) if count < 70 else random.Random(count).sample(range(1, count), 20)
    for place in places:
        state, looked_at = hunt([6.0] * place + [7.0] * (count - place))
        assert neighbours(state) == [(place - 1, place)]
        assert len(looked_at) == len(set(looked_at)) <= most(count) <= ceil(log2(count)) + 2


def test_ends_that_are_alike_end_the_search_whatever_lies_between():
    state, looked_at = hunt([7.0, 6.0, 8.0, 7.0])
    assert (state.gaps, looked_at) == ((), [0, 3])


def test_a_release_that_cannot_be_used_is_stepped_around_to_its_neighbour():
    series = [7.0, 7.0, 7.0, None, 8.0, 8.0, 8.0, 8.0]
    state, looked_at = hunt(series)
    assert neighbours(state) == [(2, 4)]
    assert state.gaps[0].unusable == (3,)
    assert looked_at[:4] == [0, 7, 3, 4]


def test_an_end_that_cannot_be_used_gives_way_to_the_next_release_inside():
    state, looked_at = hunt([None, None, 7.0, 7.0, 8.0, None])
    assert looked_at == [0, 5, 1, 4, 2, 3]
    assert neighbours(state) == [(3, 4)]


@pytest.mark.parametrize("series", [[None] * 5, [None, 7.0, None], [7.0], [None, None]])
def test_fewer_than_two_usable_releases_have_no_move(series):
    state, looked_at = hunt(series)
    assert state == Search(due=(), gaps=())
    assert sorted(looked_at) == list(range(len(series)))


def test_a_bracket_that_cannot_be_closed_says_what_lies_in_it():
    gap = hunt([7.0, None, None, None, 8.0])[0].gaps[0]
    assert (gap.older, gap.newer, gap.unusable, gap.untested) == (0, 4, (1, 2, 3), ())


@pytest.mark.parametrize("seed", range(100))
def test_one_move_with_any_releases_unusable(seed):
    draw = random.Random(seed)
    count = draw.randint(2, 90)
    place = draw.randint(1, count - 1)
    broken = draw.choice([0.0, 0.1, 0.5])
    series = [None if draw.random() < broken else float(index >= place) for index in range(count)]
    state, looked_at = hunt(series)
    left = [index for index in usable(series) if index < place]
    right = [index for index in usable(series) if index >= place]
    if not left or not right:
        assert state.gaps == ()
        return
    assert neighbours(state) == [(left[-1], right[0])]
    assert state.gaps[0].unusable == tuple(range(left[-1] + 1, right[0]))
    unusable = sum(series[index] is None for index in looked_at)
    assert len(looked_at) <= ceil(log2(count)) + 2 + unusable


@pytest.mark.parametrize("seed", range(100))
def test_of_several_moves_it_finds_the_one_across_the_middle(seed):
    draw = random.Random(seed)
    series = [float(draw.randint(0, 5)) if draw.random() > 0.2 else None for _ in range(draw.randint(2, 60))]
    state, looked_at = hunt(series)
    values = [series[index] for index in usable(series)]
    if len(values) < 2 or values[0] == values[-1]:
        assert state.gaps == ()
        return
    (gap,) = state.gaps
    assert all(series[index] is None for index in range(gap.older + 1, gap.newer))
    distance = [[abs(series[index] - end) for end in (values[0], values[-1])] for index in (gap.older, gap.newer)]
    assert distance[0][0] < distance[0][1]
    assert distance[1][0] >= distance[1][1]
    unusable = sum(series[index] is None for index in looked_at)
    assert len(looked_at) <= ceil(log2(len(series))) + 2 + unusable


@pytest.mark.parametrize("seed", range(100))
def test_every_move_of_a_series_that_only_grows(seed):
    draw = random.Random(seed)
    value, series = 0.0, []
    for _ in range(draw.randint(2, 60)):
        value += draw.choice([0, 0, 0, 0, 1, 3])
        series.append(value if draw.random() > 0.1 else None)
    state, looked_at = hunt(series, every=True)
    left = usable(series)
    moved = [(a, b) for a, b in pairwise(left) if series[a] != series[b]]
    assert neighbours(state) == moved
    assert len(looked_at) == len(set(looked_at))
    if not moved and len(left) > 1:
        assert set(looked_at) & set(left) == {left[0], left[-1]}


@pytest.mark.parametrize("seed", range(100))
def test_what_is_known_already_need_not_come_from_the_search_itself(seed):
    draw = random.Random(seed)
    count = draw.randint(3, 60)
    place = draw.randint(1, count - 1)
    series = [float(index >= place) for index in range(count)]
    known = {index: series[index] for index in draw.sample(range(count), draw.randint(1, count))}
    while due := (state := search(count, known)).due:
        known |= {index: series[index] for index in due}
    assert neighbours(state) == [(place - 1, place)]


def test_an_end_counts_as_usable_until_it_is_known_not_to_be():
    assert usable_ends(4, {}) == (0, 3)
    assert usable_ends(4, {0: None, 3: 1.0}) == (1, 3)
    assert usable_ends(2, {0: None, 1: None}) == (None, None)
