"""Every verb has its kind of report, and every kind all its parts."""

import dataclasses
from pathlib import Path
from typing import get_args

import pytest

from bench.analyse.verdicts.compare import Stored, compare
from bench.errors import ExitCode
from bench.records.schema import Verb
from bench.report import kinds
from bench.report.document.blocks import Document
from bench.report.kinds.compare.kind import KIND as COMPARE
from bench.report.media.short import short
from tests import factories
from tests.analyse.test_prices import a_list
from tests.histories import a_summary
from tests.report.kinds.bisect.test_report import found
from tests.report.kinds.upgrade.test_report import regressed
from tests.report.rows import baseline, row, summary_of

VERBS = get_args(Verb)
FOUND = {
    "run": lambda: summary_of(baseline(), row()),
    "upgrade": regressed,
    "history": a_summary,
    "bisect": found,
    "prices": a_list,
}
"""Something that each verb found."""


def told(kind, record):
    """What a kind says in every part that needs nothing but what was found; all of it can be told."""
    assert kind.grid(record).rows
    assert kind.cases(record)
    assert kind.exit_code(record) in vars(ExitCode).values()


def test_a_new_verb_is_one_folder_of_kinds():
    folder = Path(kinds.__file__).parent
    assert {each.parent.name for each in folder.glob("*/kind.py")} == {*VERBS, "compare"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_a_kind_whose_parts_tell_what_it_found(verb):
    kind, summary = kinds.of(verb), FOUND[verb]()
    assert summary.run.verb == verb
    told(kind, summary)
    document = kind.document(summary, "results/a")
    assert isinstance(document, Document)
    assert short(document).answers
    assert kind.whole_grid(summary).rows
    assert "\n" not in kind.headline(summary)
    assert kind.charts is None or kind.charts(summary)


@pytest.mark.parametrize("verb", VERBS)
def test_parts_are_those_of_the_verb_itself(verb):
    kind = kinds.of(verb)
    parts = {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}
    shared = {"charts"} if verb == "run" else set()  # the charts of a run are those of the folder charts
    owners = {name: part.__module__ for name, part in parts.items() if part is not None and name not in shared}
    own = {f"bench.report.kinds.{verb}.{name}" for name in ("report", "sentences", "grid", "outcome", "charts")}
    assert set(owners.values()) <= own | {"bench.report.document.cases"}  # those of all that ask for figures alone


def test_a_comparison_of_two_runs_is_told_by_a_kind_too():
    run = factories.run()
    stored = Stored(folder="results/a", run=run, trials=factories.journal(run))
    record = compare(stored, stored, margin=0.03, fail_on=["time"])
    told(COMPARE, record)
    document = COMPARE.document(record)
    assert short(document).answers
    assert document.title == "Did it get worse from results/a to results/a?"
    assert record.__class__.model_validate_json(record.model_dump_json(by_alias=True)) == record
