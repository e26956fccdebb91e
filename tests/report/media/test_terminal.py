import io

import pytest

from bench.report.document.blocks import Bullets, Document, Paragraph, Section, Warnings, table
from bench.report.document.columns import NO_DIFFERENCE
from bench.report.document.groups import STATUS_WORDS
from bench.report.document.tables import Notes
from bench.report.document.text import About, Toned
from bench.report.document.verdict_tables import WORDS
from bench.report.kinds.run import grid
from bench.report.kinds.upgrade.grid import Watched, of_verdicts
from bench.report.media import terminal
from tests.report.answers import PARAGRAPHS, answer, document
from tests.report.kinds.upgrade.test_report import regressed
from tests.report.rows import baseline, different, failed, row, summary_of, with_settings

ESCAPE = "\x1b["


def worse(line: str, lead: str = "Worse.") -> Document:
    return document(Paragraph(lead, strong=True, role="answer"), Bullets((line,), role="answer"))


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """Shows an answer on a terminal of some width, or on a pipe."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)

    def show(what, columns=None, **environment):
        settings = {"TERM": "xterm-256color", **({"COLUMNS": str(columns)} if columns else {}), **environment}
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        stream = Screen() if columns else io.StringIO()
        terminal.show(what, stream)
        return stream.getvalue()

    return show


def test_a_pipe_gets_plain_text_in_whole_lines(shown):
    long = "a word " * 40
    text = shown(answer(document=worse(long.strip())))
    assert ESCAPE not in text
    assert f"  {long.strip()}\n" in text
    assert text.splitlines()[3:] == [
        "batch  runner      step time µs  samples/s     ratio",
        "────────────────────────────────────────────────────",
        "64     pytorch       363 ±0.8 %    176,000  baseline",
        "64     hf-trainer    681 ±1.3 %     94,100         ~",
        "(1) unproven: no fingerprint",
        "",
        "The report: results/a/report.md",
    ]


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_terminal_gets_lines_no_wider_than_it_is_and_folded_lines_stay_indented(shown, columns):
    long = "a word " * 40
    report = answer(document=worse(long.strip()))
    lines = shown(report, columns, NO_COLOR="1").replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert max(map(len, lines)) <= columns
    folded = [line for line in lines if "word" in line]
    assert len(folded) == -(-len(long) // (columns - 2))
    assert all(line.startswith("  a") or line.startswith("  word") for line in folded)


def test_columns_go_in_their_order_where_there_is_no_room(shown):
    wide = shown(answer(), 60)
    assert "samples/s" in wide
    narrow = shown(answer(), 50)
    assert "samples/s" not in narrow
    assert "±" in narrow
    assert "±" not in shown(answer(), 35)
    assert "hf-trainer" in shown(answer(), 35)


def test_colours_are_for_terminals_unless_the_user_says_otherwise(shown):
    bad = answer(grid=table(("runner", "verdict"), [("a", Toned("regressed", "bad"))], names=1))
    assert f"{ESCAPE}1;31mregressed" in shown(bad, 80)
    assert "31m" not in shown(bad, 80, NO_COLOR="1")
    assert "31m" not in shown(bad)
    assert f"{ESCAPE}1;31mregressed" in shown(bad, FORCE_COLOR="1", NO_COLOR="")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (WORDS["regressed"], ""),
        (Toned("regressed", "bad"), "bold red"),
        (Notes().mark(STATUS_WORDS["oom"], "no room"), "bold red"),
        (STATUS_WORDS["not-run"], "yellow"),
        (NO_DIFFERENCE, "dim"),
        ("1.08 [1.05, 1.11]", ""),
        ((Toned("regressed", "bad"), " twice"), ""),
    ],
)
def test_what_stands_out_is_what_has_a_tone(text, seen):
    assert "".join(str(span.style) for span in terminal.styled(text).spans) == seen


def test_who_a_sentence_is_about_stands_out_and_stays_with_it(shown):
    report = answer(document=worse(About("hf [b]\n(x)", ": slow: as ever")), grid=None)
    assert "  \x1b[1mhf [b] (x)\x1b[0m: slow: as ever\n" in shown(report, 80)
    assert "  hf [b] (x): slow: as ever\n" in shown(report)


def test_verdicts_have_their_tone_where_they_are_made():
    made = {each.verdict: grid_of(each) for each in map(judged, ("regressed", "improved", "undecided"))}
    tones = {verdict: table.rows[0].texts[-1].tone for verdict, table in made.items()}
    assert tones == {"regressed": "bad", "improved": "good", "undecided": "open"}
    assert not isinstance(grid_of(judged("not-regressed")).rows[0].texts[-1], Toned)


def judged(verdict):
    return regressed().verdicts[0].model_copy(update={"verdict": verdict})


def grid_of(verdict):
    return of_verdicts([Watched(verdict=verdict, watched=True, awaited=True)])


def test_markup_in_a_name_is_text(shown):
    report = answer(document=document(Paragraph("[bold]x[/bold] :smile: [/]", role="note")), grid=None)
    assert shown(report).startswith("[bold]x[/bold] :smile: [/]\n")
    assert "[bold]x[/bold] :smile: [/]" in shown(report, 80)


def test_a_loop_of_other_arithmetic_does_not_look_like_the_others():
    for passes in (["equivalence", "counting"], ["equivalence", "timing"]):
        tables = grid.by_cell(with_settings(summary_of(baseline(), row(), different()), passes=passes))
        names = [line[1] for line in tables.texts]
        number = 1 + tables.notes.index("different: loss of micro-step 2: 0.69 against 0.7")
        assert names == ["pytorch", "hf-trainer", f"fabric, different ({number})"]
        assert [getattr(line.texts[1], "tone", None) for line in tables.rows] == [None, None, "bad"]


def test_an_error_of_several_lines_breaks_neither_a_sentence_nor_the_table(shown):
    reason = "RuntimeError: no\n\n  kernel image\nis available"
    one_failed = summary_of(baseline(), failed("lightning", "failed").model_copy(update={"reason": reason}))
    text = shown(answer(document=worse(reason, "a\nb"), grid=grid.by_cell(one_failed)))
    assert "a b\n  RuntimeError: no kernel image is available\n" in text
    assert ") RuntimeError: no kernel image is available\n" in text


def test_the_gravest_warnings_are_told(shown):
    warned = Section(title="Trust", blocks=(Warnings(lines=("load is 3", "b", "c", "d", "e")),))
    text = shown(answer(document=document(*PARAGRAPHS, warned)))
    assert "\n5 warnings:\n  load is 3\n  b\n  c\n  and 2 more in the report\n" in text
    assert "warning" not in shown(answer())
