"""The wording of a report of each kind is approved as a whole: `golden/<kind>.md`, made from the tests' own records.

`APPROVE=1 pytest tests/report/test_golden.py` writes the files anew; what changed is then read with `git diff`.
"""

import os
from pathlib import Path
from typing import get_args

import pytest

from bench.records.schema import Verb
from bench.report.media import markdown
from tests.price_changes import a_check
from tests.price_lists import a_list, a_list_of_a_script
from tests.report.media.test_renderers import DOCUMENTS, of_run

GOLDEN = Path(__file__).with_name("golden")
REPORTS = {
    **{
        kind: DOCUMENTS[kind]
        for kind in ("run", "upgrade", "history", "bisect", "compare", "index", "doctor", "calibration")
    },
    "side-by-side": DOCUMENTS["side by side"],
    "prices": lambda: of_run(a_list()),
    "price-changes": lambda: of_run(a_check()),
    "prices-script": lambda: of_run(a_list_of_a_script()),
}


@pytest.mark.parametrize("kind", REPORTS)
def test_a_report_reads_as_it_was_approved(kind):
    file, written = GOLDEN / f"{kind}.md", markdown.written(REPORTS[kind]())
    if os.environ.get("APPROVE"):
        file.write_text(written, encoding="utf-8")
    assert written == file.read_text(encoding="utf-8"), "APPROVE=1 pytest tests/report/test_golden.py, if meant so"


def test_every_kind_has_an_approved_report_and_no_file_is_left_over():
    assert {*get_args(Verb), "compare"} <= set(REPORTS)
    assert {file.stem for file in GOLDEN.iterdir()} == set(REPORTS)
