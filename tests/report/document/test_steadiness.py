"""How steady the machine was stands in the first lines of every report, and nowhere in an older run's."""

import pytest

from bench.records.schema import Bisection
from bench.records.steadiness import Steadiness
from bench.report.document import steadiness
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.history import report as history_report
from bench.report.kinds.run import report as run_report
from bench.report.kinds.upgrade import report as upgrade_report
from bench.report.media import markdown, terminal
from bench.report.media.html import layout
from tests import factories
from tests.report.rows import baseline, summary_of, with_settings

FOUND = Steadiness(wall_s=1.0, alone=0.14, turns=0.0081, cores_differ=0.031, quietest_core=1)
SENTENCE = (
    "This machine: two identical loops timed one after the other would come out 14 % apart, in turns 0.8 %; its cores "
    "differ by 3.1 %."
)


def test_it_is_one_sentence():
    assert steadiness.sentence(FOUND) == SENTENCE
    one_core = FOUND.model_copy(update={"cores_differ": None})
    assert steadiness.sentence(one_core).endswith("would come out 14 % apart, in turns 0.8 %.")


def test_why_there_are_no_figures_is_said():
    lost = Steadiness(unavailable="the fixed work failed: exit code -9")
    sentence = "How steady this machine was is unavailable: the fixed work failed: exit code -9."
    assert steadiness.sentence(lost) == sentence


def test_it_is_in_the_first_lines_of_the_report_the_page_and_the_terminal():
    summary = factories.summary().model_copy(update={"steadiness": FOUND})
    assert markdown.written(run_report.document(summary, "results/a")).splitlines()[2].endswith(f" {SENTENCE}")
    assert terminal.lines(run_report.document(summary, "results/a"))[0].endswith(f" {SENTENCE}")
    (setting,) = layout.page(run_report.document(summary, "results/a")).setting
    assert setting.block.text.endswith(f" {SENTENCE}")


def test_an_older_run_says_nothing():
    assert "This machine" not in markdown.written(run_report.document(factories.summary(), "results/a")).split("##")[0]


@pytest.mark.parametrize("kind", [run_report, upgrade_report, history_report, bisect_report])
def test_reports_of_every_verb_say_it(kind, monkeypatch):
    monkeypatch.setattr(steadiness, "sentence", lambda _: "said.")
    summary = factories.summary().model_copy(update={"steadiness": FOUND})
    settings = summary.run.settings.model_copy(update={"bisection": Bisection(metric="step_time", releases=[])})
    summary = summary.model_copy(update={"run": summary.run.model_copy(update={"settings": settings})})
    assert kind.setting(summary).endswith(". said.")


def test_what_is_not_the_default_stands_in_the_first_lines():
    apart = {"workers": 2, "precision": "bf16", "grad_accumulation": 4, "grad_clip": 0.1, "optimizer": "sgd"}
    sentence = run_report.setting(with_settings(summary_of(baseline(**apart)), threads=2, seed=3))
    assert (
        "Not the default: bf16, sgd, gradients of 4 batches accumulated, gradients clipped at 0.1, 2 loader workers, "
        "2 threads and seed 3."
    ) in sentence
    assert "Not the default" not in run_report.setting(summary_of(baseline()))


def test_what_differs_inside_a_run_is_in_its_titles_and_not_said_twice():
    both = [baseline(workers=workers) for workers in (0, 2)]
    assert "Not the default" not in run_report.setting(summary_of(*both))
