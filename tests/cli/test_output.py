"""How a verb's end is shown: what is printed, what is written for a CI system; exit codes stay what they are."""

import io
import json
import os
import signal
import sys
import warnings
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from bench.cli import app
from bench.cli.output import OutputOptions
from bench.errors import UsageError
from bench.report.media import markdown, progress
from tests.factories import journal, stored, trial
from tests.pairs import after, before, scaled
from tests.report.answers import answer, case

GITHUB = ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT")


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path):
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.chdir(tmp_path)
    for name in (*GITHUB, "NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def step(monkeypatch, place):
    """The files of a step in GitHub Actions."""
    for name in GITHUB:
        monkeypatch.setenv(name, str(place / name))
    return [place / name for name in GITHUB]


@pytest.fixture
def worse(place):
    """Two stored runs, the second one with a slower hf-trainer."""
    a, b = before(), after()
    slow = journal(b, step_us=scaled(hf_trainer=1.1), seed=2)
    return stored(place / "a", a, journal(a, seed=1)), stored(place / "b", b, slow)


def printed(capsys, report, **options):
    OutputOptions(verb="upgrade", **options).emit(report, 1)
    return capsys.readouterr().out


# What is printed


def test_quiet_prints_the_path_of_the_report(capsys):
    assert printed(capsys, answer(case()), quiet=True) == "results/a/report.md\n"
    assert printed(capsys, answer(case(), path=None), quiet=True) == ""


def test_json_prints_one_object_and_nothing_else(capsys):
    assert json.loads(printed(capsys, answer(case()), as_json=True)) == {"exit_code": 1}


def test_markdown_prints_the_whole_report(capsys):
    assert printed(capsys, answer(case()), form="markdown") == markdown.written(answer().document)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"quiet": True, "as_json": True}, "--quiet and --json each say what is printed: keep one of them."),
        ({"as_json": True, "form": "github"}, "--json and --format github each say what is printed"),
        ({"form": "html"}, "--format html is unknown: choose one of text, markdown, github."),
        ({"junit": Path("/proc/nothing/a.xml")}, "--junit /proc/nothing/a.xml cannot be written: name a file"),
        ({"junit": Path()}, "--junit . cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_measured(options, sentence):
    usual = {"quiet": False, "as_json": False, "form": "text"}
    with pytest.raises(UsageError) as refused:
        OutputOptions.chosen("run", **usual | options)
    assert str(refused.value).startswith(sentence)


def test_a_quiet_run_shows_no_progress():
    stream = io.StringIO()
    display = progress.choose(stream, quiet=True)
    display.start(3, "a title", blocks=2)
    display.trial(trial(status="failed"), 1, 3, 4.0, {})
    display.note("a note")
    display.close()
    assert stream.getvalue() == ""


# GitHub


def test_in_a_step_the_summary_goes_to_its_file_and_the_log_gets_text_and_annotations(capsys, step):
    summary, output = step
    summary.write_text("of an earlier command\n")
    out = printed(capsys, answer(case()), form="github")
    assert summary.read_text().startswith("of an earlier command\n## A run: what does it cost?\n")
    assert output.read_text().splitlines()[:2] == ["verdict=regressed", "exit-code=1"]
    assert "## A run" not in out
    assert "\nWorse: step time regressed.\n" in out
    assert out.splitlines()[-1].startswith("::error title=hf-trainer at batch 64 of mlp on cpu (bench.upgrade)::")


def test_without_the_variable_the_summary_is_printed(capsys):
    out = printed(capsys, answer(case()), form="github")
    assert out.startswith("## A run: what does it cost?\n")
    assert out.count("::error ") == 1


def test_an_error_is_an_annotation_and_a_summary(verb, step):
    code, out, err = verb("run", "--device", "cuda:99", "--format", "github")
    assert (code, err.startswith("error: ")) == (2, True)
    sentence = err.removeprefix("error: ").rstrip()
    assert out == f"::error title=bench.run::{sentence.replace('%', '%25')}\n"
    summary, output = (path.read_text() for path in step)
    assert summary.startswith("## bench.run ended with an error\n\n")
    assert output.splitlines() == ["verdict=wrong-command", "exit-code=2", "report="]


# JUnit


def test_junit_is_written_even_where_nothing_was_measured(verb, place):
    code, _, err = verb("upgrade", "--baseline", "torch==2.0", "--junit", "deep/er/a.xml")
    assert code == 2
    error = Xml.parse(place / "deep" / "er" / "a.xml").find("testsuite/testcase/error")
    assert error.get("type") == "UsageError"
    assert f"error: {error.text}" == err.rstrip()
    assert [path.name for path in (place / "deep" / "er").iterdir()] == ["a.xml"]


def test_a_crash_leaves_a_document_as_well(place):
    ending = OutputOptions(verb="run", junit=place / "a.xml", form="github")
    with pytest.raises(ZeroDivisionError), ending.errors_emitted():
        raise ZeroDivisionError
    assert Xml.parse(place / "a.xml").find("testsuite/testcase/error").text == "ended by ZeroDivisionError"


def test_a_crash_is_no_verdict(step):
    with pytest.raises(ZeroDivisionError), OutputOptions(verb="run", form="github").errors_emitted():
        raise ZeroDivisionError("a | b")
    assert step[1].read_text().splitlines()[0] == "verdict=crashed"


# Exit codes


def crashing():
    raise ZeroDivisionError("a fault")


def test_a_crash_is_told_from_a_regression(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as ended:
        app.run(crashing)
    assert ended.value.code == 70
    printed = capsys.readouterr().err
    assert "ZeroDivisionError: a fault" in printed
    assert printed.endswith("error: internal error in looptax; the measurements are not affected.\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_whatever_ends_a_job_ends_it_as_ctrl_c_does(number, capsys, monkeypatch, own_signals):
    signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)

    def ended():
        os.kill(os.getpid(), number)
        raise AssertionError("it went on")

    monkeypatch.setattr(sys, "argv", ["bench"])
    with pytest.raises(SystemExit) as stopped:
        app.run(ended)
    assert stopped.value.code == 130
    assert capsys.readouterr().err == "error: interrupted before anything was measured.\n"


@pytest.mark.parametrize("options", [(), ("--quiet",), ("--json",), ("--format", "github"), ("--junit", "a.xml")])
def test_no_option_changes_an_exit_code(verb, worse, options):
    assert verb("compare", *worse, *options)[0] == 1
    assert verb("compare", *worse, *options, "--margin", "50%")[0] == 0


def test_compare_tells_a_terminal_the_answer_and_a_table(verb, worse):
    _, out, err = verb("compare", *worse, "--junit", "a.xml", "--out", "report.md")
    first, *others = out.splitlines()
    assert first.startswith("Regressed: hf-trainer at batch 64 of mlp on cpu, step time ÷ pytorch's 1.")
    header, _, *rows = [line.split() for line in others if line.startswith(("batch", "64", "──"))]
    assert (header[:2], header[-1]) == (["batch", "runner"], "verdict")
    assert {row[1]: " ".join(row[-2:]) for row in rows}["hf-trainer"].endswith("regressed")
    assert out.splitlines()[-1] == "The report: report.md"
    assert err == ""
    suite = Xml.parse("a.xml").find("testsuite")
    failed = [each for each in suite.findall("testcase") if each.find("failure") is not None]
    assert {each.get("classname") for each in failed} == {"hf-trainer at batch 64 of mlp on cpu"}
    assert len(suite.findall("testcase")) == 4 + 2 * 2  # host memory of four loops; time and throughput of two


def test_compare_is_quiet_about_a_report_that_it_writes_nowhere(verb, worse):
    assert verb("compare", *worse, "--quiet") == (1, "", "")
    assert verb("compare", *worse, "--quiet", "--out", "r.md") == (1, "r.md\n", "")
