"""Names and reasons of a run folder from a stranger are text wherever they are shown."""

import csv
import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest

from bench.analyse.summary import summarise
from bench.records import store
from bench.records.foreign_text import printable
from bench.records.schema import AttributionRow
from bench.report import answer, kinds, publish
from bench.report.charts import render
from bench.report.charts.engine import Drawn
from bench.report.document import tables
from bench.report.document.text import Code, Link, Strong
from bench.report.export import files
from bench.report.media import github, junit, markdown, progress, terminal
from bench.report.media.html.render import rich
from tests import checks, factories

ESCAPE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
UNSEEN = "a\u2066b\u2069\u200e\u200f\u061c\u200b\u200d\u00ad\u2060\ufeff\u3164\U000e0041z"
"""Marks of direction, and what has no width."""
WICKED = (
    f"=cmd|' /C calc'!A0 <img src=x onerror=alert(1)> `code` ](javascript:alert(1)) {ESCAPE}{UNSEEN}\n::error::\n|x"
)
"""A formula, markup, a link, what a terminal obeys, and a second line that would be a command of GitHub's."""
OBEYED = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e{UNSEEN[1:-1].replace('b', '')}]")


class NoCharts:
    """An engine that has nothing to draw."""

    def draw(self, _):
        return Drawn()


def wicked_run():
    run = factories.run(
        runners=["pytorch", WICKED, f"no {WICKED}"],
        blocks=2,
        comparisons=[factories.comparison(workload=WICKED)],
        name=WICKED,
        command=f"python -m bench.run --name {WICKED}",
    )
    machine = run.machine.model_copy(update={"cpu": WICKED, "variables": {WICKED: WICKED}, "left_out": [WICKED]})
    return run.model_copy(update={"machine": machine, "packages": {"torch": "2", WICKED: WICKED}})


@pytest.fixture(scope="module")
def wicked(tmp_path_factory):
    """A run in which every name is wicked, and one of its loops failed: its folder and summary."""
    run = wicked_run()
    folder = store.create(tmp_path_factory.mktemp("wicked"), run)
    times = factories.STEP_US | {WICKED: 500, f"no {WICKED}": 500}
    whole = factories.journal(run, step_us=times)
    cell = factories.cell(WICKED, workload=WICKED)
    failed = {"status": "failed", "reason": WICKED, "timing": None, "fingerprint": None}
    trials = [each.model_copy(update=failed) if each.cell.runner.startswith("no ") else each for each in whole]
    extra = AttributionRow(
        cell=cell, counter="python_calls", file=WICKED, function=WICKED, line=1, baseline=0, candidate=9, delta=9
    )
    summary = summarise(run, trials).model_copy(update={"attribution": [extra]})
    return folder, publish.publish(folder, summary, NoCharts())


def test_no_file_of_a_report_has_markup_or_anything_that_a_terminal_obeys(wicked):
    folder, _ = wicked
    for name in ("report.md", "report.html", "../README.md", "../index.html"):
        text = (folder / name).read_text()
        text = re.sub(r"^(`{3,})sh\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)  # code stays text
        assert "<img src=x" not in text, name
    for name in ("report.md", "../README.md", "report.html", "../index.html"):
        assert OBEYED.search((folder / name).read_text()) is None, name
    for name in ("report.md", "../README.md"):
        text = (folder / name).read_text()
        assert not re.search(r"(?<!\\)\]\(javascript:", text.partition("```sh")[0]), name


@pytest.mark.parametrize("part", [WICKED, Code(WICKED), Strong((WICKED,)), Link(WICKED, "https://host/")])
def test_no_part_of_a_sentence_is_markup(part):
    text = re.sub(r"(`+).*?\1", "", markdown.Writer().text(("See ", part)))  # code stays text
    assert "<img" not in text
    assert OBEYED.search(markdown.Writer().text((part,))) is None
    assert "<img" not in rich(("See ", part))
    assert OBEYED.search(rich(("See ", part))) is None


def test_a_terminal_obeys_nothing_of_it(wicked):
    folder, summary = wicked
    shown = io.StringIO()
    terminal.show(answer.of_run(folder, summary, exit_code=4), shown)
    assert "cmd|" in shown.getvalue()
    assert OBEYED.search(shown.getvalue()) is None


def test_the_progress_of_a_run_neither():
    stream = io.StringIO()
    plain = progress.PlainProgress(stream)
    plain.start(3, WICKED)
    failed = factories.trial(cell=factories.cell(WICKED, workload=WICKED), status="failed", reason=WICKED)
    plain.trial(failed, 1, 3, None, {WICKED: None})
    plain.close()
    assert "cmd|" in stream.getvalue()
    assert OBEYED.search(stream.getvalue()) is None


def test_nothing_of_it_is_a_command_or_markup_for_a_ci_system(wicked):
    folder, summary = wicked
    run_answer = answer.of_run(folder, summary, exit_code=4)
    commands = github.workflow_commands(run_answer)
    assert commands
    assert all(line.count("::") >= 2 and "\n" not in line and OBEYED.search(line) is None for line in commands)
    page = github.summary(run_answer)
    assert "\\::error::" in page  # in the command that repeats the run
    assert OBEYED.search(page) is None
    assert not [line for line in page.splitlines() if line.startswith("::")]
    suite = junit.Suite(verb="run", started_at=factories.STARTED, properties={"command": WICKED})
    text = junit.document(suite, run_answer.cases, {})
    assert Xml.fromstring(text).find(".//img") is None
    assert OBEYED.search(text) is None


def test_no_cell_of_a_csv_is_a_formula(wicked):
    folder, summary = wicked
    files.export(summary, folder, ["csv"])
    cells = [
        cell
        for path in (*folder.glob("tables/*.csv"), *folder.glob("export/*.csv"))
        for row in csv.reader(path.read_text().splitlines(keepends=True))
        for cell in row
    ]
    assert any(cell.startswith("'=cmd|") for cell in cells)
    assert [cell for cell in cells if OBEYED.search(cell)] == []
    assert [cell for cell in cells if re.match(r"[=@]|[+-].*[A-Za-z]", cell)] == []


@pytest.mark.parametrize("figure", ["+648 [628, 688]", "-3.5", "+1.9 %", "~", "−114 [−130, −99]"])
def test_a_figure_is_no_formula_and_stays_as_it_is(figure):
    assert tables._inert(figure) == figure


@pytest.mark.parametrize("formula", ["=1+1", "@SUM(A1)", "+1+cmd|' /C calc'!A0", "-2+HYPERLINK(A1)", "\t=1", "\r=1"])
def test_what_a_spreadsheet_would_compute_is_text(formula):
    assert tables._inert(formula) == f"'{printable(formula)}"


def test_no_chart_has_what_nobody_sees():
    bar = {"mark": "bar", "data": {"values": [{"name": WICKED, "us": 1}]}, "encoding": {"x": {"field": "name"}}}
    chart = render.compiled(bar | {"title": WICKED})
    assert OBEYED.search(json.dumps(chart, ensure_ascii=False)) is None
    assert OBEYED.search(render.image(chart, WICKED)) is None


def test_latex_has_no_command_of_it(wicked):
    _, summary = wicked
    body = files.latex(summary)
    assert OBEYED.search(body) is None
    assert files._escaped(r"\input{/etc/passwd} $x$ %") == (r"\textbackslash{}input\{/etc/passwd\} \$x\$ \%")
    command = "a\n\\input{/etc/passwd}"
    grid = kinds.of("run").whole_grid(summary)
    texts = files._latex(
        replace(grid, headers=(command, *grid.headers[1:]), notes=(command,)), caption=command, label=""
    )
    assert [line for line in texts.splitlines() if r"\input{" in line and not line.startswith("%")] == []


def test_the_report_of_a_check_and_its_names(wicked):
    old = checks.OLD.model_copy(update={"requirements": [WICKED], "packages": {"transformers": WICKED}, "moved": {}})
    run = checks.planned(sides=(old, checks.NEW))
    summary = checks.ended(run, checks.timed(run, [0.1] * 10))
    folder, _ = wicked
    text = markdown.written(kinds.of("upgrade").document(summary, str(folder)))
    assert "<img src=x" not in text
    assert OBEYED.search(text) is None


def test_lines_and_tabs_are_no_commands():
    assert printable("a\tb\nc") == "a\tb\nc"
