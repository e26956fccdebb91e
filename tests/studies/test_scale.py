"""What a report costs grows as its journal does: counted, and not timed."""

import re
import tracemalloc
from argparse import Namespace
from pathlib import Path

import pytest

from bench.analyse.cells import seen
from bench.analyse.summary import kept, summarise
from bench.records import journal, store
from studies.scale import journals, nightly
from studies.scale.__main__ import replaced

HISTORY = Path(__file__).parents[2] / "results" / "20261124T143236Z-history-transformers"
FEW, MANY = 500, 2000


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return [journals.write(tmp_path_factory.mktemp("scale"), trials) for trials in (FEW, MANY)]


def peak_bytes(make) -> int:
    """At its peak, of what `make` allocates, which has been done once before for what it keeps for good."""
    make()
    tracemalloc.start()
    try:
        made = make()
        assert made
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_synthetic_journal_has_the_trials_of_its_plan(folders):
    for folder, wanted in zip(folders, (FEW, MANY), strict=True):
        trials = store.read_trials(folder)
        timed = [trial for trial in trials if trial.phase == "timing"]
        assert len(timed) == pytest.approx(wanted, rel=0.02)
        assert len({trial.timing.memory.host_rss_bytes for trial in timed}) > len(timed) / 4
        summary = summarise(store.read_run(folder), trials)
        assert all(cell.status == "ok" and cell.ratio is not None for cell in summary.cells)


def test_memory_grows_as_the_journal_does_by_a_third_of_what_its_trials_take(folders, monkeypatch):
    monkeypatch.setattr(seen, "TOGETHER", FEW // 4)  # so many are whole at a time, however long the journal is
    few, many = ((store.read_run(folder), folder) for folder in folders)
    kept_bytes = [peak_bytes(lambda: kept(run, store.each_trial(each))) for run, each in (few, many)]  # noqa: B023
    assert kept_bytes[1] / kept_bytes[0] < 1.1 * MANY / FEW
    whole_bytes = [peak_bytes(lambda: store.read_trials(folder)) for folder in folders]  # noqa: B023
    assert kept_bytes[1] - kept_bytes[0] < (whole_bytes[1] - whole_bytes[0]) / 3


def test_every_line_is_read_once_and_every_trial_reduced_once(folders, monkeypatch):
    read, reduced = [], []
    trial, figures = journal._trial, seen.figures_of_alike
    monkeypatch.setattr(journal, "_trial", lambda *given: read.append(1) or trial(*given))
    monkeypatch.setattr(seen, "figures_of_alike", lambda timed, *more: reduced.extend(timed) or figures(timed, *more))
    run = store.read_run(folders[0])
    summarise(run, kept(run, store.each_trial(folders[0])))
    lines = (folders[0] / store.JOURNAL).read_bytes().count(b"\n")
    assert len(read) == lines
    assert len(reduced) == lines - sum(line.phase == "equivalence" for line in store.each_trial(folders[0]))


def test_a_section_takes_the_place_of_its_earlier_self():
    page = "# Title\n\n## A\nold\n\n## B\nstays\n"
    assert replaced(page, "## A\nnew\n") == "# Title\n\n## A\nnew\n\n## B\nstays\n"
    assert replaced(page, "## C\nnew\n") == f"{page}\n## C\nnew\n"


def test_the_page_has_what_the_stored_history_says_of_a_nightly_check():
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
    history = nightly.History.of(HISTORY)
    assert nightly._of_history(history) in page
    assert f"changes missed of {history.changed.sum()} |" in nightly.nightly(Namespace(run=[HISTORY]))
    of_each = [int(number) for number in re.findall(r"step time changed in (\d+)", page)]
    (of_all,) = re.findall(r"changes missed of (\d+) \|", page)
    assert len(of_each) == 3
    assert sum(of_each) == int(of_all)


def test_a_change_without_a_counter_is_missed_unless_it_is_in_the_sample():
    history = nightly.History.of(HISTORY)
    unseen = nightly.History(history.folder, history.releases, history.moves * 0, history.seconds)
    assert [nightly._missed(history, 0.0, share) for share in (0.0, 0.5)] == [0, 0]
    assert nightly._missed(unseen, 0.0, 0.0) == history.changed.sum() == 2
    assert nightly._missed(unseen, 0.0, 0.5) == pytest.approx(1, abs=0.05)
