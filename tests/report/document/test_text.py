from __future__ import annotations

import pytest

from bench.report.document import text


def test_words_alone_have_no_marks_and_stand_on_one_line() -> None:
    parts = text.marked("**Be\n wary** of `x`, see ")
    assert text.plain((*parts, text.Link("there", "https://a.b"))) == "Be wary of x, see there"


def test_names_are_listed_as_in_a_sentence() -> None:
    assert [text.listed(list("abc")[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("torch/_ops.py:9", "torch/_ops.py:9"),
        ("pytorch_lightning/trainer/call.py:155", "pytorch_lightning/…/call.py:155"),
        ("lightning_fabric/plugins/a_name_that_is_long.py:7", "…fabric/…/a_name_that_is_long.py:7"),
        ("one_name_without_any_folder_at_all_in_it.py", "…ithout_any_folder_at_all_in_it.py"),
    ],
)
def test_a_long_path_is_known_by_its_folder_and_its_file(path: str, shown: str) -> None:
    assert text.shortened_path(path, 34) == shown
