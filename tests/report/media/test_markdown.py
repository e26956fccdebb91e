"""A document as markdown: what comes from outside stays text, and what leads nowhere is left out."""

from __future__ import annotations

import pytest

from bench.report.document.blocks import Document, Figure, Flames, Folded, Paragraph, Section, Warnings, table
from bench.report.document.text import Link, Report, marked
from bench.report.media import markdown


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
    assert markdown.escape(raw) == escaped


def test_a_table_is_no_wider_than_its_texts() -> None:
    narrow = table(["runner", "p95 µs"], [["a|b", "1"], ["pytorch", "12,300"]], names=1)
    assert markdown.Writer().table(narrow).splitlines() == [
        "| runner  | p95 µs |",
        "|---------|--------|",
        "| a\\|b    |      1 |",
        "| pytorch | 12,300 |",
    ]


def test_columns_of_sentences_are_not_padded() -> None:
    wide = table(["run", "verdict"], [[(Report(folder="a b", has_page=True),), "a sentence"]], names=2, wraps=True)
    assert markdown.Writer().table(wide).splitlines() == [
        "| run | verdict |",
        "| --- | --- |",
        "| [a b](<a%20b/report.md>) ([page](<a%20b/report.html>)) | a sentence |",
    ]
    assert "| a b | a sentence |" in markdown.Writer(beside_folder=False).table(wide)


def test_a_fence_is_longer_than_any_in_the_command() -> None:
    assert markdown.code("echo ```` hi") == "`````sh\necho ```` hi\n`````"
    assert markdown.code("ls") == "```sh\nls\n```"


def test_what_is_marked_stands_out() -> None:
    assert markdown.Writer().text(marked("**`~` is_x**: no `a_b`, * or _b")) == r"**`~` is_x**: no `a_b`, \* or \_b"


def test_links_lead_somewhere_or_are_words() -> None:
    texts = ("see ", Link("a/b.csv", "a/b.csv"), " at ", Link("https://a.b", "https://a.b"))
    assert markdown.Writer().text(texts) == "see [a/b.csv](a/b.csv) at <https://a.b>"
    assert markdown.Writer(beside_folder=False).text(texts) == "see a/b.csv at <https://a.b>"


def test_headings_are_as_deep_as_their_sections_and_none_stands_over_nothing() -> None:
    inner = Section(title="In", blocks=(Paragraph("b"),))
    nothing = Section(title="Nothing", blocks=(Flames(against="x"), Folded(title="Empty", blocks=())))
    document = Document(title="T", blocks=(Paragraph("a"), Section(title="Out", blocks=(inner,)), nothing))
    assert markdown.written(document) == "# T\n\na\n\n## Out\n\n### In\n\nb\n"


def test_a_chart_s_words_cannot_end_it() -> None:
    document = Document(title="T", blocks=(Figure(file="a.svg", alt="a [b](c)"),))
    assert markdown.written(document) == "# T\n\n![a \\[b\\\\](c)](charts/a.svg)\n"


@pytest.mark.parametrize(("counted", "first"), [(True, "**1 warning:**\n\n- a \\* b"), (False, "- a \\* b")])
def test_warnings_are_counted_where_no_heading_is_theirs(counted: bool, first: str) -> None:
    warned = Document(title="T", blocks=(Warnings(lines=("a * b",), counted=counted),))
    assert markdown.written(warned) == f"# T\n\n{first}\n"
    fine = Document(title="T", blocks=(Warnings(lines=(), nothing="Fine."),))
    assert markdown.written(fine) == "# T\n\nFine.\n"
