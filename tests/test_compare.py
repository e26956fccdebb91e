"""Two stored runs compared as a user compares them: the command line over synthetic journals."""

import json
from pathlib import Path

import pytest

from bench.records.schema import AcceleratorInfo, FunctionCounts, Length, Run, Trial
from bench.report.document import numbers
from tests.factories import (
    REGION,
    STEP_US,
    comparison,
    fingerprint,
    interpreter,
    journal,
    memory,
    region,
    stored,
)
from tests.pairs import LOG, LOOPS, NEWER, STEP, after, before, counted, counters, scaled

TIME = ("step_time_us", "samples_per_second")


@pytest.fixture
def verb(verb):
    """`bench.compare`, which prints the whole report where nothing else is asked for."""

    def call(*arguments):
        form = [] if {"--json", "--format"} & set(arguments) else ["--format", "markdown"]
        return verb("compare", *arguments, *form)

    return call


@pytest.fixture
def pair(tmp_path):
    """Stores two runs and returns their folders; by default nothing differs but the version of transformers."""

    def make(
        a: Run | None = None,
        b: Run | None = None,
        *,
        step_us: dict[str, float] | None = None,
        more: tuple[list[Trial], list[Trial]] = ([], []),
    ) -> tuple[Path, Path]:
        a, b = a or before(), b or after()
        first = stored(tmp_path / "a", a, journal(a, seed=1) + more[0])
        return first, stored(tmp_path / "b", b, journal(b, step_us=step_us or STEP_US, seed=2) + more[1])

    return make


def verdicts(document: str) -> dict[tuple[str, str], dict[str, object]]:
    return {(verdict["cell"]["runner"], verdict["metric"]): verdict for verdict in json.loads(document)["verdicts"]}


def informational(document: str) -> dict[tuple[str, str], dict[str, object]]:
    return {(each["cell"]["runner"], each["metric"]): each for each in json.loads(document)["informational"]}


def outcomes(document: str, outcome: str) -> set[tuple[str, str]]:
    return {key for key, each in verdicts(document).items() if each["verdict"] == outcome}


# Verdicts


def test_ten_per_cent_more_in_one_loop_is_found_though_the_machine_is_slower_too(verb, pair):
    folders = pair(step_us=scaled(1.08, hf_trainer=1.10))
    code, report, _ = verb(*folders)
    assert code == 1
    first = report.splitlines()[2]
    assert first.startswith("**Regressed: hf-trainer at batch 64 of mlp on cpu, ")
    assert first.endswith("times what it was.**")
    code, document, _ = verb(*folders, "--json")
    assert code == json.loads(document)["exit_code"] == 1
    loop = {("hf-trainer", "step_time_us_over_pytorch"), ("hf-trainer", "samples_per_second_over_pytorch")}
    assert outcomes(document, "regressed") == loop
    ratio = verdicts(document)["hf-trainer", "step_time_us_over_pytorch"]["ratio"]
    assert 1.05 < ratio["low"] < 1.10 < ratio["high"] < 1.15
    # The raw times of all loops are worse, which is the machine's doing and decides nothing.
    raw = [informational(document)[name, "step_time_us"] for name in LOOPS]
    assert all(each["real"] and each["ratio"]["value"] > 1.05 for each in raw)
    assert not {"verdict", "margin"} & set(raw[0])
    assert not {metric for _, metric in verdicts(document)} & set(TIME)


def test_equal_runs_are_not_worse(verb, pair):
    a, b = before(), after(packages=before().packages)
    folders = pair(a, b, more=(counted(a, STEP), counted(b, STEP)))
    code, report, err = verb(*folders, "--fail-on", "counters,time,memory")
    assert (code, err) == (0, "")
    lines = report.splitlines()
    # Ratios of two loops, two figures each; host memory and tensor bytes of four; four counts of four.
    judged = "none of 28 verdicts on time, memory and counters of 4 cells"
    assert lines[2] == f"**Not regressed: {judged} is worse by the margin of 3.0 %.**"
    assert "- No package differs between the runs." in lines
    assert "All 16 counts of 4 cells are the same in both runs." in lines
    _, document, _ = verb(*folders, "--json")
    assert outcomes(document, "regressed") == outcomes(document, "undecided") == set()


def test_an_improvement_is_told_and_is_fine(verb, pair):
    code, report, _ = verb(*pair(step_us=scaled(hf_trainer=0.9)))
    lines = report.splitlines()
    assert code == 0
    assert lines[2].startswith("**Not regressed: ")
    assert lines[4].startswith("Improved: hf-trainer at batch 64 of mlp on cpu, ")


def test_the_margin_is_the_users(verb, pair):
    folders = pair(step_us=scaled(hf_trainer=1.05))
    assert verb(*folders)[0] == 1
    code, report, _ = verb(*folders, "--margin", "10%")
    assert code == 0
    (row,) = [line for line in report.splitlines() if line.startswith("| hf-trainer at batch 64 | step time ÷")]
    assert row.endswith("| not-regressed, but more |")


def test_runs_that_spread_too_widely_for_the_margin_are_inconclusive_and_say_what_they_rule_out(verb, tmp_path):
    a, b = before(), after()
    folders = [stored(tmp_path / name, each, journal(each, spread=0.65, seed=3)) for name, each in (("a", a), ("b", b))]
    code, document, _ = verb(*folders, "--json")
    assert code == json.loads(document)["exit_code"] == 3
    loops = [(loop, f"{metric}_over_pytorch") for loop in ("hf-trainer", "accelerate") for metric in TIME]
    assert outcomes(document, "undecided") == set(loops)
    judged = [verdicts(document)[key] for key in loops]
    assert min(each["ratio"]["low"] for each in judged) < 0.5
    assert max(each["ratio"]["high"] for each in judged) > 2
    assert {(each["margin"], each["asked_margin"]) for each in judged} == {(0.03, 0.03)}
    assert [each["rules_out"] for each in judged] == [
        pytest.approx(1 / each["ratio"]["low"] - 1 if TIME[1] in each["metric"] else each["ratio"]["high"] - 1)
        for each in judged
    ]
    code, report, _ = verb(*folders)
    most = numbers.percent_up(max(each["rules_out"] for each in judged))
    assert code == 3
    assert report.splitlines()[2] == (
        f"**Inconclusive: 2 of 4 cells have no time verdict (they rule out more than {most} worse); "
        "the other 2 did not regress.**"
    )
    assert sum(" undecided, rules out more than " in line for line in report.splitlines()) == 4
    assert "Undecided: the interval is too wide to compare with the margin. More blocks in both runs" in report
    assert " is found with 80 % power, by how the blocks of each figure spread." in report


def test_a_wider_margin_lets_noisy_runs_pass_where_the_user_asks_for_it(verb, tmp_path):
    a, b = before(), after()
    folders = [stored(tmp_path / name, each, journal(each, spread=0.1, seed=3)) for name, each in (("a", a), ("b", b))]
    assert [verb(*folders, *asked)[0] for asked in ((), ("--margin", "5%"), ("--margin", "50%"))] == [3, 3, 0]


def test_five_blocks_are_too_few_to_decide(verb, pair):
    code, report, _ = verb(*pair(before(blocks=5), after(blocks=5)))
    assert code == 3
    # Four of these are time, four host memory.
    assert report.splitlines()[2] == (
        "**Inconclusive: 2 of 4 cells have no time verdict (nothing is ruled out) and "
        "4 of 4 cells have no memory verdict (nothing is ruled out).**"
    )
    assert "In 8 figures: 5 and 5 blocks, but a bound at its level of 0.003 needs 6 a side." in report


def with_rss(trials: list[Trial], host_rss_bytes: int) -> list[Trial]:
    def hungrier(each: Trial) -> Trial:
        timed = each.timing.model_copy(update={"memory": memory(host_rss_bytes=host_rss_bytes)})
        return each.model_copy(update={"timing": timed})

    return [hungrier(trial) if trial.timing and trial.cell.runner == "accelerate" else trial for trial in trials]


def test_memory_is_judged_by_itself(verb, tmp_path):
    a, b = before(), after()
    folders = (
        stored(tmp_path / "a", a, journal(a, seed=1, spread=0.005)),
        stored(tmp_path / "b", b, with_rss(journal(b, spread=0.005), 340_000_000)),
    )
    code, report, _ = verb(*folders)
    assert code == 1
    assert "| accelerate at batch 64 | host memory " in report
    assert (
        "**Regressed: accelerate at batch 64 of mlp on cpu, host memory 1.06 [1.06, 1.06] times what it was.**"
        in report
    )
    code, report, _ = verb(*folders, "--fail-on", "time")
    assert code == 0
    assert "\nAlso regressed (not in --fail-on): accelerate at batch 64 of mlp on cpu, host" in report


# Exact counts


def test_an_extra_sync_is_found_exactly_and_attributed_to_its_function(verb, pair):
    sizes = [comparison(batch_size=size) for size in (8, 64)]
    a, b = before(comparisons=sizes), after(comparisons=sizes)
    extra = counted(b, STEP, LOG, runner="hf-trainer")
    usual = [each for each in counted(b, STEP) if each.cell.runner != "hf-trainer"]
    folders = pair(a, b, more=(counted(a, STEP), usual + extra))
    code, report, _ = verb(*folders)
    assert code == 0  # counters are not among what fails by default
    lines = report.splitlines()
    assert lines[4] == (
        "Also regressed (not in --fail-on): "
        "hf-trainer at batch 8 and 64 of mlp on cpu, Python calls +2, ops +1 and syncs +1."
    )
    assert "6 of 32 counts of 8 cells differ:" in lines
    assert (
        "- hf-trainer at batch 8 and 64 of mlp on cpu: 1 extra value read back to the host per step: "
        "in transformers/trainer.py (Trainer.log)."
    ) in lines
    (row,) = [
        line for line in lines if line.startswith("| hf-trainer at batch 8 and 64 of mlp on cpu") and "syncs" in line
    ]
    assert [part.strip() for part in row.split("|")[2:-1]] == ["syncs", "0", "1", "+1", "regressed"]
    code, document, _ = verb(*folders, "--json", "--fail-on", "counters")
    assert code == 1
    answer = json.loads(document)
    (sync,) = [row for row in answer["attribution"] if row["counter"] == "syncs" and row["cell"]["batch_size"] == 64]
    assert (sync["function"], sync["baseline"], sync["candidate"], sync["delta"]) == ("Trainer.log", 0, 1, 1)
    assert outcomes(document, "regressed") == {("hf-trainer", name) for name in ("python_calls", "ops", "syncs")}


def test_a_longer_import_path_is_named_where_accelerate_searches_it(verb, pair):
    a, b = before(), after()
    search = FunctionCounts(file="accelerate/utils/imports.py", function="available", line=1, python_calls=54)
    longer = FunctionCounts(**search.model_dump() | {"python_calls": 70})
    folders = pair(a, b, more=(counted(a, STEP, search), counted(b, STEP, longer)))
    assert "so a part of this may be no more than a longer path in one run" in verb(*folders)[1]
    assert "a longer path" not in verb(*pair(a, b, more=(counted(a, STEP), counted(b, STEP, LOG))))[1]


def test_a_count_that_does_not_repeat_is_undecided_and_the_others_are_not(verb, pair):
    a, b = before(), after()
    unsteady = counted(b, STEP)
    unsteady[-1] = unsteady[-1].model_copy(update={"counters": counters(STEP.model_copy(update={"ops": 41}))})
    folders = pair(a, b, more=(counted(a, STEP), unsteady))
    code, report, _ = verb(*folders, "--fail-on", "counters")
    assert code == 3
    assert "undecided: two interpreters of the candidate counted 40 and 41" in report
    _, document, _ = verb(*folders, "--json")
    assert outcomes(document, "undecided") == {("floor", "ops")}


def test_a_count_that_was_made_once_has_not_repeated(verb, pair):
    a, b = before(), after()
    once = [each for each in counted(b, STEP) if each.replicate == 0 or each.cell.runner != "floor"]
    _, document, _ = verb(*pair(a, b, more=(counted(a, STEP), once)), "--json")
    counts = {"python_calls", "c_calls", "ops", "syncs", "tensor_bytes"}
    assert outcomes(document, "undecided") == {("floor", name) for name in counts}


def test_tensor_bytes_have_the_margin_as_in_a_check(verb, pair):
    a, b = before(), after()
    folders = pair(a, b, more=(counted(a, STEP), counted(b, STEP, tensor_bytes=60_001)))
    code, report, _ = verb(*folders, "--fail-on", "memory")
    assert code == 0
    rows = [line for line in report.splitlines() if "| tensor memory " in line]
    assert [" ".join(row.split()[-11:]) for row in rows] == ["| +1 B | 3.0 % | not-regressed, but more |"] * 4
    folders = pair(a, b, more=(counted(a, STEP), counted(b, STEP, tensor_bytes=61_800)))
    code, report, _ = verb(*folders, "--fail-on", "memory")
    assert code == 1
    assert "**Regressed: pytorch at batch 64 of mlp on cpu, tensor memory +1,800 B; hf-trainer " in report
    assert verb(*folders, "--fail-on", "memory", "--margin", "5%")[0] == 0


def test_runs_that_only_counted_answer_for_counters_alone(verb, tmp_path):
    settings = before().settings.model_copy(update={"passes": ["equivalence", "counting"]})
    a, b = before(settings=settings), after(settings=settings)
    proofs = [each for each in journal(a) if each.phase == "equivalence"]
    folders = [stored(tmp_path / name, each, proofs + counted(each, STEP)) for name, each in (("a", a), ("b", b))]
    assert verb(*folders, "--fail-on", "counters")[0] == 0
    code, report, _ = verb(*folders)
    assert code == 3
    assert report.splitlines()[2] == "**Inconclusive: no cell in common has time figures.**"


# What the runs are


def test_the_first_lines_say_what_was_compared(verb, pair):
    _, report, _ = verb(*pair())
    opening = report.split("## Verdicts")[0].splitlines()
    assert opening[0] == "# Did it get worse from a/20260102T030405Z-before to b/20260105T030405Z-after?"
    assert (
        "- A, the baseline: a/20260102T030405Z-before, measured on 2026-01-02 at 03:04 UTC. B, the candidate: "
        "b/20260105T030405Z-after, measured on 2026-01-05 at 03:04 UTC, 3 days later. Both on Imaginary CPU @ 2.00GHz."
    ) in opening
    assert "- Packages that differ: transformers 5.23.0 → 5.24.0." in opening
    assert any(
        line.startswith("- Two runs made at different times are weaker evidence than bench.upgrade") for line in opening
    )
    assert "python -m bench.upgrade --baseline transformers==5.23.0 --candidate transformers==5.24.0" in report


def machine(**changes: object) -> dict[str, object]:
    return {"machine": after().machine.model_copy(update=changes)}


def settings(**changes: object) -> dict[str, object]:
    return {"settings": after().settings.model_copy(update=changes)}


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        (machine(cpu="Other CPU"), "cpu: Imaginary CPU @ 2.00GHz in A, Other CPU in B"),
        (machine(usable_cpus=1), "usable CPUs: 2 in A, 1 in B"),
        (machine(memory_bytes=4_000_000_000), "memory bytes: 8000000000 in A, 4000000000 in B"),
        (machine(system="Darwin 23.1"), "system: Linux in A, Darwin in B"),
        (machine(python="3.12.1"), "python: 3.11 in A, 3.12 in B"),
        (machine(torch_build="2.13.0+cu128, CUDA 12.8"), "torch build: 2.13.0+cpu in A, 2.13.0+cu128, CUDA 12.8 in B"),
        (machine(accelerators=[AcceleratorInfo(device="cuda:0", name="Card")]), "accelerators: none in A, Card in B"),
        (settings(threads=4), "threads: 1 in A, 4 in B"),
        (settings(seed=7), "seed: 0 in A, 7 in B"),
        (settings(steps=100), "steps: chosen by the run in A, 100 in B"),
        (settings(turns_s=None), "trials: in turns in A, one after the other in B"),
    ],
)
def test_unlike_runs_are_refused_in_one_sentence_with_the_key_and_both_values(verb, tmp_path, changes, difference):
    folders = [stored(tmp_path / name, each, []) for name, each in (("a", before()), ("b", after(**changes)))]
    code, out, err = verb(*folders)
    assert (code, out) == (2, "")
    assert err == (
        f"error: the runs are not comparable ({difference}): differences could come from the machine or settings. "
        "Use runs from one machine and with the same settings, or --force.\n"
    )


def test_machines_of_a_kind_are_held_against_each_other_and_kinds_of_one_run_alone_are_not(verb, tmp_path):
    usual, other = after().machine, after().machine.model_copy(update={"cpu": "Other CPU"})
    kinds = [{"H100": usual, "A100": usual}, {"H100": other, "B200": other}]
    folders = [
        stored(tmp_path / name, side(machines=own), [])
        for name, side, own in zip("ab", (before, after), kinds, strict=True)
    ]
    sentence = "cpu of H100: Imaginary CPU @ 2.00GHz in A, Other CPU in B"
    assert f"the runs are not comparable ({sentence}): " in verb(*folders).err


def test_force_compares_all_the_same_and_warns_in_the_report(verb, pair):
    folders = pair(b=after(**settings(threads=4)))
    code, report, err = verb(*folders, "--force")
    assert (code, err) == (0, "")
    warning = "- **Warning: the runs are not comparable (compared because of --force): threads: 1 in A, 4 in B.**"
    assert warning in report.splitlines()
    other = verb(*pair(b=after(**machine(cpu="Other CPU"))), "--force")[1]
    assert "later. A on Imaginary CPU @ 2.00GHz, B on Other CPU." in other
    assert json.loads(verb(*folders, "--force", "--json")[1])["unlike"] == ["threads: 1 in A, 4 in B"]


def test_a_file_of_the_users_own_that_has_changed_is_told(verb, pair):
    digests = [{"own.py:tiny": letter * 64, "loop.py": "c" * 64} for letter in "ab"]
    code, report, _ = verb(*pair(*(side(own_files=own) for side, own in zip((before, after), digests, strict=True))))
    assert code == 0
    assert "Besides packages, these differ: SHA-256 of own.py:tiny: aaaaaaaaaaaa in A, bbbbbbbbbbbb in B." in report


def test_what_may_matter_and_forbids_nothing_is_told(verb, pair):
    other = after(**machine(system="Linux 6.2 x86_64", memory_bytes=8_010_000_000, python="3.11.9"), git_revision="abc")
    code, report, _ = verb(*pair(b=other))
    assert code == 0
    assert (
        "Besides packages, these differ: kernel: Linux 6.1 x86_64 in A, Linux 6.2 x86_64 in B; "
        f"Python: 3.11.7 in A, 3.11.9 in B; looptax, git revision: {before().git_revision} in A, abc in B."
    ) in report


NEW_TORCH = {
    "packages": {**before().packages, "torch": "2.14.0"},
    **machine(torch_build="2.14.0+cpu"),
}


def test_another_torch_is_said_loudly_and_raw_times_are_judged(verb, pair):
    folders = pair(b=after(**NEW_TORCH), step_us=scaled(1.10))
    code, report, _ = verb(*folders)
    assert code == 1
    assert (
        "- **torch differs (2.13.0 → 2.14.0), so the hand-written loop is no control: raw times are judged, "
        "and whatever happened to the machine between the runs looks like a change of the software.**"
    ) in report.splitlines()
    assert "## What did not change" not in report
    assert "python -m bench.upgrade" not in report  # which holds torch fixed
    _, document, _ = verb(*folders, "--json")
    raw = {"step_time_us", "samples_per_second"}
    assert outcomes(document, "regressed") == {(loop, metric) for loop in LOOPS for metric in raw}


@pytest.mark.parametrize(
    ("workload", "why"),
    [
        ("mlp", None),
        ("causal-lm", "transformers differs (5.23.0 → 5.24.0), which a workload needs"),
        ("own.py:tiny", "packages differ, any of which own.py:tiny may need"),
    ],
)
def test_a_loop_whose_model_a_package_brings_is_no_control_when_that_differs(verb, pair, workload, why):
    trained = {"comparisons": [comparison(workload=workload)]}
    folders = pair(before(**trained), after(**trained))
    sentence = f"- **{why}, so the hand-written loop is no control: raw times are judged, and whatever happened to"
    _, report, _ = verb(*folders)
    assert (sentence in report) is (why is not None)
    assert json.loads(verb(*folders, "--json")[1])["controlled"] is (why is None)


def test_a_torch_that_makes_all_loops_faster_by_as_much_is_no_regression_of_the_slow_ones(verb, pair):
    faster = {name: us - 60 for name, us in STEP_US.items()}
    code, document, _ = verb(*pair(b=after(**NEW_TORCH), step_us=faster), "--json")
    assert code == 0
    ratio = informational(document)["hf-trainer", "step_time_us_over_pytorch"]
    assert ratio["real"]  # 681/363 became 621/303
    assert ratio["ratio"]["value"] > 1.05
    assert verdicts(document)["hf-trainer", "step_time_us"]["verdict"] == "improved"


# Cells


def test_cells_of_only_one_run_are_named_and_no_error(verb, pair):
    sizes = [comparison(batch_size=size) for size in (8, 64)]
    code, report, _ = verb(*pair(before(comparisons=sizes), after(runners=(*LOOPS, "fabric"))))
    assert code == 0
    lines = report.splitlines()
    assert "- Only A has pytorch, hf-trainer, accelerate and floor at batch 8 of mlp on cpu: not compared." in lines
    assert "- Only B has fabric at batch 64 of mlp on cpu: not compared." in lines


def test_runs_without_a_common_cell_are_refused_with_the_axis_on_which_they_part(verb, tmp_path):
    other = after(comparisons=[comparison(batch_size=8, precision="bf16")])
    folders = [stored(tmp_path / name, each, []) for name, each in (("a", before()), ("b", other))]
    code, out, err = verb(*folders, "--force")
    assert (code, out) == (2, "")
    assert err == (
        f"error: {folders[0]} and {folders[1]} have no cell in common (batch_size: 64 in A, 8 in B; "
        "precision: fp32 in A, bf16 in B): make B by python -m bench.run --like A.\n"
    )


def failing(trials: list[Trial], runner: str) -> list[Trial]:
    """The loop ran out of memory whenever it was timed."""
    blank = {"status": "oom", "reason": "out of memory", "timing": None}
    return [
        trial.model_copy(update=blank) if trial.cell.runner == runner and trial.timing else trial for trial in trials
    ]


def test_a_cell_that_failed_in_either_run_is_exit_code_4_unless_another_regressed(verb, tmp_path):
    a, b = before(), after()
    first = stored(tmp_path / "a", a, failing(journal(a, seed=1), "accelerate"))
    second = stored(tmp_path / "b", b, journal(b, seed=2))
    code, report, _ = verb(first, second)
    assert code == 4
    assert "**Not judged: 1 cell of A or B without figures or not equivalent.**" in report
    assert "- accelerate at batch 64 of mlp on cpu has no figures in A: out of memory." in report.splitlines()
    worse = stored(tmp_path / "c", b, journal(b, seed=2, step_us=scaled(hf_trainer=1.2)))
    assert verb(first, worse)[0] == 1


def test_a_cell_that_failed_in_the_newer_run_alone_is_no_improvement_and_does_not_pass(verb, tmp_path):
    a, b = before(), after()
    first = stored(tmp_path / "a", a, journal(a, seed=1))
    second = stored(tmp_path / "b", b, failing(journal(b, seed=2), "accelerate"))
    code, report, _ = verb(first, second)
    assert code == 4
    assert "- accelerate at batch 64 of mlp on cpu has no figures in B: out of memory." in report.splitlines()
    assert "Improved" not in report


def test_a_loop_that_did_other_arithmetic_is_not_judged(verb, tmp_path):
    a, b = before(), after()
    other = fingerprint(weights_sha256="b2" * 32)
    trials = [
        each.model_copy(update={"fingerprint": other})
        if each.fingerprint and each.cell.runner == "accelerate"
        else each
        for each in journal(b, seed=2)
    ]
    folders = stored(tmp_path / "a", a, journal(a, seed=1)), stored(tmp_path / "b", b, trials)
    code, report, _ = verb(*folders)
    assert code == 4
    assert "accelerate at batch 64 of mlp on cpu is different in B: losses equal, weights not." in report
    assert not [key for key in verdicts(verb(*folders, "--json")[1]) if key[0] == "accelerate"]


def test_without_times_of_the_hand_written_loop_raw_times_are_judged_and_that_is_said(verb, tmp_path):
    a, b = before(), after()
    folders = stored(tmp_path / "a", a, failing(journal(a, seed=1), "pytorch")), stored(tmp_path / "b", b, journal(b))
    code, document, _ = verb(*folders, "--json", "--margin", "20%")
    assert code == 4
    assert verdicts(document)["hf-trainer", "step_time_us"]["group"] == "time"
    assert ("hf-trainer", "step_time_us_over_pytorch") not in verdicts(document)
    assert any("no hand-written loop to compare with" in warning for warning in json.loads(document)["warnings"])


# Doubts


def test_the_hand_written_loop_shows_what_the_machine_did(verb, pair):
    code, report, _ = verb(*pair(step_us=scaled(1.08)))
    assert code == 0
    control = report.split("## What did not change")[1].split("\n## ")[0]
    assert "its step time changed only by what the machine did, here by +" in control
    (row,) = [line for line in control.splitlines() if line.startswith("| pytorch at batch 64 of mlp on cpu |")]
    *_, moved, floor, _ = [part.strip() for part in row.split("|")]
    assert 1.06 <= float(moved.partition(" ")[0]) <= 1.10
    assert 0.99 <= float(floor.partition(" ")[0]) <= 1.01
    assert "whose code is the same, moved by +" in report
    assert "so much the machine changed; ratios cancel that only as far as it slows all loops alike." in report


def test_a_floor_that_moved_against_the_hand_written_loop_is_a_warning_and_no_regression(verb, pair):
    code, report, _ = verb(*pair(step_us=scaled(floor=1.10)))
    assert code == 0
    assert "- floor at batch 64 of mlp on cpu against the hand-written loop moved by +" in report
    assert "so much of the drift may be in the ratios of this comparison." in report


def test_a_hand_written_loop_that_computes_something_else_on_the_same_torch_is_told(verb, tmp_path):
    a, b = before(), after()
    trials = [
        each.model_copy(update={"fingerprint": fingerprint(weights_sha256="c3" * 32)}) if each.fingerprint else each
        for each in journal(b, seed=2)
    ]
    folders = stored(tmp_path / "a", a, journal(a, seed=1)), stored(tmp_path / "b", b, trials)
    warning = (
        "- pytorch at batch 64 of mlp on cpu ended with other weights in B than in A on the same torch: did looptax"
    )
    assert warning in verb(*folders)[1]


def test_trials_of_other_lengths_are_told(verb, tmp_path):
    a, b = before(), after()
    longer = REGION.model_copy(update={"steps_per_epoch": 40})

    def as_regions(trials: list[Trial], length: Length) -> list[Trial]:
        return [
            trial.model_copy(update={"length": length, "timing": region(STEP_US[trial.cell.runner], length=length)})
            if trial.timing
            else trial
            for trial in trials
        ]

    folders = (
        stored(tmp_path / "a", a, as_regions(journal(a, seed=1), REGION)),
        stored(tmp_path / "b", b, as_regions(journal(b, seed=2), longer)),
    )
    assert (
        "- pytorch at batch 64 of mlp on cpu: its trials make 60 steps in A, 120 in B, which moves host memory too; "
        "--like A repeats the lengths of A."
    ) in verb(*folders)[1].splitlines()


def test_trials_that_were_started_otherwise_are_told(verb, tmp_path):
    a, b = before(), after()
    spawned = [each.model_copy(update={"interpreter": interpreter(launch="spawn")}) for each in journal(b, seed=2)]
    folders = stored(tmp_path / "a", a, journal(a, seed=1)), stored(tmp_path / "b", b, spawned)
    warning = "- trials were started by fork in A and by spawn in B, which moves host memory and first steps."
    assert warning in verb(*folders)[1].splitlines()


def test_quiet_runs_leave_nothing_to_be_wary_of(verb, pair):
    assert verb(*pair())[1].endswith("## Warnings\n\nNo warnings.\n")


# The command


def test_the_report_goes_to_a_file_as_well(verb, pair, tmp_path):
    _, report, _ = verb(*pair(), "--out", tmp_path / "found.md")
    assert (tmp_path / "found.md").read_text() == report
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--margin", "3"], "--margin '3' is not a percentage between 0 and 100; write it as 2%."),
        (
            ["--fail-on", "tme"],
            "--fail-on 'tme' is not one of time, memory, start, counters; did you mean time?",
        ),
        (
            ["--out", "nowhere/found.md"],
            "--out nowhere/found.md cannot be written: No such file or directory; name another file.",
        ),
    ],
)
def test_a_wrong_option_is_one_sentence(verb, pair, arguments, sentence):
    code, out, err = verb(*pair(), *arguments)
    assert (code, out, err) == (2, "", f"error: {sentence}\n")


def test_a_folder_that_is_no_run_is_named(verb, pair, tmp_path):
    first, second = pair()
    assert verb(tmp_path, second)[2] == f"error: RUN_A {tmp_path} is no run folder: it has no run.json.\n"
    assert verb(first, tmp_path)[2] == f"error: RUN_B {tmp_path} is no run folder: it has no run.json.\n"
    assert verb(first, first)[2] == f"error: RUN_A and RUN_B are the same folder, {first}: name two runs.\n"


def test_a_run_of_another_verb_is_refused(verb, pair):
    folders = pair(b=after(verb="upgrade"))
    code, _, err = verb(*folders)
    assert code == 2
    assert err == (
        f"error: {folders[1]} was made by bench.upgrade, whose report has its own verdicts; "
        "bench.compare takes runs of bench.run.\n"
    )


def test_what_a_bridge_hides_of_a_release_is_said_in_the_report_the_document_and_the_terminal(verb, pair):
    """In bold where there is bold: transformers 4.46 summed the gradients of micro-batches."""
    micro = {"comparisons": [comparison(grad_accumulation=4)]}
    a = before(packages=NEWER | {"transformers": "4.45.2"}, **micro)
    b = after(packages=NEWER | {"transformers": "4.46.1"}, **micro)
    folders = pair(a, b)
    hidden = "transformers 4.46.1 sums the gradients of micro-batches"
    _, report, _ = verb(*folders)
    assert f"\n**{hidden}" in report.split("## Verdicts")[0]
    _, document, _ = verb(*folders, "--json")
    assert [warning for warning in json.loads(document)["warnings"] if warning.startswith(hidden)]
    _, shown, _ = verb(*folders, "--format", "text")
    assert hidden in " ".join(shown.split())
