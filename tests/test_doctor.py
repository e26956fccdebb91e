"""The doctor from end to end, and what every run does of its work."""

import json
import os
import sys
import time

import pytest

from bench.execute import checkup
from bench.plan import calibration
from bench.records import checkups, store
from bench.records.health import Diagnosis
from bench.records.schema import AcceleratorInfo
from bench.records.steadiness import Steadiness
from bench.report.document import steadiness
from tests import factories, verbs
from tests.busy import Busy


def bench(verb, *arguments, cwd, **environment):
    return verbs.process(verb, *arguments, cwd=cwd, LOOPTAX_CACHE=str(cwd / "cache"), **environment)


@pytest.mark.slow
def test_json_is_one_object_with_facts_and_findings(tmp_path):
    done = bench("doctor", "--device", "cpu", "--json", cwd=tmp_path)
    diagnosis = Diagnosis.model_validate_json(done.out)
    assert (done.code, done.err) == (0 if diagnosis.fit else 4, "")
    subjects = [finding.subject for finding in diagnosis.findings]
    assert {"other processes", "processor quota", "swap", "fork safety", "versions", "calibration"} <= set(subjects)
    assert {"steadiness", "cores"} <= set(subjects)
    assert diagnosis.torch.launch == ("spawn" if sys.platform == "darwin" else "fork")
    assert len(diagnosis.versions.requirements) > 10
    assert diagnosis.health.activity is not None
    assert diagnosis.health.activity.window_s > 1.9
    assert diagnosis.health.jitter is None  # thousands of slices are no figures
    assert diagnosis.steadiness.unavailable is None
    assert 0 < diagnosis.steadiness.turns < diagnosis.steadiness.alone
    assert diagnosis.steadiness.wall_s > 9.9  # slices are added for ten seconds, and figures need so many
    assert len(diagnosis.steadiness.cores) == min(len(os.sched_getaffinity(0)), 4) if sys.platform == "linux" else 1
    for finding in diagnosis.findings:
        assert finding.seen
        assert finding.severity == "fine" or finding.effect


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (
            ["--device", "gpu"],
            2,
            "error: --device 'gpu' is not auto, cpu, cuda, mps, xpu or one of these with an index",
        ),
        (["--device", "xpu", "--calibrate"], 2, "error: --device xpu: torch sees no xpu device here"),
    ],
)
def test_a_wrong_command_is_one_sentence(arguments, code, sentence, verb):
    done = verb("doctor", *arguments)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(sentence)
    assert done.err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts by processor")
@pytest.mark.slow
def test_a_busy_process_marks_its_block_and_is_named_in_the_report(tmp_path, verb):
    short = ["--device", "cpu", "--batch-size", "64", "--runner", "pytorch", "--only", "time", "--blocks", "1"]
    # What this run takes itself must be its children's.
    with verbs.started("run", *short, "--steps", "1000", cwd=tmp_path, **verbs.FRESH) as running:
        folder = verbs.folder_with_trials(running, tmp_path / "results", 1)  # the proof: its block comes next
        with Busy() as busy:
            done = verbs.ended(running)
    assert done.code == 0, done.err
    loads = [trial.load for trial in store.read_trials(folder) if trial.load is not None]
    used_s = sum(load.busy_s - load.own_s for load in loads)
    assert used_s > 0.2 * sum(load.wall_s for load in loads)  # on two crowded processors it still gets its share
    summary = json.loads((folder / "summary.json").read_text())
    (marked,) = summary["marked_blocks"]
    assert marked["foreign_s"] == pytest.approx(used_s)
    assert summary["warnings"][0].startswith("foreign load: in 1 of 1 timed blocks other processes took more than 10 %")
    start, end = checkups.read(folder)
    assert (start.moment, start.activity, end.moment) == ("start", None, "end")
    assert busy.pid in [process.pid for process in end.activity.processes]
    report = (folder / "report.md").read_text()
    assert "foreign load: in 1 of 1 timed blocks" in report
    assert f"(pid {busy.pid})" in report
    assert start.jitter.unavailable is None
    assert summary["steadiness"]["turns"] > 0
    assert end.jitter is None
    # On a crowded machine so little may have been timed that the sentence says just that.
    sentence = steadiness.sentence(Steadiness.model_validate(summary["steadiness"]))
    assert sentence in report.splitlines()[2]
    assert sentence in " ".join((done.out + done.err).split())
    assert verb("report", folder).code == 0
    assert (folder / "report.md").read_text() == report


# What a run folder keeps


def test_what_was_seen_of_the_machine_comes_back_and_a_torn_line_is_left_out(tmp_path):
    began_s = time.monotonic()
    with checkup.record_during(tmp_path, factories.run()):
        assert [each.moment for each in checkups.read(tmp_path)] == ["start"]  # what a kill leaves
    first = checkups.read(tmp_path)
    assert [each.moment for each in first] == ["start", "end"]
    assert 0 < first[1].activity.window_s < time.monotonic() - began_s
    with checkup.record_during(tmp_path, factories.run()):
        pass
    path = tmp_path / checkups.CHECKUPS
    path.write_bytes(path.read_bytes()[:-20])
    assert [each.moment for each in checkups.read(tmp_path)] == ["start", "end", "start"]
    assert checkups.read(tmp_path / "older") == []


def test_the_end_is_kept_of_an_interrupted_run_too(tmp_path):
    with pytest.raises(KeyboardInterrupt), checkup.record_during(tmp_path, factories.run()):
        raise KeyboardInterrupt
    assert [each.moment for each in checkups.read(tmp_path)] == ["start", "end"]


@pytest.mark.parametrize(
    ("devices", "uuids", "asked"),
    [
        (["cpu"], ["GPU-a", "GPU-b"], []),
        (["cuda"], ["GPU-a", "GPU-b"], ["GPU-a"]),
        (["cpu", "cuda:1"], ["GPU-a", "GPU-b"], ["GPU-b"]),
        (["cuda"], [None, None], None),
    ],
)
def test_only_the_cards_of_a_run_are_looked_at(devices, uuids, asked):
    run = factories.run(comparisons=[factories.comparison(device=device) for device in devices])
    cards = [AcceleratorInfo(device=f"cuda:{n}", name="H100", uuid=uuid) for n, uuid in enumerate(uuids)]
    assert (
        checkup.cards_of(run.model_copy(update={"machine": run.machine.model_copy(update={"accelerators": cards})}))
        == asked
    )


@pytest.mark.slow
def test_a_calibration_is_kept_and_the_next_run_uses_it(tmp_path, verb, monkeypatch):
    monkeypatch.setattr(calibration, "CAP", 8)  # blocks, however long a machine takes for them
    monkeypatch.setattr(calibration, "BUDGET_S", verbs.HANG_S)
    done = verb("doctor", "--calibrate", "--device", "cpu", "--json", LOOPTAX_CACHE=str(tmp_path / "cache"))
    assert done.code == 0, done.err
    calibrated = json.loads(done.out)
    assert len(calibrated["blocks"]) == 8
    assert calibrated["against_itself"]["value"] == pytest.approx(1, abs=0.2)
    (kept,) = (tmp_path / "cache" / "calibrations").iterdir()
    assert json.loads(kept.read_text()) == calibrated
    printed = verb("doctor", "--device", "cpu", LOOPTAX_CACHE=str(tmp_path / "cache")).out
    assert f"calibration: of {calibrated['made_at'][:10]}, 8 blocks" in printed
