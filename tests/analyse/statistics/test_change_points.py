"""Change points: planted ones are found where they are, and quiet series have none."""

import numpy as np
import pytest

from bench.analyse.statistics.change_points import LEVEL, change_points


def series(levels, *, blocks=6, spread=0.02, seed=0):
    random = np.random.default_rng(seed)
    return [np.log(level) + random.normal(0, spread, blocks) for level in levels]


def test_a_step_is_found_where_it_is_and_how_large():
    (change,) = change_points(series([1.8] * 10 + [2.0] * 10))
    assert change.index == 10
    assert change.factor == pytest.approx(2.0 / 1.8, rel=0.02)
    assert change.p_value <= LEVEL


def test_up_and_down_again_are_two_changes():
    points = change_points(series([1.8] * 8 + [2.0] * 3 + [1.8] * 8))
    assert [change.index for change in points] == [8, 11]
    assert points[0].factor > 1 > points[1].factor


def test_a_quiet_series_has_a_change_in_at_most_two_of_a_hundred():
    flagged = sum(bool(change_points(series([1.8] * 20, seed=seed))) for seed in range(100))
    assert flagged <= 2  # level 1 %: more than two have a probability of 8 %, and the seeds are fixed


def test_one_wild_trial_is_no_change():
    quiet = series([1.8] * 20)
    quiet[7][3] += 2.0
    assert change_points(quiet) == []


def test_what_is_too_small_to_matter_is_not_told():
    assert change_points(series([1.8] * 10 + [1.805] * 10, spread=0.0001)) == []


def test_the_same_series_gives_the_same_changes():
    noisy = series([1.8] * 10 + [1.9] * 10, spread=0.05)
    assert change_points(noisy) == change_points(noisy)


@pytest.mark.parametrize("short", [[], [[0.1]], [[0.1], [0.2]]])
def test_too_short_a_series_has_none(short):
    assert change_points(short) == []
