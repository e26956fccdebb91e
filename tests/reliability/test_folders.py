"""Run folders that vanish, fill up or are wanted by two runs at once."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.cli import pipeline, reports
from bench.cli.output import OutputOptions
from bench.errors import ExitCode, InterruptedReportError, RunFolderError
from bench.execute import checkup
from bench.records import store
from bench.records.steadiness import JitterFacts
from tests import factories


def test_a_folder_that_is_deleted_while_its_run_goes_on_ends_the_run_in_one_sentence(tmp_path):
    folder = store.create(tmp_path, factories.run())
    with store.journal(folder) as journal:
        journal.append(factories.trial(block=0))
        shutil.rmtree(folder)
        with pytest.raises(RunFolderError) as refused:
            journal.append(factories.trial(block=1))
    assert str(refused.value) == (
        f"{folder / store.JOURNAL} was deleted while the run went on, and with it what was measured: begin a new run, "
        "in another folder by --out."
    )


def test_runs_that_start_in_the_same_second_have_a_folder_each(tmp_path):
    with ThreadPoolExecutor(8) as starting:
        folders = list(starting.map(lambda _: store.create(tmp_path, factories.run()), range(40)))
    assert len(set(folders)) == 40
    assert all(store.read_run(folder) == factories.run() for folder in folders)


def test_reports_that_are_written_at_the_same_time_are_each_whole(tmp_path):
    texts = [letter * 500_000 for letter in "abcdefgh"]
    with ThreadPoolExecutor(8) as writing:
        list(writing.map(lambda text: store.write(tmp_path / "README.md", text), texts * 5))
    assert (tmp_path / "README.md").read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_ctrl_c_while_it_reports_says_how_to_write_the_report_later(tmp_path, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    folder = store.create(tmp_path, factories.run())
    monkeypatch.setattr(reports, "rebuild", interrupt)
    with pytest.raises(InterruptedReportError) as refused:
        pipeline.report(folder, OutputOptions(verb="run"), interrupted=True)
    assert refused.value.exit_code == ExitCode.INTERRUPTED
    assert str(refused.value).endswith(f"what was measured is kept: python -m bench.report {folder} writes it.")


def test_a_second_run_on_the_same_device_says_that_there_is_one(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkup.jitter_probe, "jitter", lambda _: JitterFacts(unavailable="not asked"))
    first, second = (store.create(tmp_path, factories.run()) for _ in range(2))
    other = factories.run(comparisons=[factories.comparison(device="mps")])
    with checkup.record_during(first, factories.run()) as beside:
        assert beside is None
        with checkup.record_during(second, factories.run()) as beside_first:
            assert beside_first is not None
            assert beside_first.startswith("another looptax is measuring on cpu here, and the two disturb each other")
        with checkup.record_during(second, other) as beside_none:
            assert beside_none is None
    with checkup.record_during(second, factories.run()) as afterwards:
        assert afterwards is None


def test_a_run_on_several_cards_is_beside_one_on_any_of_them(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(checkup.jitter_probe, "jitter", lambda _: JitterFacts(unavailable="not asked"))

    def beside(**changes: object) -> str | None:
        other = factories.run(comparisons=[factories.comparison(**changes)])
        with checkup.record_during(store.create(tmp_path, other), other) as sentence:
            return sentence

    ranks = factories.run(comparisons=[factories.comparison(device="cuda", ranks=2)])
    with checkup.record_during(store.create(tmp_path, ranks), ranks):
        assert beside(device="cuda:1").startswith("another looptax is measuring on cuda:1 here")
        assert beside(device="cuda").startswith("another looptax is measuring on cuda:0 here")
        assert beside(device="cuda", ranks=2, nodes=2) is not None
        assert beside(device="cuda:2") is None
        assert beside() is None
