"""What the report of a check says first, and what stands behind it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.plan.comparison_groups import cells
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.records.schema import Environment, Equivalence, FunctionCounts, Script, Scripts, Summary
from bench.report.kinds.run.proof import UNSEEN
from bench.report.kinds.upgrade.outcome import exit_code
from bench.report.kinds.upgrade.report import document, equivalence, one_line
from bench.report.media import markdown, terminal
from tests import factories
from tests.checks import NEW, OLD, QUIET, counted, counters, ended, failing, planned, proven, steps, timed
from tests.report.rows import row, summary_of, with_settings

FOLDER = "results/20260102T030405Z-example"
EIGHT = [*steps(QUIET, 0.08), *steps(QUIET, 0.08)]
BATCHES = {"file": "transformers/trainer.py", "function": "Trainer.get_batch_samples", "line": 5000}
COUNTERS = {"passes": ["equivalence", "counting"], "fail_on": ["memory", "counters"]}


def report(summary: Summary, folder: str) -> str:
    return markdown.written(document(summary, folder))


def lines(summary: Summary) -> list[str]:
    return [line for line in report(summary, FOLDER).splitlines() if line]


def verdict(summary: Summary) -> list[str]:
    """The answer, and the lines of the cells under it."""
    printed = lines(summary)
    start = printed.index("## The verdict") + 1
    return [line for line in printed[start : printed.index("<details>")] if not line.startswith("![")]


def regressed() -> Summary:
    run = planned()
    return ended(run, counted(run, counters()), timed(run, EIGHT))


def one_more_sync() -> Summary:
    run = planned(**COUNTERS)
    return ended(run, counted(run, counters([FunctionCounts(**BATCHES, syncs=1, python_calls=2)], syncs=7)))


# The answer


def test_a_regression_is_named_with_its_ratio_and_its_confirmation():
    assert verdict(regressed()) == [
        "**Worse: step time and throughput regressed.**",
        "- hf-trainer at batch 64 of mlp on cpu: step time REGRESSED (1.080 [1.077, 1.083], confirmed on fresh "
        "blocks); throughput REGRESSED (0.93 [0.92, 0.93], confirmed on fresh blocks).",
    ]


def test_no_regression_says_of_what_and_shows_that_no_difference_shows():
    assert verdict(ended(planned(), timed(planned(), QUIET))) == [
        "**OK: no regression in time and memory.**",
        "- hf-trainer at batch 64 of mlp on cpu: step time not regressed (\\~ 1.000 [0.998, 1.002]).",
    ]


def test_a_real_difference_below_the_margin_has_no_tilde():
    (_, line) = verdict(ended(planned(), timed(planned(), steps(QUIET, 0.02))))
    assert line.endswith("step time not regressed (1.020 [1.018, 1.022]).")


def test_an_improvement_is_told():
    answer, line = verdict(ended(planned(), timed(planned(), steps(QUIET, -0.08))))
    assert answer == "**OK: no regression in time and memory.**"
    assert "step time improved (0.920 [0.918, 0.922])" in line


def test_a_flag_that_was_not_found_again_is_told():
    answer, line = verdict(ended(planned(), timed(planned(), [*steps(QUIET, 0.08), *QUIET])))
    assert answer == "**OK: no regression in time and memory.**"
    assert "step time not regressed (\\~ 1.000 [0.998, 1.003], flagged and not found again on fresh blocks)" in line


def test_an_interrupted_check_is_not_known_and_says_why():
    summary = ended(planned(), timed(planned(), EIGHT[:13]))
    answer, line = verdict(summary)
    assert answer == "**Inconclusive: 1 of 1 cell has no time verdict (nothing is ruled out); nothing else regressed.**"
    assert "step time undecided (1.08 [?], flagged and not decided on fresh blocks)" in line
    assert (
        "- step time and throughput of hf-trainer at batch 64 of mlp on cpu: on fresh blocks: 3 of the 10 pairs "
        "that a bound needs at its level of 0.0015"
    ) in lines(summary)
    few = ended(planned(), timed(planned(), EIGHT[:5]))
    assert verdict(few)[0] == (
        "**Inconclusive: 1 of 1 cell has no time verdict (nothing is ruled out) and "
        "1 of 1 cell has no memory verdict (nothing is ruled out).**"
    )
    assert "5 of the 9 pairs that a bound needs at its level of 0.003" in report(few, FOLDER)


def wide() -> Summary:
    """Two cells at the cap, one of which spreads so widely that only a change by a half could have been told."""
    run = planned(comparisons=[factories.comparison(batch_size=size) for size in (8, 64)], blocks=20)
    quiet, noisy = timed(run, [*QUIET, *QUIET]), timed(run, np.tile([0.4, -0.4], 10))
    of = {8: noisy, 64: quiet}
    return ended(run, *([trial for trial in each if trial.cell.batch_size == size] for size, each in of.items()))


def test_what_could_not_be_resolved_is_inconclusive_and_says_what_is_ruled_out():
    summary = wide()
    assert exit_code(summary) == 3
    answer, first, second = verdict(summary)
    assert answer == (
        "**Inconclusive: 1 of 2 cells has no time verdict (it rules out more than 50 % worse); the other one did "
        "not regress.**"
    )
    assert (
        "at batch 8 of mlp on cpu: step time undecided (\\~ 1.00 [0.67, 1.49], rules out more than 50 % worse)."
        in first
    )
    assert "step time not regressed" in second
    (row,) = [line for line in lines(summary) if line.startswith("| 8 ") and "step time" in line]
    assert row.split("|")[7:] == ["  3.0 % ", "    0.2 % ", " undecided: rules out more than 50 % worse ", ""]
    assert "raised" not in report(summary, FOLDER)


def test_what_is_worse_without_being_asked_about_is_told_with_the_flag_that_asks():
    run = planned()
    answer, line = verdict(ended(run, counted(run, counters(syncs=7)), timed(run, QUIET)))
    assert answer == (
        "**OK: no regression in time and memory. Also regressed: syncs, on which this check does not fail "
        "(--fail-on time,memory,counters would).**"
    )
    assert line.endswith("step time not regressed (\\~ 1.000 [0.998, 1.002]); syncs 6 → 7.")


def test_counters_name_the_function_behind_them():
    assert verdict(one_more_sync()) == [
        "**Worse: syncs regressed.**",
        "- hf-trainer at batch 64 of mlp on cpu: syncs 6 → 7. 1 extra value read back to the host per step: "
        "in transformers/trainer.py (Trainer.get_batch_samples).",
    ]


def test_counts_that_are_the_same_are_told_and_a_byte_more_is_too():
    run = planned(**COUNTERS)
    same = ended(run, counted(run, counters()))
    assert verdict(same)[1] == "- hf-trainer at batch 64 of mlp on cpu: every count is what it was."
    assert "No count differs." in lines(same)
    assert "- Counts need no quiet machine: they repeat exactly." not in lines(same)
    assert "Counts need no quiet machine: they repeat exactly." in lines(same)
    more = ended(run, counted(run, counters(tensor_bytes=100_008)))
    assert verdict(more)[0] == "**OK: no regression in memory and counters.**"
    assert verdict(more)[1] == "- hf-trainer at batch 64 of mlp on cpu: 8 B more tensor memory."


def test_a_count_that_does_not_repeat_is_not_known():
    run = planned(**COUNTERS)
    summary = ended(run, counted(run, counters(syncs=7), again=counters(syncs=6)))
    assert verdict(summary) == [
        "**Inconclusive: 1 of 1 cell has no counter verdict (syncs); nothing else regressed.**",
        "- hf-trainer at batch 64 of mlp on cpu: syncs undecided (two interpreters of the candidate counted 7 and 6).",
    ]
    assert "| 64    | hf-trainer | syncs           |        6 |         7 | not repeated |" in lines(summary)


def test_what_all_counts_of_a_cell_lack_is_told_once():
    run = planned(**COUNTERS)
    summary = ended(run, [trial for trial in counted(run, counters()) if trial.replicate == 0])
    once = "was counted once, where it takes two interpreters to see that a count repeats"
    assert verdict(summary)[1] == (
        "- hf-trainer at batch 64 of mlp on cpu: Python calls, C calls, ops, syncs and tensor memory undecided "
        f"(the baseline {once}; the candidate {once})."
    )
    warned = [line for line in lines(summary) if once in line and line.startswith("- Python calls")]
    counts = "Python calls, C calls, ops, syncs and tensor memory of hf-trainer at batch 64 of mlp on cpu"
    assert warned == [f"- {counts}: the {arm} {once}" for arm in ("baseline", "candidate")]


def test_a_candidate_that_fails_is_never_called_not_worse():
    run = planned(runners=["hf-trainer", "accelerate"], **COUNTERS)
    broken = [cell for cell in cells(run.settings) if (cell.runner, cell.environment) == ("accelerate", CANDIDATE)]
    good = [trial for trial in counted(run, counters()) if trial.cell not in broken]
    crash = [failing(cell, "counting", block=-1, reason="ImportError: no <b>Mapping</b>") for cell in broken]
    summary = ended(run, good, crash)
    assert verdict(summary) == [
        "**Inconclusive: 1 of 2 cells has no verdict on memory and counters; no regression in the other one.**",
        "- hf-trainer at batch 64 of mlp on cpu: every count is what it was.",
        "- No figures of accelerate at batch 64 of mlp on cpu in the candidate, failed: ImportError: no "
        "&lt;b&gt;Mapping&lt;/b&gt;.",
    ]


def test_a_check_without_any_figure_says_so():
    run = planned()
    crash = [failing(cell, "timing", status="oom", reason="tried to allocate 2 GiB.") for cell in cells(run.settings)]
    no_interpreter = [trial.model_copy(update={"interpreter": None}) for trial in crash]
    where = "hf-trainer at batch 64 of mlp on cpu"
    assert verdict(ended(run, no_interpreter)) == [
        "**Inconclusive: nothing could be compared.**",
        f"- No figures of {where} in the baseline, {where} in the candidate and {where} in the clone, out of memory: "
        "tried to allocate 2 GiB.",
    ]


def test_beside_equivalent_stands_what_the_proof_cannot_see():
    printed = lines(regressed())
    proof = printed[printed.index("## Are they equivalent?") + 1]
    assert proof.startswith("Yes: in every cell")
    assert proof.endswith(f". {UNSEEN}")


def test_other_arithmetic_is_told_beside_the_answer():
    run = planned(**COUNTERS)
    other = factories.fingerprint(losses=[0.7, 0.69, 0.68])
    unlike = [
        trial.model_copy(update={"fingerprint": other}) if trial.cell.environment == CANDIDATE else trial
        for trial in proven(run)
    ]
    summary = ended(run, unlike, counted(run, counters()))
    assert verdict(summary)[0] == (
        "**OK: no regression in memory and counters. Not proven to do the same arithmetic as before: 1 of 1 cells.**"
    )
    assert (
        "Not proven, so a difference in time may be a difference in work: hf-trainer at batch 64 of mlp on cpu in "
        "the candidate: loss of micro-step 2: 0.69 against 0.6931471824645996."
    ) in lines(summary)


# Which packages


def test_the_first_lines_say_what_differs_and_what_moved_unasked():
    assert lines(regressed())[:6] == [
        "# transformers==4.46.3 → transformers==4.47.1: did it get worse?",
        "Checked hf-trainer on 2026-01-02 on Imaginary CPU @ 2.00GHz, in 20 blocks.",
        "Differs: transformers 4.46.3 → 4.47.1; as dependencies, tokenizers 0.20.3 → 0.21.4.",
        "**In transformers==4.46.3, also changed, as dependencies: tokenizers 0.23.3 → 0.20.3.**",
        "**In transformers==4.47.1, also changed, as dependencies: tokenizers 0.23.3 → 0.21.4.**",
        "## The verdict",
    ]


def with_requests(side: Environment, **changes: object) -> Environment:
    """`side` with a package that came along in both."""
    packages = {**side.packages, "requests": "2.34.2", "tokenizers": "0.21.4"}
    moved = {"requests": (None, "2.34.2"), "tokenizers": ("0.23.3", "0.21.4")}
    update = {"packages": packages, "moved": {**side.moved, **moved}, "unasked": ["requests", "tokenizers"]}
    return side.model_copy(update=update | changes)


def test_what_moved_on_both_sides_alike_is_told_once():
    run = planned(sides=(with_requests(OLD), with_requests(NEW)), **COUNTERS)
    assert lines(ended(run))[2:5] == [
        "Differs: transformers 4.46.3 → 4.47.1.",
        "**On both sides, also changed, as dependencies: requests absent → 2.34.2 and tokenizers 0.23.3 → 0.21.4.**",
        "## The verdict",
    ]


def test_what_pip_finds_wrong_is_told():
    conflict = "trl 0.12 requires transformers<4.47, which is incompatible."
    run = planned(sides=(OLD, with_requests(NEW, conflicts=[conflict])), **COUNTERS)
    assert f"In transformers==4.47.1: {conflict.replace('<', '&lt;')}" in lines(ended(run))


def test_the_same_on_both_sides_is_told():
    run = planned(sides=(NEW, NEW), **COUNTERS)
    told_first = lines(ended(run))[:3]
    assert told_first[0] == "# transformers==4.47.1 → transformers==4.47.1: did it get worse?"
    assert told_first[2] == "Differs: nothing, both sides have the same packages."
    current = Environment(name="current", python="/bin/python", packages=NEW.packages)
    assert lines(ended(planned(sides=(OLD, current))))[0] == "# transformers==4.46.3 → current: did it get worse?"


# What stands behind it


def test_sections_stand_in_the_order_in_which_a_reader_asks():
    assert [line for line in lines(regressed()) if line.startswith("## ")] == [
        "## The verdict",
        "## What was measured",
        "## What was counted",
        "## Are they equivalent?",
        "## What this check can resolve",
        "## How to repeat it",
    ]
    assert "## What was measured" not in lines(one_more_sync())
    assert "## What was counted" not in lines(ended(planned(), timed(planned(), QUIET)))


def test_the_table_of_what_was_measured():
    printed = lines(regressed())
    head = printed.index("## What was measured") + 1
    table = [[text.strip() for text in line.strip("|").split("|")] for line in printed[head : head + 7]]
    assert table[0] == [
        "batch", "runner", "figure", "baseline", "candidate", "ratio", "margin", "resolves", "verdict",
    ]  # fmt: skip
    assert table[2] == [
        "64", "hf-trainer", "step time", "686 µs", "740 µs", "1.080 [1.077, 1.083]", "3.0 %", "0.3 %", "REGRESSED",
    ]  # fmt: skip
    assert table[4][2:] == [
        "host memory", "320 MB", "320 MB", "~ 1.00 [1.00, 1.00]", "3.0 %", "0.0 %", "not regressed",
    ]  # fmt: skip
    assert [row[2] for row in table[2:]] == [
        "step time", "throughput", "host memory", "time to first step", "import time",
    ]  # fmt: skip


def test_the_table_of_what_was_counted_and_the_functions_behind_it():
    printed = lines(one_more_sync())
    head = printed.index("## What was counted") + 1
    assert printed[head : head + 10] == [
        "| batch | runner     | figure per step | baseline | candidate | difference |",
        "|-------|------------|-----------------|----------|-----------|------------|",
        "| 64    | hf-trainer | Python calls    |      882 |       882 |       none |",
        "| 64    | hf-trainer | C calls         |      681 |       681 |       none |",
        "| 64    | hf-trainer | ops             |      126 |       126 |       none |",
        "| 64    | hf-trainer | syncs           |        6 |         7 |         +1 |",
        "| 64    | hf-trainer | tensor memory   |   100 kB |    100 kB |       none |",
        "Which functions do more or less in the candidate:",
        "- hf-trainer: 2 extra Python calls per step: in transformers/trainer.py (Trainer.get_batch_samples). "
        "(batch 64)",
        "- hf-trainer: 1 extra value read back to the host per step: in transformers/trainer.py "
        "(Trainer.get_batch_samples). (batch 64)",
    ]


def test_more_memory_names_its_functions_next_to_those_of_more_work():
    run = planned(**COUNTERS)
    functions = [FunctionCounts(**BATCHES, syncs=1, tensor_bytes=900_000)]
    text = "\n".join(verdict(ended(run, counted(run, counters(functions, syncs=7, tensor_bytes=1_000_000)))))
    assert (
        "1 extra value read back to the host per step: in transformers/trainer.py (Trainer.get_batch_samples). "
        "900,000 extra tensor bytes at a step's peak: in transformers/trainer.py (Trainer.get_batch_samples)."
    ) in text


def test_cells_that_only_a_condition_tells_apart_are_told_apart():
    comparisons = [factories.comparison(precision=precision) for precision in ("fp32", "bf16")]
    run = planned(comparisons=comparisons, **COUNTERS)
    summary = ended(run, counted(run, counters([FunctionCounts(**BATCHES, syncs=1)], syncs=7)))
    assert verdict(summary)[2].startswith("- hf-trainer at batch 64 of mlp on cpu, precision=bf16: syncs 6 → 7.")
    assert "| 64    | hf-trainer | bf16      | syncs           |        6 |         7 |         +1 |" in lines(summary)
    assert any(line.endswith("(Trainer.get_batch_samples). (batch 64)") for line in lines(summary))


def test_what_can_be_resolved_is_told_with_the_warnings_of_the_run():
    noise = np.random.default_rng(1).normal(0, 0.1, 10)
    summary = ended(planned(blocks=10), timed(planned(), noise - np.median(noise), same=[0.2 * x for x in noise]))
    printed = lines(summary)
    start = printed.index("## What this check can resolve") + 1
    assert printed[start].startswith("- hf-trainer at batch 64 of mlp on cpu: a change of the step time of ")
    assert printed[start].endswith(" % is found with 80 % power.")
    assert any("the middle half of its trials spans" in line for line in printed[start:])


def test_many_warnings_are_folded():
    run = planned(comparisons=[factories.comparison(batch_size=size) for size in range(8, 15)])
    text = report(ended(run, timed(run, QUIET[:5])), FOLDER)
    told_section = text.split("## What this check can resolve")[1].split("## How to repeat it")[0]
    warned = int(told_section.split("**")[1].split()[0])
    assert warned > 12
    assert f"<summary>{warned - 10} more warnings</summary>" in told_section
    assert told_section.split("<details>")[0].count("\n- ") == 10


def test_where_few_warnings_are_told_the_machine_s_come_first():
    disturbed = "foreign load: in 1 of 10 timed blocks"
    made = regressed().model_copy(update={"warnings": [disturbed], "machine_warnings": [disturbed]})
    doubted = [v.model_copy(update={"warnings": [f"doubt {n}"]}) for n, v in enumerate(made.verdicts)]
    lines = terminal.lines(document(made.model_copy(update={"verdicts": doubted}), FOLDER))
    start = lines.index(f"{len(doubted) + 1} warnings:") + 1
    assert lines[start] == f"  {disturbed}"
    assert lines[start + 1].startswith("  step time of hf-trainer")


# Everywhere


def test_names_cannot_become_markup():
    sneaky = NEW.model_copy(
        update={"requirements": ["<img>|x.whl"], "packages": {"<b>": "1|2"}, "unasked": [], "moved": {}}
    )
    run = planned(sides=(OLD, sneaky), runners=["<b>|x.py"], **COUNTERS)
    text = report(
        ended(run, counted(run, counters([FunctionCounts(**BATCHES | {"function": "<i>"}, syncs=1)], syncs=7))),
        FOLDER,
    )
    for markup in ("<img>", "<b>", "<i>"):
        assert markup not in text
    assert r"# transformers==4.46.3 → &lt;img&gt;\|x.whl: did it get worse?" in text
    assert r"&lt;b&gt;\|x.py at batch 64" in text
    assert r"| 64    | &lt;b&gt;\|x.py | syncs " in text
    assert "(&lt;i&gt;)" in text
    assert r"&lt;b&gt; absent → 1\|2" in text


def test_the_terminal_gets_the_verdict_as_plain_text():
    assert terminal.lines(document(one_more_sync(), FOLDER)) == [
        "Checked hf-trainer on 2026-01-02 on Imaginary CPU @ 2.00GHz, counted, not timed.",
        "Differs: transformers 4.46.3 → 4.47.1; as dependencies, tokenizers 0.20.3 → 0.21.4.",
        "In transformers==4.46.3, also changed, as dependencies: tokenizers 0.23.3 → 0.20.3.",
        "In transformers==4.47.1, also changed, as dependencies: tokenizers 0.23.3 → 0.21.4.",
        "",
        "Worse: syncs regressed.",
        "  hf-trainer at batch 64 of mlp on cpu: syncs 6 → 7. 1 extra value read back to the host per step: "
        "in transformers/trainer.py (Trainer.get_batch_samples).",
    ]


def test_a_list_of_runs_gets_one_line():
    assert one_line(one_more_sync()) == "transformers==4.46.3 → transformers==4.47.1: Worse: syncs regressed."


def test_the_command_that_repeats_it_and_where_it_was_made():
    text = report(regressed(), FOLDER)
    command = "python -m bench.upgrade --baseline transformers==4.46.3 --candidate transformers==4.47.1"
    assert f"```sh\n{command}\n```" in text
    assert "| transformers | 5.23.0  |" in text


@pytest.mark.parametrize("make", [regressed, one_more_sync])
def test_the_same_summary_gives_the_same_text_and_every_fold_is_closed(make):
    text = report(make(), FOLDER)
    assert text == report(make(), FOLDER)
    text_lines = text.splitlines()
    assert text_lines.count("<details>") == text_lines.count("</details>") >= 2
    assert {arm for arm in (BASELINE, CANDIDATE) if f"environment={arm}" in text} <= {BASELINE, CANDIDATE}


def test_the_proof_of_a_script_is_of_its_first_steps_and_what_is_unlike_has_none():
    scripts = Scripts(each=[Script(name="train.py", file="/train.py")], folder=".")
    where = {"workload": "script", "batch_size": 0}
    same = with_settings(summary_of(row("train.py", **where)), scripts=scripts)
    first = "Yes: in every cell the candidate's losses, batches and parameters in its first steps are those of the"
    assert equivalence(same).startswith(first)
    unlike = Equivalence(verdict="unlike", detail="learning rate of step 1: 0.1 in one, 0.2 in the other")
    asked = with_settings(summary_of(row("train.py", equivalence=unlike, **where)), scripts=scripts)
    assert equivalence(asked).startswith("Not proven, so a difference in time may be a difference in work: train.py")
