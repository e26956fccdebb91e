"""A history: releases beside the hand-written loop, levels that change, and counts that differ from the one before."""

from __future__ import annotations

import re

import pytest

from bench.analyse.cells.gather import gather
from bench.analyse.releases.history import adjacent_ratios, ratios_in_turns
from bench.analyse.summary import summarise
from bench.records.health import ContainerFacts, CpuFacts, Health, MemoryFacts
from bench.records.schema import Count, Run, Script, Scripts, Trial
from bench.report.kinds.history import grid, report
from bench.report.media import markdown, terminal
from tests import factories
from tests.histories import RELEASES, a_run, a_summary, journal, opening

BOTH = pytest.mark.parametrize("plan", [{}, {"turns_s": None}], ids=["turns", "adjacent pairs"])
"""As histories are made, and as they were before loops took turns."""


def in_turns(run: Run, trials: list[Trial]) -> dict[str, list[float]]:
    return {cell.environment: estimate for cell, estimate in ratios_in_turns(gather(run, trials)).items()}


def report_of(summary):
    return markdown.written(report.document(summary, "results/a"))


def short(summary):
    return "\n".join(terminal.lines(report.document(summary, "results/a")))


def test_a_release_is_compared_with_the_loop_that_took_turns_with_it():
    """The machine's pace differs by 3 % between the two groups of a block."""
    run = a_run()
    estimates = in_turns(run, journal(run, dict.fromkeys(RELEASES, 1.7), {}))
    assert sorted(estimates) == RELEASES
    for ratios in estimates.values():
        assert ratios == pytest.approx([1.7] * 6, rel=0.017)  # the wobbles of both


def test_the_turns_of_another_group_are_no_evidence():
    run = a_run()
    first, second = gather(run, journal(run, dict.fromkeys(RELEASES, 1.7), {}))
    assert (first.group.number, second.group.number) == (0, 1)
    assert first.reference.cell == second.reference.cell
    for compared in (first, second):
        assert [len(each.timing_trials) for each in compared.evidence] == [6] * 4
        assert len(compared.clone.timing_trials) == 6
    apart = [
        ours / theirs
        for ours, theirs in zip(
            second.reference.step_us_by_block.values(), first.reference.step_us_by_block.values(), strict=True
        )
    ]
    assert min(apart) > 1.005  # a slower machine, not the same trials
    assert len(first.reference.counts) == len(second.reference.counts) == 2  # counted once, for both


def test_every_round_has_a_noise_floor_of_its_own():
    floors = a_summary().noise_floors
    assert [(floor.runner, floor.comparison.environment, floor.blocks) for floor in floors] == [
        ("pytorch", "anchor", 6)
    ] * 2
    assert all(floor.ratio.value == pytest.approx(1, rel=0.01) for floor in floors)


def test_a_release_without_its_turns_in_a_block_has_a_pair_less():
    run = a_run()
    trials = journal(run, dict.fromkeys(RELEASES, 1.7), {})
    lost = [t for t in trials if (t.cell.environment, t.block) != ("4.45.2", 2)]
    assert sorted(map(len, in_turns(run, lost).values())) == [5, 6, 6, 6, 6, 6]
    # Without the hand-written loop's turns in the first group, its three releases have none.
    lost = [t for t in trials if (t.cell.environment, t.block, t.replicate) != ("anchor", 2, 0)]
    assert sorted(map(len, in_turns(run, lost).values())) == [5, 5, 5, 6, 6, 6]


def test_a_release_that_never_met_the_hand_written_loop_says_so():
    run = a_run()
    trials = [
        t
        for t in journal(run, dict.fromkeys(RELEASES, 1.7), {})
        if t.phase != "timing" or (t.cell.environment, t.replicate) != ("anchor", 1)
    ]
    by_release = {
        release.cell.environment: (release.ratio, release.reason) for release in summarise(run, trials).releases
    }
    expected = (None, "no block has step times of both it and the hand-written loop")
    assert [by_release[name] for name in RELEASES[3:]] == [expected] * 3
    assert all(by_release[name][0] is not None for name in RELEASES[:3])


def test_before_loops_took_turns_a_release_was_compared_with_its_neighbour_in_time():
    run = a_run(turns_s=None)
    adjacent = adjacent_ratios(journal(run, dict.fromkeys(RELEASES, 1.7), {}))
    assert sorted(each.environment for each in adjacent) == RELEASES
    for ratios in adjacent.values():
        assert ratios == pytest.approx([1.7] * 6, rel=0.02)  # the pace of the machine moved by 30 %


def test_a_pair_with_a_failed_trial_is_no_pair():
    run = a_run(turns_s=None)
    trials = [t for t in journal(run, dict.fromkeys(RELEASES, 1.7), {}) if not (t.block == 2 and t.position == 3)]
    assert sorted(map(len, adjacent_ratios(trials).values())) == [5, 6, 6, 6, 6, 6]


@BOTH
def test_a_new_level_is_told_with_its_first_release(plan):
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    figures = {release.cell.environment: release for release in a_summary(ratio, **plan).releases}
    assert [name for name, each in figures.items() if each.change is not None] == ["4.47.1"]
    assert figures["4.47.1"].change == pytest.approx(1.9 / 1.7, rel=0.01)
    assert figures["4.44.2"].ratio is not None
    assert figures["4.44.2"].ratio.value == pytest.approx(1.7, rel=0.01)


@BOTH
def test_counts_are_held_against_the_release_before_and_name_their_function(plan):
    syncs = {"4.47.1": 7, "4.48.3": 7}
    summary = a_summary(syncs=syncs, **plan)
    more = {release.cell.environment: release.more for release in summary.releases}
    assert more == {**{name: {} for name in RELEASES}, "4.47.1": {"syncs": 1}, "4.49.0": {"syncs": -1}}
    assert [(row.cell.environment, row.counter, row.function, row.delta) for row in summary.attribution] == [
        ("4.47.1", "syncs", "Trainer.get_batch_samples", 1),
        ("4.49.0", "syncs", "Trainer.get_batch_samples", -1),
    ]


def test_the_report_tells_changes_first_and_every_release_in_order():
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    text = report_of(a_summary(ratio, {"4.47.1": 7, "4.48.3": 7, "4.49.0": 7}))
    change = next(line for line in text.splitlines() if line.startswith("- transformers"))
    assert re.match(r"- transformers 4\.47\.1: a new level of step time, \+1[12] %; 1 more sync: in ", change)
    assert change.endswith(": in transformers/trainer.py (Trainer.get_batch_samples).")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| 4.")]
    assert rows == RELEASES
    assert "7 (+1)" in text


def test_the_history_of_a_script_is_told_beside_the_script_itself():
    summary = a_summary()
    scripts = Scripts(each=[Script(name="train.py", file="/train.py")], folder=".")
    settings = summary.run.settings.model_copy(update={"scripts": scripts})
    text = report_of(summary.model_copy(update={"run": summary.run.model_copy(update={"settings": settings})}))
    assert (
        "releases of transformers next to the same script with the packages of today (transformers 5.23.0), 6" in text
    )
    assert "step time with this release over that of the same script with the packages of today, from pairs" in text
    assert "hand-written" not in text


def test_a_history_that_is_only_counted_speaks_of_no_step_time():
    run = a_run(passes=["equivalence", "counting"], blocks=0)
    facts = {"cpu": CpuFacts(), "memory": MemoryFacts(), "container": ContainerFacts()}
    resumed = [Health(taken_at=run.started_at, moment="start", **facts)] * 2
    assert summarise(a_run(), [], resumed).warnings
    summary = summarise(run, opening(run, {}), resumed)
    text = report_of(summary)
    assert "- No release changed the number of ops and syncs." in text
    assert "| release | Python calls | C calls | ops | syncs | tensor kB |" in text
    assert not re.search(r"step time|ratio|no block has|Warnings|This machine", text)


def test_on_a_card_a_release_that_launches_more_has_changed_something():
    run = a_run(passes=["equivalence", "counting"], blocks=0, comparisons=[factories.comparison(device="cuda")])
    counted = [on_a_card(trial, 41 if trial.cell.environment < "4.47" else 51) for trial in opening(run, {})]
    text = report_of(summarise(run, counted))
    assert "- transformers 4.47.1: 10 more kernels." in text
    assert "| release | Python calls | C calls | ops | syncs |  kernels | device syncs | tensor kB |" in text
    assert "**kernels, device syncs**: counted likewise" in text
    assert "allocations" not in text
    quiet = report_of(summarise(run, [on_a_card(trial, 41) for trial in opening(run, {})]))
    assert "- No release changed the number of ops, syncs, kernels and device syncs." in quiet
    without_a_profiler = report_of(summarise(run, opening(run, {})))
    assert "- No release changed the number of ops and syncs." in without_a_profiler


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        ({}, "- No release changed the step time beyond noise.\n"),
        (
            {"passes": ["equivalence", "counting"], "blocks": 0},
            "- Nothing can be said of changes: nothing was timed, and neither ops nor syncs were counted.\n",
        ),
    ],
)
def test_of_compiled_loops_whose_ops_nobody_sees_nothing_is_said_of_them(plan, sentence):
    run = a_run(**plan)
    trials = journal(run, dict.fromkeys(RELEASES, 1.7), {}) if run.settings.blocks else opening(run, {})
    unseen = {"ops": None, "syncs": None, "tensor_bytes": None}
    compiled = [
        trial.model_copy(update={"counters": trial.counters and trial.counters.model_copy(update=unseen)})
        for trial in trials
    ]
    assert sentence in report_of(summarise(run, compiled))


def on_a_card(trial, kernels):
    if trial.counters is None:
        return trial
    counts = {"kernels": Count(value=kernels, share=1.0), "device_syncs": Count(value=0, share=1.0)}
    return trial.model_copy(update={"counters": trial.counters.model_copy(update=counts)})


@BOTH
def test_a_quiet_history_says_so(plan):
    assert "No release changed the step time beyond noise" in short(a_summary(**plan))


@pytest.mark.parametrize(
    ("failing", "sentence"),
    [
        (RELEASES, "Nothing can be said of changes: no release has figures."),
        (RELEASES[1:], "Nothing can be said of changes: only one release has figures."),
        (RELEASES[2:], "No release of the 2 that have figures changed the number of ops and syncs."),
    ],
)
def test_releases_without_figures_are_not_said_to_change_nothing(failing, sentence):
    run = a_run(passes=["equivalence", "counting"], blocks=0)
    lost = {"status": "failed", "reason": "it ended", "counters": None, "fingerprint": None}
    trials = [t.model_copy(update=lost) if t.cell.environment in failing else t for t in opening(run, {})]
    summary = summarise(run, trials)
    assert report.changes(summary, summary.releases) == [sentence]


def test_a_compact_table_says_which_releases_it_leaves_out_and_why(monkeypatch):
    monkeypatch.setattr(grid, "MAX_ROWS", 2)
    run = a_run(passes=["equivalence", "counting"], blocks=0)
    lost = {"status": "failed", "reason": "it ended", "counters": None, "fingerprint": None}
    trials = [t.model_copy(update=lost) if t.cell.environment == RELEASES[2] else t for t in opening(run, {})]
    assert grid.grid(summarise(run, trials)).caption == (
        "Without 3 releases that changed neither the arithmetic, the level nor the number of ops and syncs. "
        "Without 1 release of which there are no figures."
    )


def test_releases_without_an_environment_are_told_with_their_reason():
    run = a_run(unusable={"4.40.0": "no wheel for this Python."})
    text = report_of(summarise(run, journal(run, dict.fromkeys(RELEASES, 1.7), {})))
    assert "- 4.40.0: no wheel for this Python." in text


def test_a_release_whose_arithmetic_differs_has_no_ratio():
    run = a_run()
    wrong = factories.fingerprint(weights_sha256="ff" * 32)
    trials = [
        t.model_copy(update={"fingerprint": wrong})
        if t.phase == "equivalence" and t.cell.environment == "4.45.2"
        else t
        for t in journal(run, dict.fromkeys(RELEASES, 1.7), {})
    ]
    summary = summarise(run, trials)
    odd = next(release for release in summary.releases if release.cell.environment == "4.45.2")
    assert odd.ratio is None
    assert odd.reason is not None
    assert "not proven to do the arithmetic" in odd.reason
    assert report.changes(summary, summary.releases) == [
        "transformers 4.45.2: no longer the arithmetic of the hand-written loop: losses equal, weights not.",
        "transformers 4.46.3: the arithmetic of the hand-written loop again.",
    ]


def test_another_framework_that_moved_beside_a_release_is_named():
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    run = a_run()
    environments = [
        environment.model_copy(update={"packages": {"accelerate": "0.27.2" if environment.name < "4.47" else "1.15.0"}})
        for environment in run.settings.environments
    ]
    run = run.model_copy(update={"settings": run.settings.model_copy(update={"environments": environments})})
    text = short(summarise(run, journal(run, ratio, {})))
    assert "(with accelerate 0.27.2 \N{RIGHTWARDS ARROW} 1.15.0, because this release allows it)" in text
