"""How a bisection is reported: the answer first, then everything that was looked at."""

import pytest

from bench.analyse.releases.probes import CLONE
from bench.records.schema import Equivalence
from bench.report.document import numbers
from bench.report.kinds.bisect import report as bisect_report
from bench.report.kinds.bisect.outcome import cases, exit_code
from bench.report.kinds.index import entries
from bench.report.media import markdown, terminal
from tests.searches import VERSIONS, counted, environment, planned, side_by_side, summary, timed, unusable

FOUND = {"4.46.2": 6, "4.49.0": 7, "4.46.3": 6}
NEIGHBOURS = {"4.47.0": 6, "4.47.1": 7}


def bisected(*more, **plan):
    """Syncs move with 4.47.1."""
    run = planned(**plan)
    return summary(run, counted(run, FOUND), counted(run, NEIGHBOURS, replicates=2), *more)


def report_of(made):
    return markdown.written(bisect_report.document(made, "results/a"))


def lines_of(text, heading):
    return text.partition(f"{heading}\n\n")[2].partition("\n\n")[0].splitlines()


def test_the_first_line_is_the_answer():
    made = bisected()
    lines = report_of(made).split("\n\n")
    assert lines[0] == "# transformers 4.46.2 → 4.49.0: which release moved the syncs?"
    assert lines[1] == (
        "**transformers 4.47.1 reads 1 more value back to the host per step than 4.47.0: in transformers/trainer.py "
        "(Trainer.get_batch_samples).**"
    )
    assert lines[2].startswith(
        "Followed hf-trainer at batch 64 of mlp on cpu through 6 releases, of which 5 were looked at, on 2026-01-02"
    )
    assert "- The ends: syncs 6 with 4.46.2, 7 with 4.49.0." in lines[3]
    assert exit_code(made) == 0


def test_every_release_that_was_looked_at_is_in_the_table_in_order():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines_of(report_of(bisected()), "## Tested releases")
    ]
    assert rows[0] == ["release", "released", "", "syncs"]
    assert rows[2:] == [
        ["4.46.2", "2024-11-05", "like the first end", "6"],
        ["4.46.3", "2024-11-15", "like the first end", "6"],
        ["4.47.0", "2024-11-25", "like the first end", "6"],
        ["4.47.1", "2024-12-05", "moved here, like the last end", "7"],
        ["4.49.0", "2024-12-25", "like the last end", "7"],
    ]


@pytest.mark.parametrize(
    ("metric", "changes", "sentence"),
    [
        ("syncs", {"syncs": 3}, "reads 3 more values back to the host per step than 4.47.0"),
        ("syncs", {"syncs": -1}, "reads 1 fewer value back to the host per step than 4.47.0"),
        (
            "python_calls",
            {"python_calls": 1200},
            "makes 1,200 more Python calls per step than 4.47.0: in loop.py (train)",
        ),
        ("c_calls", {"c_calls": 1}, "makes 1 more call into C per step than 4.47.0."),
        ("ops", {"ops": -2}, "runs 2 fewer ops per step than 4.47.0."),
        ("tensor_bytes", {"tensor_bytes": 16_896}, "keeps 16,896 more bytes in tensors at a step's peak than 4.47.0."),
        ("kernels", {"kernels": 1}, "launches 1 more kernel per step than 4.47.0."),
        ("device_syncs", {"device_syncs": 2}, "waits for the device 2 more times per step than 4.47.0."),
        ("allocations", {"allocations": 5}, "asks for device memory 5 more times per step than 4.47.0."),
    ],
)
def test_each_metric_has_its_words(metric, changes, sentence):
    usual = {"syncs": 7, "python_calls": 780, "c_calls": 214, "ops": 233, "tensor_bytes": 75_580}
    usual |= dict.fromkeys(("kernels", "device_syncs", "allocations"), 4)
    (name, delta), *_ = changes.items()
    after = usual | {name: usual[name] + delta}
    run = planned(metric=metric, versions=("4.47.0", "4.47.1"))
    sides = [
        counted(run, {release: counts["syncs"]}, replicates=2, **{k: v for k, v in counts.items() if k != "syncs"})
        for release, counts in (("4.47.0", usual), ("4.47.1", after))
    ]
    assert sentence in bisect_report.one_line(summary(run, *sides))


def test_what_was_stepped_around_has_its_reason_and_leaves_the_answer_open():
    run = planned(installed=("4.46.2", "4.46.3", "4.48.0", "4.49.0"))
    made = summary(
        run,
        counted(run, {"4.46.2": 6, "4.49.0": 7}),
        [unusable(run, "4.47.0", "4.47.0 is not for *this* Python"), unusable(run, "4.47.1", "no wheel")],
        counted(run, {"4.46.3": 6, "4.48.0": 7}, replicates=2),
    )
    assert bisect_report.one_line(made).endswith(
        "transformers 4.48.0 reads 1 more value back to the host per step than 4.46.3: in transformers/trainer.py "
        "(Trainer.get_batch_samples); which of the releases after 4.46.3 did it is unknown, since 4.47.0 and 4.47.1 "
        "cannot be used here."
    )
    report = report_of(made)
    assert "- 4.47.0: 4.47.0 is not for \\*this\\* Python\n- 4.47.1: no wheel" in report
    assert "| 4.48.0  | 2024-12-15 | moved after 4.46.3 |     7 |" in report
    lines = terminal.lines(bisect_report.document(made, "results/a"))
    around = lines.index("  Skipped (cannot be used here):")
    assert lines[around + 2] == "  4.47.1: no wheel"
    assert exit_code(made) == 4


def test_a_figure_that_did_not_move_says_what_is_not_seen():
    run = planned()
    made = summary(run, counted(run, {"4.46.2": 7, "4.49.0": 7}))
    assert bisect_report.one_line(made) == (
        "transformers 4.46.2 → 4.49.0, syncs: Syncs did not move: 7 per step with transformers 4.46.2 and 4.49.0."
    )
    assert "A change that was later undone is not found" in report_of(made)
    assert exit_code(made) == 0


def test_a_search_that_was_ended_says_what_is_left():
    run = planned()
    made = summary(run, counted(run, {"4.46.2": 6, "4.49.0": 7}))
    assert (
        "Not narrowed down: syncs changed somewhere between transformers 4.46.2 and 4.49.0; 4 releases between"
        in report_of(made)
    )
    assert "## The two neighbours" in report_of(made)
    nothing = summary(run, [])
    assert "Inconclusive: none of 6 releases can be used here" in report_of(nothing)


def test_counts_that_do_not_repeat_are_not_sure():
    run = planned(versions=("4.47.0", "4.47.1"))
    trials = counted(run, {"4.47.0": 6}, replicates=2) + counted(run, {"4.47.1": 7}, replicates=2)
    trials[-1] = trials[-1].model_copy(update={"counters": counted(run, {"4.47.1": 8})[-1].counters})
    made = summary(run, trials)
    assert "; but a second count differed, so this is uncertain." in report_of(made)
    assert exit_code(made) == 3


def test_all_moves_are_listed_and_the_largest_is_the_answer():
    run = planned(every=True)
    made = summary(run, counted(run, dict(zip(VERSIONS, (6, 6, 7, 7, 9, 9), strict=True)), replicates=2))
    report = report_of(made)
    assert "**transformers 4.48.0 reads 2 more values back" in report
    moves = lines_of(report, "## Every change between releases (2)")
    assert [line.partition(" back")[0] for line in moves] == [
        "- transformers 4.47.0 reads 1 more value",
        "- transformers 4.48.0 reads 2 more values",
    ]


def test_other_moves_that_the_table_shows_are_said():
    run = planned()
    made = summary(run, counted(run, {"4.46.2": 6, "4.46.3": 6, "4.47.0": 8, "4.49.0": 9}, replicates=2))
    assert "It is not the only change: 8 → 9 after 4.47.0 up to 4.49.0. --all finds their releases." in report_of(made)


def test_packages_that_a_release_brings_are_said():
    newer = environment("4.47.1", packages={"transformers": "4.47.1", "tokenizers": "0.21.4", "torch": "2.13.0"})
    made = bisected(installed=("4.46.2", "4.46.3", "4.47.0", newer, "4.49.0"))
    assert "and the move may be theirs: tokenizers 0.20.3 → 0.21.4." in report_of(made)


def test_other_arithmetic_is_said():
    made = bisected()
    unlike = Equivalence(verdict="different", detail="loss of micro-step 2: 0.7 against 0.6")
    transition = made.moves[0].model_copy(update={"equivalence": unlike})
    made = made.model_copy(update={"moves": [transition]})
    assert "They are not proven to do the same arithmetic: loss of micro-step 2: 0.7 against 0.6." in report_of(made)


def test_the_neighbours_side_by_side_have_their_tables():
    clone = environment("4.47.0", clone_of="4.47.0").model_copy(update={"name": CLONE})
    run = planned(installed=(*VERSIONS, clone))
    made = bisected(side_by_side(run, "4.47.0", "4.47.1", 1.10, first_block=0), installed=(*VERSIONS, clone))
    report = report_of(made)
    assert "- Timed side by side: step time REGRESSED, ratio 1.100 [" in report
    assert "confirmed on fresh blocks, 20 pairs." in report
    assert "Baseline: transformers 4.47.0. Candidate: transformers 4.47.1." in report
    assert "### What was measured" in report
    assert "### What was counted" in report


def by_time(*more):
    run = planned(metric="step_time", versions=("4.46.2", "4.47.0", "4.47.1"))
    ends = {"4.46.2": 1.0, "4.47.1": 1.10}
    return summary(
        run,
        counted(run, dict.fromkeys(("4.46.2", "4.47.0", "4.47.1"), 6)),
        timed(run, ends, first_block=0),
        timed(run, {"4.46.2": 1.0, "4.47.0": 1.0, "4.47.1": 1.10}, first_block=10),
        *more,
    )


def test_a_search_by_time_tells_the_ratio_of_every_release():
    made = by_time()
    report = report_of(made)
    assert "**transformers 4.47.1 needs 10 % more time per step than 4.47.0.**" in report
    assert "- The ends: step time 686 µs with 4.46.2, 754 µs with 4.47.1, ratio 1.100 [1.099, 1.101]." in report
    assert "| 4.47.1  | 2024-11-25 | moved here, like the last end |" in report
    assert exit_code(made) == 0


def test_a_move_of_the_time_that_does_not_show_side_by_side_is_undecided():
    clone = environment("4.47.0", clone_of="4.47.0").model_copy(update={"name": CLONE})
    versions = ("4.46.2", "4.47.0", "4.47.1")
    run = planned(metric="step_time", versions=versions, installed=(*versions, clone))
    made = summary(
        run,
        counted(run, dict.fromkeys(versions, 6)),
        timed(run, {"4.46.2": 1.0, "4.47.1": 1.10}, first_block=0),
        timed(run, {"4.46.2": 1.0, "4.47.0": 1.0, "4.47.1": 1.10}, first_block=10),
        side_by_side(run, "4.47.0", "4.47.1", 1.001, first_block=20, blocks=10),
    )
    assert "; but timed side by side, no difference is confirmed." in report_of(made)
    assert "step time not regressed, ratio" in report_of(made)
    assert "rules out" not in report_of(made)
    assert exit_code(made) == 3


def test_neighbours_whose_blocks_resolve_nothing_are_undecided_by_the_asked_margin():
    clone = environment("4.47.0", clone_of="4.47.0").model_copy(update={"name": CLONE})
    versions = ("4.46.2", "4.47.0", "4.47.1")
    run = planned(metric="step_time", versions=versions, installed=(*versions, clone), cap=10)
    made = summary(
        run,
        counted(run, dict.fromkeys(versions, 6)),
        timed(run, {"4.46.2": 1.0, "4.47.1": 1.10}, first_block=0),
        timed(run, {"4.46.2": 1.0, "4.47.0": 1.0, "4.47.1": 1.10}, first_block=10),
        timed(run, {"4.47.0": 1.0, "4.47.1": 1.0, CLONE: 1.0}, first_block=20, spread=80.0),
    )
    (time,) = [verdict for verdict in made.verdicts if verdict.metric == "step_time_us"]
    assert (time.verdict, time.margin) == ("undecided", 0.03)
    assert f", 10 pairs, rules out more than {numbers.percent_up(time.rules_out)} worse." in report_of(made)
    assert exit_code(made) == 3


def test_ends_that_could_not_be_told_apart():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.49.0": 6})
    made = summary(run, trials, timed(run, {"4.46.2": 1.0, "4.49.0": 1.04}, first_block=0, blocks=14, spread=40.0))
    (limit,) = [probe.rules_out for probe in made.probes if probe.rules_out is not None]
    assert limit > 0.04
    assert (
        "Inconclusive: 14 blocks could not show whether transformers 4.46.2 and 4.49.0 differ in step time; they "
        f"rule out more than {numbers.percent_up(limit)} worse."
    ) in report_of(made)
    (case,) = [each for each in cases(made) if each.level == "warning"]
    assert case.reason == f"undecided: rules out more than {numbers.percent_up(limit)} worse than the first end"
    assert exit_code(made) == 3
    same = summary(run, trials, timed(run, {"4.46.2": 1.0, "4.49.0": 1.0}, first_block=0))
    assert "Step time did not move by 3.0 % between transformers 4.46.2 and 4.49.0 (ratio 1.000 [0" in report_of(same)
    assert exit_code(same) == 0


def test_the_index_says_what_it_found():
    assert "reads 1 more value" in entries.brief(bisected()).headline


def test_progress_is_one_line_a_release():
    made = bisected()
    assert [bisect_report.progress_line(made.run, probe) for probe in made.probes][2:4] == [
        "4.47.0: 6, like the first end",
        "4.47.1: 7, like the last end",
    ]
    run = planned(installed=())
    (probe,) = summary(run, [unusable(run, "4.47.0", "no wheel")]).probes
    assert bisect_report.progress_line(run, probe) == "4.47.0: skipped, no wheel"
