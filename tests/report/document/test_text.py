from __future__ import annotations

import pytest

from bench.report.document import text


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a | b", r"a \| b"),
        ("<script>&", "&lt;script&gt;&amp;"),
        ("no __init__, but my_loop.py", r"no \_\_init\_\_, but my_loop.py"),
        ("`a` *b*", r"\`a\` \*b\*"),
        ("[x](http://y)", r"[x\](http://y)"),
        ("+318 [312, 325]", "+318 [312, 325]"),
        ("two\n lines", "two lines"),
        ("~", "~"),
        ("~struck~", r"\~struck\~"),
    ],
)
def test_text_from_outside_is_not_markup(raw: str, escaped: str) -> None:
    assert text.escape(raw) == escaped


def test_a_table_is_no_wider_than_its_texts() -> None:
    table = text.table(["runner", "p95 µs"], [["a|b", "1"], ["pytorch", "12,300"]], names=1)
    assert table.splitlines() == [
        "| runner  | p95 µs |",
        "|---------|--------|",
        "| a\\|b    |      1 |",
        "| pytorch | 12,300 |",
    ]


def test_a_fence_is_longer_than_any_in_the_command() -> None:
    assert text.code("echo ```` hi") == "`````sh\necho ```` hi\n`````"
    assert text.code("ls") == "```sh\nls\n```"


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
