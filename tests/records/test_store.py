"""The run folder: nothing that was measured is lost, and nothing is written twice."""

import gzip
import json
import resource
import subprocess
import sys
from contextlib import contextmanager
from types import NoneType
from typing import get_args

import pytest
from pydantic import BaseModel

from bench import doctor
from bench.cli import bisect_search, pipeline
from bench.errors import RunFolderError
from bench.execute.environments import cache
from bench.host import health
from bench.records import checkups, store
from bench.records import journal as journals
from bench.records.base import SCHEMA
from bench.records.health import Health
from bench.records.schema import ScriptLoader, Summary, Trial
from tests.factories import REGION, cell, region, run, timing, trial


def test_two_runs_of_the_same_second_get_two_folders(tmp_path):
    first, second = store.create(tmp_path, run()), store.create(tmp_path, run())
    assert first != second
    assert second.name == f"{first.name}-2"
    assert store.read_run(first) == store.read_run(second) == run()


def test_every_trial_comes_back_as_it_was(tmp_path):
    folder = store.create(tmp_path, run())
    trials = [trial(block=block) for block in range(3)]
    with store.journal(folder) as journal:
        for one in trials:
            journal.append(one)
    assert store.read_trials(folder) == trials


@pytest.mark.parametrize("record", [Trial, Health], ids=lambda record: record.__name__)
def test_what_may_be_unknown_is_not_needed_to_read_a_line(record):
    """Lines leave out what is None: a field that may be None and has no default could be written and never read."""
    needed = {
        f"{part.__name__}.{name}"
        for part in parts_of(record)
        for name, field in part.model_fields.items()
        if field.is_required() and NoneType in get_args(field.annotation)
    }
    assert needed == set()
    assert ScriptLoader in parts_of(Trial)


def parts_of(record: type[BaseModel]) -> set[type[BaseModel]]:
    """A record and all that its fields hold."""
    parts, waiting = {record}, [field.annotation for field in record.model_fields.values()]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in parts:
                parts.add(annotation)
                waiting += [field.annotation for field in annotation.model_fields.values()]
        else:
            waiting += get_args(annotation)
    return parts


def test_turns_come_back_as_they_were_and_trials_that_took_them_together_are_written_together(tmp_path):
    folder = store.create(tmp_path, run())
    paused = timing().turns.model_copy(update={"places": [1, 0] * 5, "pauses_ns": {3: 4_000_000}})
    clone = cell().model_copy(update={"clone": True})
    together = [
        trial(timing=timing(turns=paused), replicate=1),
        trial(cell=clone, replicate=1, alone="the device is in exclusive mode"),
        trial("lightning", status="timeout", replicate=1),
    ]
    with store.journal(folder) as journal:
        journal.append(*together)
    assert store.read_trials(folder) == together


def test_a_journal_of_before_loops_took_turns_is_read(tmp_path):
    folder = store.create(tmp_path, run())
    old = trial(length=REGION, timing=region())
    line = old.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert "turns" not in line["timing"]
    del line["cell"]["clone"]
    (folder / store.JOURNAL).write_text(json.dumps(line) + "\n")
    assert store.read_trials(folder) == [old]


def test_a_packed_journal_is_read_as_it_was_and_refused_for_more(tmp_path):
    folder = store.create(tmp_path, run())
    trials = [trial(block=block) for block in range(3)]
    with store.journal(folder) as journal:
        journal.append(*trials)
    subprocess.run(["gzip", folder / store.JOURNAL], check=True)
    assert store.read_trials(folder) == trials
    with pytest.raises(RunFolderError) as refused, store.journal(folder):
        pass
    command = f"gunzip {folder / store.PACKED}"
    assert str(refused.value) == f"--resume {folder}: its journal is packed: unpack it by {command}."
    subprocess.run(command.split(), check=True)
    with store.journal(folder) as journal:
        journal.append(trial(block=3))
    assert store.read_trials(folder) == [*trials, trial(block=3)]


@pytest.mark.parametrize(
    "torn", [lambda whole: whole[:-20], lambda whole: b"no gzip" + whole, lambda whole: whole[:10]]
)
def test_a_packed_journal_that_is_torn_is_named(tmp_path, torn):
    folder = store.create(tmp_path, run())
    (folder / store.JOURNAL).unlink()
    (folder / store.PACKED).write_bytes(torn(gzip.compress(b'{"phase": "timing"}\n')))
    with pytest.raises(RunFolderError, match=r"trials.jsonl.gz cannot be unpacked: .*; put a whole copy in its place."):
        store.read_trials(folder)


@pytest.mark.parametrize("looked_at_together", [journals.TAIL_BYTES, 7])
def test_a_torn_last_line_is_dropped_with_a_warning_and_cut_off_before_more_is_written(
    tmp_path, monkeypatch, looked_at_together
):
    monkeypatch.setattr(journals, "TAIL_BYTES", looked_at_together)
    folder = store.create(tmp_path, run())
    with store.journal(folder) as journal:
        journal.append(trial(block=0))
        journal.append(trial(block=1))
    path = folder / store.JOURNAL
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.warns(store.TornLineWarning, match="the last line was cut short"):
        assert [one.block for one in store.read_trials(folder)] == [0]
    with pytest.warns(store.TornLineWarning), store.journal(folder) as journal:
        journal.append(trial(block=2))
    assert [one.block for one in store.read_trials(folder)] == [0, 2]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
    folder = store.create(tmp_path, run())
    (folder / store.JOURNAL).write_text('{"phase": "timing"}\n')
    with pytest.raises(
        RunFolderError, match=r"trials.jsonl line 1 is no trial: cell: Field required; delete that line."
    ):
        store.read_trials(folder)


def test_one_writer_at_a_time(tmp_path):
    folder = store.create(tmp_path, run())
    with (
        store.journal(folder),
        pytest.raises(RunFolderError, match="still going on in another process"),
        store.journal(folder),
    ):
        pass


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(RunFolderError) as caught:
        store.read_run(tmp_path, flag="--resume")
    assert str(caught.value) == f"--resume {tmp_path} is no run folder: it has no run.json."


def test_an_unwritable_out_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError) as caught:
        store.create(tmp_path / "file", run())
    assert str(caught.value) == f"--out {tmp_path / 'file'} cannot be written: File exists; name another folder."


def test_the_summary_is_flat_and_says_machine_and_packages_once(tmp_path):
    from tests.factories import summary

    store.write_summary(tmp_path, summary())
    written = json.loads((tmp_path / store.SUMMARY).read_text())
    assert written["schema"] == SCHEMA
    assert set(written) >= {"run", "machine", "packages", "cells", "verdicts", "attribution", "warnings"}
    assert "machine" not in written["run"]
    assert {"workload", "runner", "device", "batch_size", "step_time_us", "ratio"} <= set(written["cells"][0])


def test_a_summary_has_a_line_for_each_row_and_comes_back_as_it_was(tmp_path):
    from tests.factories import summary

    cells = [cell.model_copy(update={"reason": "„é“", "import_s": 1e-7}) for cell in summary().cells]
    written = summary().model_copy(update={"cells": cells})
    store.write_summary(tmp_path, written)
    content = (tmp_path / store.SUMMARY).read_text()
    assert Summary.model_validate_json(content) == written
    rows = [json.loads(line.removesuffix(",")) for line in content.splitlines() if line.startswith('{"workload"')]
    assert rows == json.loads(content)["cells"]


@pytest.mark.parametrize(
    ("name", "safe"), [("my run", "my-run"), ("../../etc", "etc"), ("<script>", "script"), ("…", "run")]
)
def test_a_name_is_made_safe(name, safe):
    assert store.slug(name) == safe


@contextmanager
def files_of_at_most(size: int):
    """What a full disk does, in this process: a file grows to `size` bytes, and a write beyond it fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(
    ("begin", "command"),
    [
        (
            lambda folder: bisect_search.hunted(folder, cache.obtain, confirm=False, quiet=True),
            "python -m bench.bisect p 1 2",
        ),
        (lambda folder: pipeline.execute(folder, way_on=doctor.WAY_ON), "python -m bench.doctor --calibrate"),
    ],
)
def test_what_cannot_be_resumed_says_how_to_start_again_where_there_is_no_room(tmp_path, monkeypatch, begin, command):
    folder = store.create(tmp_path, run().model_copy(update={"command": command}))

    def no_room(*_, **__):
        with files_of_at_most(10):
            journals[0].append(trial())

    journals, journal = [], store.Journal
    monkeypatch.setattr(
        "bench.records.journal.Journal", lambda *a, **k: journals.append(journal(*a, **k)) or journals[0]
    )
    monkeypatch.setattr(bisect_search.BisectSearch, "search", no_room)
    monkeypatch.setattr(pipeline.TrialScheduler, "run", no_room)
    with pytest.raises(RunFolderError) as refused:
        begin(folder)
    assert str(refused.value).endswith(f"start again by {command}.")
    assert "--resume" not in str(refused.value)


def test_a_journal_that_has_no_room_keeps_what_is_in_it_whole_and_says_how_to_go_on(tmp_path):
    folder = store.create(tmp_path, run())
    with store.journal(folder) as journal:
        journal.append(trial(block=0))
        size = (folder / store.JOURNAL).stat().st_size
        with files_of_at_most(size + 10), pytest.raises(RunFolderError) as refused:
            journal.append(trial(block=1), trial(block=2))
    sentence = str(refused.value)
    assert f"{folder / store.JOURNAL} cannot be written: File too large" in sentence
    assert sentence.endswith(f"make room, then go on by python -m bench.run --resume {folder}.")
    assert (folder / store.JOURNAL).stat().st_size == size
    with store.journal(folder) as journal:
        journal.append(trial(block=1))
    assert [trial.block for trial in store.read_trials(folder)] == [0, 1]


def test_a_run_that_has_no_room_to_begin_leaves_no_folder(tmp_path):
    with files_of_at_most(10), pytest.raises(RunFolderError, match=r"--out .* cannot be written: File too large"):
        store.create(tmp_path, run())
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_has_no_room_says_how_to_write_it_later(tmp_path):
    from bench.cli import reports

    folder = store.create(tmp_path, run())
    with files_of_at_most(1_000), pytest.raises(RunFolderError) as refused:
        reports.rebuild(folder)
    assert "cannot be written: File too large; what was measured is kept" in str(refused.value)
    assert f"python -m bench.report {folder}" in str(refused.value)
    assert not list(folder.glob(".*"))


def test_a_look_at_the_machine_that_has_no_room_costs_no_run(tmp_path):
    folder = store.create(tmp_path, run())
    with files_of_at_most(10), pytest.warns(UserWarning, match=r"health.jsonl cannot be written: File too large"):
        checkups.append(folder, health.now(cards=[]).health)
    assert (folder / checkups.CHECKUPS).read_bytes() == b""


def test_a_torn_line_is_told_once_however_often_the_journal_is_read(tmp_path):
    folder = store.create(tmp_path, run())
    (folder / store.JOURNAL).write_text('{"phase"')
    code = (
        "import sys, warnings; from pathlib import Path; from bench.records import store\n"
        "folder = Path(sys.argv[1]); store.read_trials(folder)\n"
        "def other(): store.read_trials(folder)\n"
        "other()\n"
        "with store.journal(folder): pass"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert done.stderr.count("the last line was cut short") == 1


def test_a_line_that_stands_there_twice_counts_once_and_is_told(tmp_path):
    folder = store.create(tmp_path, run())
    with store.journal(folder) as journal:
        journal.append(trial(block=0), trial(block=1), trial(block=0))
    with pytest.warns(store.DoubledLineWarning, match=r"trials.jsonl line 3 repeats line 1 and is dropped"):
        assert [one.block for one in store.read_trials(folder)] == [0, 1]
