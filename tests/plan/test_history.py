"""Which releases a history looks at."""

import pytest

from bench.errors import UsageError
from bench.plan.history import select_releases

RELEASES = ["4.9.2", "4.34.1", "4.34.0", "4.35.0", "4.35.2", "4.36.0", "5.0.0", "5.1.0"]


def test_of_each_minor_the_newest_in_order_of_version():
    assert select_releases(RELEASES, first="4.34.1", last=None, every="minor") == [
        "4.34.1",
        "4.35.2",
        "4.36.0",
        "5.0.0",
        "5.1.0",
    ]


def test_the_ends_that_were_named_are_always_among_them():
    assert select_releases(RELEASES, first="4.34.0", last="4.35.0", every="minor") == ["4.34.0", "4.34.1", "4.35.0"]


def test_every_release_or_the_newest_of_each_major():
    assert select_releases(RELEASES, first="4.34.1", last="4.35.2", every="release") == ["4.34.1", "4.35.0", "4.35.2"]
    assert select_releases(RELEASES, first=None, last=None, every="major") == ["4.36.0", "5.1.0"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"first": "four"}, "--from 'four' is no version; write it as 4.46.3."),
        ({"every": "day"}, "--every 'day' is not one of release, minor, major."),
        ({"first": "6.0"}, "no release lies between --from 6.0 and --to the last."),
    ],
)
def test_what_cannot_be_had_is_one_sentence(flags, sentence):
    with pytest.raises(UsageError) as error:
        select_releases(RELEASES, **{"first": None, "last": None, "every": "minor"} | flags)
    assert str(error.value) == sentence
