"""A history: pairs of neighbours, levels that change, and counts that differ from one release to the next."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from bench.analyse.comparison import summarise
from bench.analyse.history import adjacent_ratios
from bench.plan.rounds import cell, rounds
from bench.records.schema import Count, Counters, Environment, FunctionCounts, Run, Summary, Trial
from bench.report import history as report
from bench.report.answers.parts import plain
from tests import factories

COMPARISON = factories.comparison()
RELEASES = ["4.44.2", "4.45.2", "4.46.3", "4.47.1", "4.48.3", "4.49.0"]
ANCHOR_US = 400.0


def a_run(*, blocks: int = 6, **changes: object) -> Run:
    run = factories.run(comparisons=[COMPARISON], runners=["hf-trainer"], blocks=blocks)
    environments = [Environment(name=name, python="python") for name in ("anchor", *RELEASES)]
    settings = {"design": "anchored", "environments": environments, "package": "transformers", **changes}
    return run.model_copy(update={"verb": "history", "settings": run.settings.model_copy(update=settings)})


def counters(*, syncs: int) -> Counters:
    fields = dict.fromkeys(("python_calls", "c_calls", "ops", "tensor_bytes"), Count(value=100, share=1.0))
    function = FunctionCounts(file="transformers/trainer.py", function="Trainer.get_batch_samples", line=1, syncs=syncs)
    known = {"steady_steps": 11, "ops_by_name": {}, "tensor_bytes_by_category": {}, "functions": [function]}
    known |= {"unavailable": dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host")}
    return Counters(**fields, syncs=Count(value=syncs, share=1.0), **known)


def journal(run: Run, ratio: Mapping[str, float], syncs: Mapping[str, int]) -> list[Trial]:
    """A machine that slows from pair to pair by more than any release differs; neighbours share its pace."""
    trials = []
    for each in [cell(COMPARISON, "pytorch", "anchor"), *(r.cells[1] for r in rounds(run.settings))]:
        trials.append(factories.trial(cell=each, phase="equivalence", block=-1))
        counted = counters(syncs=syncs.get(each.environment, 6))
        trials += [
            factories.trial(cell=each, phase="counting", block=-1, replicate=n, timing=None, counters=counted)
            for n in (0, 1)
        ]
    for block in range(run.settings.blocks):
        for place, planned in enumerate(rounds(run.settings)):
            pace = 1 + 0.3 * (place + block) / 10
            for offset, each in enumerate(planned.cells if (place + block) % 2 else planned.cells[::-1]):
                usual = ANCHOR_US * (1 if each == planned.reference else ratio[each.environment])
                wobble = 1 + 0.004 * ((7 * block + 3 * place + offset) % 5 - 2)
                where = {"block": block, "position": 2 * place + offset, "replicate": place if offset else 0}
                trials.append(factories.trial(cell=each, step_us=usual * pace * wobble, **where))
    return trials


def a_summary(ratio: Mapping[str, float] | None = None, syncs: Mapping[str, int] | None = None) -> Summary:
    run = a_run()
    return summarise(run, journal(run, ratio or dict.fromkeys(RELEASES, 1.7), syncs or {}))


def test_a_release_is_compared_with_its_neighbour_in_time():
    run = a_run()
    found = adjacent_ratios(journal(run, dict.fromkeys(RELEASES, 1.7), {}))
    assert sorted(each.environment for each in found) == RELEASES
    for ratios in found.values():
        assert ratios == pytest.approx([1.7] * 6, rel=0.02)  # the pace of the machine moved by 30 %


def test_a_pair_with_a_failed_trial_is_no_pair():
    run = a_run()
    trials = [t for t in journal(run, dict.fromkeys(RELEASES, 1.7), {}) if not (t.block == 2 and t.position == 3)]
    assert sorted(map(len, adjacent_ratios(trials).values())) == [5, 6, 6, 6, 6, 6]


def test_a_new_level_is_told_with_its_first_release():
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    figures = {each.cell.environment: each for each in a_summary(ratio).releases}
    assert [name for name, each in figures.items() if each.change is not None] == ["4.47.1"]
    assert figures["4.47.1"].change == pytest.approx(1.9 / 1.7, rel=0.01)
    assert figures["4.44.2"].ratio is not None
    assert figures["4.44.2"].ratio.value == pytest.approx(1.7, rel=0.01)


def test_counts_are_held_against_the_release_before_and_name_their_function():
    syncs = {"4.47.1": 7, "4.48.3": 7}
    summary = a_summary(syncs=syncs)
    more = {each.cell.environment: each.more for each in summary.releases}
    assert more == {**{name: {} for name in RELEASES}, "4.47.1": {"syncs": 1}, "4.49.0": {"syncs": -1}}
    assert [(row.cell.environment, row.counter, row.function, row.delta) for row in summary.attribution] == [
        ("4.47.1", "syncs", "Trainer.get_batch_samples", 1),
        ("4.49.0", "syncs", "Trainer.get_batch_samples", -1),
    ]


def test_the_report_tells_changes_first_and_every_release_in_order():
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    text = report.report(a_summary(ratio, {"4.47.1": 7, "4.48.3": 7, "4.49.0": 7}), "results/a")
    change = next(line for line in text.splitlines() if line.startswith("- transformers"))
    assert re.match(r"- transformers 4\.47\.1: a new level of step time, \+1[12] %, 1 more sync\. ", change)
    assert "1 extra value read back to the host a step: 1 in transformers/trainer.py" in change
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| 4.")]
    assert rows == RELEASES
    assert "7 (+1)" in text


def test_a_quiet_history_says_so():
    assert "No release changed the step time beyond noise" in "\n".join(plain(report.paragraphs(a_summary())))


def test_releases_without_an_environment_are_told_with_their_reason():
    run = a_run(unusable={"4.40.0": "no wheel for this Python."})
    text = report.report(summarise(run, journal(run, dict.fromkeys(RELEASES, 1.7), {})), "results/a")
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
    odd = next(each for each in summarise(run, trials).releases if each.cell.environment == "4.45.2")
    assert odd.ratio is None
    assert odd.reason is not None
    assert "not proven to do the arithmetic" in odd.reason


def test_another_framework_that_moved_beside_a_release_is_named():
    ratio = {name: 1.7 if name < "4.47" else 1.9 for name in RELEASES}
    run = a_run()
    environments = [
        each.model_copy(update={"packages": {"accelerate": "0.27.2" if each.name < "4.47" else "1.15.0"}})
        for each in run.settings.environments
    ]
    run = run.model_copy(update={"settings": run.settings.model_copy(update={"environments": environments})})
    text = "\n".join(plain(report.paragraphs(summarise(run, journal(run, ratio, {})))))
    assert "(beside it accelerate 0.27.2 \N{RIGHTWARDS ARROW} 1.15.0, because this release allows it)" in text
