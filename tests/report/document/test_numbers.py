from __future__ import annotations

import pytest

from bench.report.document import numbers
from tests.report.rows import estimate


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (94_123, "94,100"),
        (999.6, "1,000"),
        (318.2, "318"),
        (42.44, "42.4"),
        (1.876, "1.88"),
        (0.03456, "0.0346"),
        (0, "0"),
        (0.9996, "1.00"),
        (-0.0001, "−0.000100"),
        (-1234, "−1,230"),
    ],
)
def test_a_number_has_three_significant_digits(value: float, text: str) -> None:
    assert numbers.number(value) == text


def test_nothing_is_never_minus_nothing() -> None:
    assert numbers.number(-0.4, 0) == "0"


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (estimate(318.2, 312.1, 325.4), "318 [312, 325]"),
        (estimate(94_123, 93_900, 94_400), "94,100 [93,900, 94,400]"),
        (estimate(318, 203, 434), "320 [200, 430]"),
        (estimate(5.3, 0.52, 10.04), "5.3 [0.5, 10.0]"),
        (estimate(363.2, 363.12, 363.31), "363.2 [363.1, 363.3]"),
        (estimate(-101, -104, -98), "−101 [−104, −98]"),
        (estimate(318.2), "318 [?]"),
    ],
)
def test_an_interval_is_as_fine_as_its_width_warrants(figure, text: str) -> None:
    assert numbers.estimate(figure) == text


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (estimate(1.876, 1.855, 1.899), "1.88 [1.85, 1.90]"),
        (estimate(0.7221, 0.714, 0.733), "0.72 [0.71, 0.73]"),
        (estimate(1.006, 1.002, 1.011), "1.006 [1.002, 1.011]"),
        (estimate(1.001, 0.99, 1.01), "1.00 [0.99, 1.01]"),
        (estimate(1.88), "1.88 [?]"),
    ],
)
def test_a_ratio_that_differs_from_one_looks_different_from_one(figure, text: str) -> None:
    assert numbers.ratio(figure) == text


def test_an_overhead_has_its_sign() -> None:
    assert numbers.estimate(estimate(318.2, 312.1, 325.4), sign="+") == "+318 [312, 325]"
    assert numbers.estimate(estimate(-101, -104, -98), sign="+") == "−101 [−104, −98]"


def test_a_spread_is_the_farther_bound() -> None:
    assert numbers.with_spread(estimate(681, 675, 720)) == "681 ±5.7 %"
    assert numbers.with_spread(estimate(681)) == "681 [?]"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0004, "<0.1 %"), (0, "0.0 %"), (0.0094, "0.9 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (0.7218, "72 %")],
)
def test_a_percentage_is_never_rounded_to_nothing(fraction: float, text: str) -> None:
    assert numbers.percent(fraction) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0.03, "3.0 %"),
        (0.0301, "3.1 %"),
        (0.0991, "10 %"),
        (0.6, "60 %"),
        (0.601, "61 %"),
        (1.19, "119 %"),
        (0, "0.0 %"),
    ],
)
def test_what_is_ruled_out_is_rounded_up(fraction: float, text: str) -> None:
    assert numbers.percent_up(fraction) == text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(94_123, "94 k"), (176_400, "176 k"), (9_412, "9,410"), (12.34, "12"), (1_214_000, "1.21 M"), (999_600, "1.00 M")],
)
def test_a_throughput_in_running_text(per_second: float, text: str) -> None:
    assert numbers.rate(per_second) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(39.6, "40 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (3900, "1 h 5 min")],
)
def test_a_waiting_time(seconds: float, text: str) -> None:
    assert numbers.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0318, "32 ms"), (0.032, "32 ms"), (0.0321, "33 ms"), (0.00051, "0.51 ms"), (1.21, "1.3 s"), (0.0999, "100 ms")],
)
def test_a_threshold_is_rounded_up_so_that_it_holds(seconds: float, text: str) -> None:
    assert numbers.at_least(seconds) == text


def test_without_an_interval_nothing_is_covered() -> None:
    assert numbers.covers(estimate(1.0, 0.99, 1.0), 1.0)
    assert not numbers.covers(estimate(1.02, 1.01, 1.03), 1.0)
    assert not numbers.covers(estimate(1.0), 1.0)
