"""The main job from end to end, as a user runs it: real interpreters, real frameworks, short trials."""

import gzip
import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from bench.records import store
from tests import factories, verbs
from tests.verbs import ROOT, folder_with_trials, run_folder

LOOPS = ROOT / "tests" / "loops"
SHORT = ["--device", "cpu", "--batch-size", "4", "--steps", "20", "--warmup", "4"]
bench, running = partial(verbs.process, "run"), partial(verbs.started, "run")


@pytest.fixture(scope="module")
def six(tmp_path_factory):
    """One short run of all six loops; which settings are equal is `test_workloads`'s."""
    cwd = tmp_path_factory.mktemp("six")
    settings = ["--precision", "bf16", "--grad-clip", "0.1", "--steps", "100"]
    return bench(*SHORT, *settings, "--blocks", "1", cwd=cwd, **verbs.FRAMEWORKS), cwd / "results"


def test_six_loops_are_bitwise_equal_and_have_ratios(six):
    done, out = six
    assert done.code == 0, done.err
    cells = json.loads((run_folder(out) / "summary.json").read_text())["cells"]
    assert len(cells) == 6
    for cell in cells:
        assert cell["equivalence"]["verdict"] == ("baseline" if cell["runner"] == "pytorch" else "bitwise"), cell
    ratios = {cell["runner"]: cell["ratio"]["value"] for cell in cells}
    assert ratios["pytorch"] == 1.0
    # In a quiet hour 1.7. A machine may stand still in any step of so few, but no step is shorter than the shortest.
    own, base = ([*steps_us(run_folder(out), runner)] for runner in ("hf-trainer", "pytorch"))
    assert min(own) / max(base) <= ratios["hf-trainer"] <= max(own) / min(base)


def steps_us(folder, runner):
    """All timed steps of a runner and its clone."""
    for trial in store.read_trials(folder):
        if trial.phase == "timing" and trial.cell.runner == runner:
            yield from (ns / 1e3 for ns in trial.timing.step_ns)


def test_every_count_repeats_in_a_second_fresh_interpreter(six):
    cells = json.loads((run_folder(six[1]) / "summary.json").read_text())["cells"]
    assert [cell["counters"]["not_repeated"] for cell in cells] == [[]] * len(cells)
    calls = {cell["runner"]: cell["counters"]["python_calls"] for cell in cells}
    assert calls["floor"] < calls["pytorch"] < calls["fabric"] < calls["accelerate"] < calls["lightning"]


def test_phases_and_tensor_categories_are_told_of_every_cell(six):
    cells = json.loads((run_folder(six[1]) / "summary.json").read_text())["cells"]
    for cell in cells:
        assert set(cell["phases_us"]) == {"data", "forward", "backward", "optimizer", "rest"}
        assert sum(cell["tensor_bytes_by_category"].values()) == cell["tensor_bytes"]
        assert (cell["joules_per_1000_samples"] is None) == ("joules_per_1000_samples" in cell["unavailable"])
    waits = {cell["runner"]: cell["phases_us"]["data"] for cell in cells}
    assert waits["floor"] == 0 < waits["pytorch"]


def test_only_counters_times_nothing_and_a_trace_is_one_file_a_cell(tmp_path):
    only = ["--device", "cpu", "--batch-size", "4", "--runner", "accelerate", "--only", "counters", "--trace"]
    done = bench(*only, cwd=tmp_path)
    assert done.code == 0, done.err
    folder = run_folder(tmp_path / "results")
    assert {trial.phase for trial in store.read_trials(folder)} == {"equivalence", "counting", "trace"}
    cells = json.loads((folder / "summary.json").read_text())["cells"]
    assert [cell["status"] for cell in cells] == ["ok", "ok"]
    assert cells[1]["unavailable"]["step_time_us"] == "not measured: --only skipped the timing pass"
    extra = cells[1]["counters"]["python_calls"] - cells[0]["counters"]["python_calls"]
    assert f"({extra:+,}) Python calls" in done.out
    assert "## Tables" not in (folder / "report.md").read_text()
    traces = sorted(path.name for path in (folder / "traces").iterdir())
    assert traces == ["000-pytorch-4.json.gz", "001-accelerate-4.json.gz"]
    events = json.loads(gzip.decompress((folder / "traces" / traces[1]).read_bytes()))["traceEvents"]
    assert sum(event["name"].startswith("ProfilerStep#") for event in events) == 10


@pytest.mark.slow
def test_frameworks_whose_loaders_have_workers_take_turns_and_are_bitwise_equal(tmp_path):
    settings = ["--optimizer", "sgd", "--workers", "2", "--runner", "hf-trainer,lightning"]
    short = ["--only", "time", "--blocks", "1", "--steps", "6", "--warmup", "2"]
    done = bench(*SHORT, *settings, *short, cwd=tmp_path, **verbs.FRAMEWORKS)
    assert done.code == 0, done.err
    assert "All 2 runners are bitwise equal to the hand-written loop, in every cell (2)." in done.out


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two loops, whose ratio is not known well enough after one block."""
    cwd = tmp_path_factory.mktemp("two")
    wanted = ["--blocks", "1", "--target-ci", "1%", "--max-blocks", "2"]  # one block gives no interval, and two none
    return bench(*SHORT, "--runner", "floor", "--only", "time", "--seed", "7", *wanted, cwd=cwd), cwd / "results"


def test_a_block_is_added_where_a_ratio_is_not_known_well_enough(two):
    done, out = two
    assert done.code == 0, done.err
    folder = run_folder(out)
    timed = sorted((t.block, t.cell.runner) for t in store.read_trials(folder) if t.phase == "timing")
    assert timed == [(block, runner) for block in (0, 1) for runner in ("floor", "pytorch", "pytorch")]
    assert "2 cells in 1 block, and in up to 2 where a ratio needed more." in (folder / "report.md").read_text()


def test_the_report_and_the_index_are_there_and_have_every_row(six):
    done, out = six
    folder = run_folder(out)
    report = (folder / "report.md").read_text()
    for runner in ("pytorch", "hf-trainer", "lightning", "accelerate", "fabric", "floor"):
        assert f"| {runner} " in report
    assert "nan" not in report.lower().split()
    assert folder.name in (out / "README.md").read_text()
    assert f"results/{folder.name}/report.md" in done.out
    assert sorted(path.name for path in (folder / "tables").iterdir())


def test_nobody_but_the_worker_imports_a_framework_for_the_journal(six):
    trials = store.read_trials(run_folder(six[1]))
    assert len(trials) == 4 * 6 + 7  # fingerprints, counts, recounts and phases; one block, which has a clone
    assert {trial.interpreter.launch for trial in trials} == {"fork"}
    opening, block = ({t.interpreter.padding_bytes for t in trials if t.block == number} for number in (-1, 0))
    assert {t.interpreter.hash_seed for t in trials} == {0}  # which counts need; other sets of blocks have others
    assert len(opening) == 2  # two sets of fresh interpreters count,
    assert len(block) == 1  # and the first also serves the first blocks
    assert block < opening


def test_a_report_is_rebuilt_to_the_byte_from_the_journal(six, verb):
    folder = run_folder(six[1])
    names = ("report.md", "summary.json")
    before = {name: (folder / name).read_bytes() for name in names}
    for name in names:
        (folder / name).unlink()
    assert verb("report", f"results/{folder.name}", cwd=six[1].parent).code == 0
    assert {name: (folder / name).read_bytes() for name in names} == before


def test_like_repeats_exactly_what_was_asked(two, tmp_path):
    first = run_folder(two[1])
    done = bench("--like", first, "--out", "again", cwd=tmp_path)
    assert done.code == 0, done.err
    again = run_folder(tmp_path / "again")
    assert store.read_run(again).settings == store.read_run(first).settings

    def plan(folder: Path) -> list[tuple[object, ...]]:
        return [(t.phase, t.cell, t.block, t.replicate, t.position) for t in store.read_trials(folder)]

    assert plan(again) == plan(first)
    fingerprints = [[t.fingerprint for t in store.read_trials(f) if t.fingerprint] for f in (again, first)]
    assert fingerprints[0] == fingerprints[1]


WRONG = ("other_lr", "other_order", "skips_a_step")


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A run with three loops that are subtly wrong, two that fail, and one that is well."""
    cwd = tmp_path_factory.mktemp("faulty")
    runners = ",".join(["floor", *(f"{LOOPS / name}.py" for name in (*WRONG, "raises", "is_killed"))])
    return bench(*SHORT, "--only", "time", "--blocks", "2", "--runner", runners, cwd=cwd), run_folder(cwd / "results")


@pytest.mark.parametrize("loop", WRONG)
def test_a_loop_that_is_subtly_wrong_gets_no_ratio(loop, faulty):
    done, folder = faulty
    assert done.code == 4, done.err
    baseline, *cells = json.loads((folder / "summary.json").read_text())["cells"]
    (wrong,) = [cell for cell in cells if cell["runner"] == f"{LOOPS / loop}.py"]
    assert wrong["equivalence"]["verdict"] == "different"
    assert "loss of micro-step" in wrong["equivalence"]["detail"]
    assert wrong["step_time_us"]["value"] > 0  # what it took is told, what it would be worth is not
    assert wrong["ratio"] is None
    assert wrong["overhead_us"] is None
    assert "not proven" in wrong["unavailable"]["ratio"]
    assert baseline["ratio"]["value"] == 1.0


def test_failures_are_rows_and_everything_else_is_kept(faulty):
    done, folder = faulty
    assert done.code == 4, done.err
    cells = json.loads((folder / "summary.json").read_text())["cells"]
    assert [cell["status"] for cell in cells] == ["ok"] * 5 + ["failed", "killed"]
    assert cells[1]["blocks"] == 2
    report = (folder / "report.md").read_text()
    assert "the learning rate went to the moon" in report
    assert "was killed by SIGKILL" in report
    assert "Traceback" not in done.err


def test_a_killed_run_resumes_and_repeats_nothing_and_none_is_resumed_that_goes_on(tmp_path, verb):
    with running(*SHORT, "--runner", "pytorch,floor", "--blocks", "6", cwd=tmp_path) as process:
        folder = folder_with_trials(process, tmp_path / "results", 5)
        process.send_signal(signal.SIGSTOP)  # it is not to end meanwhile
        second = verb("run", "--resume", f"results/{folder.name}")
    sentence = f"error: --resume results/{folder.name}: that run is still going on in another process.\n"
    assert (second.code, second.err) == (2, sentence)
    with (folder / "trials.jsonl").open("ab") as journal:
        journal.write(b'{"schema": 1, "phase": "tim')  # the line that the kill cut short
    with running("--resume", f"results/{folder.name}", cwd=tmp_path) as process:
        folder_with_trials(process, tmp_path / "results", 14)
    ended = (folder / "trials.jsonl").read_bytes()
    with (folder / "trials.jsonl").open("ab") as journal:
        journal.write(b'{"schema": 1, "phase": "tim')
    resumed = bench("--resume", f"results/{folder.name}", cwd=tmp_path)
    assert resumed.code == 0, resumed.err
    assert f"warning: results/{folder.name}/trials.jsonl: the last line was cut short and is dropped.\n" in resumed.err
    trials = store.read_trials(folder)
    keys = [(trial.phase, trial.cell, trial.block, trial.replicate) for trial in trials]
    assert len(keys) == len(set(keys)) == 2 * (1 + 2 + 1) + 6 * 3
    assert (folder / "trials.jsonl").read_bytes().startswith(ended)
    assert (folder / "report.md").is_file()


def test_results_that_may_only_be_read_are_left_as_they_are_and_say_what_to_do(tmp_path):
    folder = store.create(tmp_path, factories.run())
    for each in (folder, *folder.iterdir()):
        each.chmod(0o555)
    # Root may write everything, but for the capabilities that are taken from it.
    dropped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    opens = f"from bench.records import store; store.journal(__import__('pathlib').Path({str(folder)!r})).__enter__()"
    for code, remedy in (
        ([sys.executable, "-c", opens], "make it writable, or begin a new run in another folder by --out."),
        ([sys.executable, "-m", "bench.report", str(folder)], "make it writable, then write its report by"),
    ):
        done = subprocess.run([*dropped, *code], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode != 0
        assert "cannot be written: Permission denied; what" in done.stderr
        assert remedy in done.stderr
    assert sorted(each.name for each in folder.iterdir()) == ["run.json", "trials.jsonl"]


def test_the_end_of_a_job_reports_what_there_is_as_ctrl_c_does(tmp_path):
    with running(*SHORT, "--runner", "pytorch,floor", "--blocks", "500", cwd=tmp_path) as process:
        folder = folder_with_trials(process, tmp_path / "results", 12)
        process.send_signal(signal.SIGTERM)
        done = verbs.ended(process)
    assert done.code == 130, done.err
    assert "Traceback" not in done.err
    assert "| floor " in (folder / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--runner", "hf-trianer"], "did you mean hf-trainer?"),
        (["--batch-size", "0"], "--batch-size 0 must be at least 1."),
        (["--batch-size", "many"], "--batch-size 'many' is not a whole number."),
        (["--blocks", "many"], "as an integer. See --help."),
        (["--no-such-flag"], "--no-such-flag"),
        (["--device", "cuda"], "--device cuda: torch sees no cuda device here"),
        (["--resume", "nowhere"], "--resume nowhere is no run folder: it has no run.json."),
        (["--resume", "nowhere", "--seed", "1"], "--resume takes its settings from the run folder; leave --seed out."),
        (["--like", "nowhere"], "--like nowhere is no run folder: it has no run.json."),
        (["--device", "cpu", "--out", "/proc/nowhere"], "--out /proc/nowhere cannot be written"),
    ],
)
def test_a_wrong_command_is_one_sentence_and_writes_nothing(arguments, sentence, tmp_path, verb):
    if "cuda" in arguments:
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has the device that the test says is missing")
    done = verb("run", *arguments)
    assert done.code == 2
    assert sentence in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def made_by(verb: str, folder: Path) -> None:
    """Let a run folder be one of another verb."""
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(record | {"verb": verb, "command": f"python -m bench.{verb} x"}))


@pytest.mark.parametrize(
    ("flag", "other", "sentence"),
    [
        ("--like", "upgrade", "was made by bench.upgrade; repeat it by its command: python -m bench.upgrade x"),
        ("--resume", "bisect", "was made by bench.bisect, which starts again: python -m bench.bisect x"),
    ],
)
def test_what_another_verb_made_is_neither_repeated_nor_resumed_as_a_run(flag, other, sentence, tmp_path, verb):
    folder = store.create(tmp_path / "results", factories.run())
    made_by(other, folder)
    done = verb("run", flag, folder)
    assert done.code == 2
    assert done.err == f"error: {flag} {folder} {sentence}\n"


@pytest.mark.slow
def test_a_search_for_the_largest_batch_keeps_each_size_that_it_tries_and_goes_on(tmp_path, verb):
    asked = ["--device", "cpu", "--find-max-batch", "--memory-limit", "64MiB", "--batch-size", "4"]
    done = bench(*asked, "--runner", "pytorch", cwd=tmp_path, **verbs.FRESH)
    assert done.code == 4, done.err
    folder = run_folder(tmp_path / "results")
    tried = [(t.cell.batch_size, t.status) for t in store.read_trials(folder) if t.phase == "max-batch"]
    assert tried == [(4, "oom"), (2, "oom"), (1, "oom")]
    assert "not even a batch of 1 trains: out of memory, its peak of" in done.out
    journal = folder / store.JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:-1]))
    verb("run", "--resume", folder)
    assert [json.loads(line)["cell"]["batch_size"] for line in journal.read_bytes().splitlines()] == [4, 4, 2, 1]
