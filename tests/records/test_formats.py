"""docs/formats.md is what files have: a key that is not in its history has no `schema` by which to tell of it."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from bench.errors import RunFolderError
from bench.records import store
from bench.records.base import SCHEMA, Record, own_version
from bench.records.health import Health
from bench.records.schema import Run, Summary, Trial
from bench.report import publish
from tests import factories

ROOT = Path(__file__).parent.parent.parent
SCHEMAS = ROOT / "tests" / "reliability" / "schemas"
HISTORY = (ROOT / "docs" / "formats.md").read_text()
FILES = (Run, Trial, Summary, Health)


def records(*annotations):
    """Every record among some annotations, and in its fields."""
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, Record):
            yield annotation
            yield from records(*(field.annotation for field in annotation.model_fields.values()))
        else:
            yield from records(*get_args(annotation))


def keys():
    """`Record.key` of all that is written to the files of a run folder."""
    return {f"{record.__name__}.{name}" for record in records(*FILES) for name in record.model_fields}


def documented(schema):
    """The keys that the history names under a schema's heading; several of one record stand in a row."""
    (section,) = re.findall(rf"^## {schema}\n(.*?)(?=^## |\Z)", HISTORY, flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`(\w+\.\w+)`", section))


def test_every_key_that_a_schema_brought_is_in_its_history_and_none_is_gone():
    before = set(json.loads((SCHEMAS / f"{SCHEMA - 1}.json").read_text()))
    assert before - keys() == set(), "keys only ever get added"
    assert keys() - before == documented(SCHEMA), "docs/formats.md names what differs from the last schema"


def test_every_schema_has_its_chapter_and_its_runs():
    assert re.findall(r"^## (\d+)$", HISTORY, flags=re.MULTILINE) == [str(n) for n in range(SCHEMA, 0, -1)]
    runs = {path.name for path in SCHEMAS.iterdir() if path.is_dir()}
    assert runs == set(re.findall(r"`(\d{4}-\d\d-\d\d-[\w-]+)`", HISTORY))
    written = {json.loads((SCHEMAS / name / "run.json").read_text())["schema"] for name in runs}
    assert written == set(range(1, SCHEMA + 1))


def test_each_line_says_which_looptax_wrote_it(tmp_path):
    folder = factories.stored(tmp_path, factories.run(runners=["pytorch"], blocks=1))
    assert {trial.looptax for trial in store.read_trials(folder)} == {own_version()}
    assert f'{{"schema":{SCHEMA},"looptax":"{own_version()}",' in (folder / store.JOURNAL).read_text()


@pytest.mark.parametrize("has_brief", [True, False])
def test_a_summary_of_a_newer_schema_is_left_out_of_the_index_with_the_version_that_wrote_it(tmp_path, has_brief):
    folder = factories.stored(tmp_path, factories.run(runners=["pytorch"], blocks=1))
    path = folder / store.SUMMARY
    brief = '"brief": {"verb": "dance"},' if has_brief else ""
    path.write_text(f'{{"schema": {SCHEMA + 1}, {brief} "packages": {{"looptax": "9.1.0"}}}}')
    sentence = rf"summary.json has schema {SCHEMA + 1}, which looptax 9.1.0 has written; this looptax reads up to"
    with pytest.raises(RunFolderError, match=sentence):
        store.read_summary(path)
    with pytest.warns(UserWarning, match=sentence):
        publish.rebuild_index(tmp_path)
