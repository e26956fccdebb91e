"""How many interpreters are alive at once."""

from bench.execute.workers.pool import batches


def key(item: str) -> tuple[str, str, str]:
    return item, "cpu", "current"


def test_units_are_packed_in_their_order_and_never_divided():
    units = [["anchor", name] for name in ("a", "b", "c", "d", "e")]
    parts = list(batches(units, key, at_most=3))
    assert parts == [[["anchor", "a"], ["anchor", "b"]], [["anchor", "c"], ["anchor", "d"]], [["anchor", "e"]]]


def test_a_unit_that_needs_more_is_a_batch_of_its_own():
    assert list(batches([["a", "b", "c"], ["a"]], key, at_most=2)) == [[["a", "b", "c"]], [["a"]]]


def test_units_of_the_same_interpreters_share_a_batch_however_many_there_are():
    assert list(batches([["a", "b"]] * 50, key, at_most=2)) == [[["a", "b"]] * 50]


def test_nothing_needs_no_interpreter():
    assert list(batches([], key)) == []
