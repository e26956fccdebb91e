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
from tests.histories import a_summary
from tests.price_changes import a_check
from tests.price_lists import a_list
from tests.report.kinds.bisect.test_report import bisected
from tests.report.kinds.upgrade.test_report import regressed
from tests.report.rows import baseline, row, summary_of

KINDS = (*get_args(Verb), "price_changes")
"""A folder each: every verb has one, and a check of prices its own."""
FOUND = {
    "run": lambda: summary_of(baseline(), row()),
    "upgrade": regressed,
    "history": a_summary,
    "bisect": bisected,
    "prices": a_list,
    "price_changes": a_check,
}
"""Something of each kind of run."""


def says_all(kind, record):
    """What a kind says in every part that needs nothing but what was found; all of it can be told."""
    assert kind.grid(record).rows
    assert kind.cases(record)
    assert kind.exit_code(record) in vars(ExitCode).values()


def test_a_new_verb_is_one_folder_of_kinds():
    folder = Path(kinds.__file__).parent
    assert {path.parent.name for path in folder.glob("*/kind.py")} == {*KINDS, "compare"}


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_all_parts_and_they_tell_what_was_found(name):
    kind, summary = kinds.of(name), FOUND[name]()
    assert summary.run.kind == name
    says_all(kind, summary)
    document = kind.document(summary, "results/a")
    assert isinstance(document, Document)
    assert short(document).answers
    assert kind.whole_grid(summary).rows
    assert "\n" not in kind.headline(summary)
    assert kind.charts is None or kind.charts(summary)


@pytest.mark.parametrize("name", KINDS)
def test_parts_are_those_of_the_kind_itself(name):
    kind = kinds.of(name)
    parts = {field.name: getattr(kind, field.name) for field in dataclasses.fields(kind)}
    shared = {"charts"} if name == "run" else set()  # the charts of a run are those of the folder charts
    owners = {key: part.__module__ for key, part in parts.items() if part is not None and key not in shared}
    own = {f"bench.report.kinds.{name}.{file}" for file in ("report", "sentences", "grid", "outcome", "charts")}
    assert set(owners.values()) <= own | {"bench.report.document.cases"}  # those of all that ask for figures alone


def test_a_comparison_of_two_runs_is_told_by_a_kind_too():
    run = factories.run()
    stored = Stored(folder="results/a", run=run, trials=factories.journal(run))
    record = compare(stored, stored, margin=0.03, fail_on=["time"])
    says_all(COMPARE, record)
    document = COMPARE.document(record)
    assert short(document).answers
    assert document.title == "Did it get worse from results/a to results/a?"
    assert record.__class__.model_validate_json(record.model_dump_json(by_alias=True)) == record
