import pytest

from bench.report.document.blocks import Figure, Folded, Paragraph, Section, Warnings
from bench.report.media import github
from tests.report.answers import PARAGRAPHS, answer, case, document


def test_a_text_can_neither_end_a_workflow_command_nor_begin_another_one():
    line = github.command("error", title="a:b,c%\r\n::warning::x", message="100 %: a, b\n::error::c\r")
    assert line == "::error title=a%3Ab%2Cc%25%0D%0A%3A%3Awarning%3A%3Ax::100 %25: a, b%0A::error::c%0D"
    assert len(line.splitlines()) == 1


def test_a_cell_gets_one_annotation_a_level_and_what_is_fine_gets_none():
    report = answer(
        case(),
        case(name="syncs", reason="regressed: 6 → 7"),
        case("skipped", "warning", name="host memory", reason="undecided: 1 MB → 2 MB"),
        case("skipped", None, name="import time", reason="undecided"),
        case("passed", None, name="ops"),
    )
    title = "hf-trainer at batch 64 of mlp on cpu (bench.upgrade)"
    assert github.workflow_commands(report) == [
        f"::error title={title}::step time: regressed: 681 µs → 735 µs%0Asyncs: regressed: 6 → 7",
        f"::warning title={title}::host memory: undecided: 1 MB → 2 MB",
    ]


@pytest.mark.parametrize(
    ("cells", "lines", "more"), [(10, 10, None), (11, 10, "2 more cells"), (60, 10, "51 more cells")]
)
def test_no_more_annotations_than_are_shown(cells, lines, more):
    commands = github.workflow_commands(answer(*(case(of=f"cell {number}") for number in range(cells))))
    assert len(commands) == lines
    assert commands[0].startswith("::error title=cell 0 (")
    assert (f"{more} like these" in commands[-1]) if more else ("cell 9" in commands[-1])


def test_the_summary_has_the_answer_first_then_a_table_then_folded_sections():
    text = github.summary(answer())
    assert text.splitlines()[:7] == [
        "## A run: what does it cost?",
        "",
        "**Worse: step time regressed.**",
        "",
        "- hf-trainer: 681 µs &lt;b&gt;",
        "",
        "| batch | runner     | step time µs | samples/s |    ratio |",
    ]
    assert "told in the answer" not in text
    assert "\n<details>\n<summary>Tables</summary>\n\n| a | b |\n" in text
    assert text.index("Checked hf-trainer.") > text.index("| 64 ")
    assert text.endswith("</details>\n\nThe report: `results/a/report.md`\n")


def test_nothing_in_the_summary_leads_into_the_run_folder():
    text = github.summary(answer())
    assert "![" not in text
    assert "](" not in text
    assert "Every function: tables/a.csv, see <https://ui.perfetto.dev>." in text


def test_what_held_only_a_picture_is_gone_with_it():
    spread = Folded(title="How it is spread", blocks=(Figure(file="x.svg", alt="x"),))
    text = github.summary(answer(document=document(Section(title="Tables", blocks=(spread, Paragraph("more"))))))
    assert "How it is spread" not in text
    assert "more" in text


def test_the_gravest_warnings_stand_above_the_folds():
    warned = Section(title="Trust", blocks=(Warnings(lines=("load is <3>", "b", "c", "d")),))
    text = github.summary(answer(document=document(*PARAGRAPHS, warned))).split("<details>")[0]
    assert "**4 warnings:**\n\n- load is &lt;3&gt;\n- b\n- c\n- and 1 more in the report\n" in text


def test_a_summary_stays_below_what_github_takes():
    long = (Section(title=f"Section {number}", blocks=(Paragraph("µ" * 100_000),)) for number in range(9))
    text = github.summary(answer(document=document(*long)))
    assert len(text.encode()) < 1024 * 1024
    assert "Section 3" in text
    assert "Section 5" not in text
    assert "The rest is too long for this page: it is in the report." in text


@pytest.mark.parametrize(("code", "word"), [(0, "fine"), (1, "regressed"), (3, "undecided"), (4, "failed")])
def test_the_outputs_of_a_step(code, word):
    assert github.outputs(exit_code=code, path="results/a/report.md").splitlines() == [
        f"verdict={word}",
        f"exit-code={code}",
        "report=results/a/report.md",
        "folder=results/a",
    ]


def test_an_output_is_one_line():
    assert "report=a b/report.md\n" in github.outputs(exit_code=0, path="a\nb/report.md")
