"""What a calibration changes in later plans: never less than the default, never what the user named."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from bench.execute import calibrations
from bench.plan.calibration import defaults, settings, with_blocks, with_margin
from bench.plan.settings import Flags, from_flags
from bench.plan.upgrade import BLOCKS_PER_SET, TURNS_S
from bench.records.calibrations import Calibration, CalibrationBlock, Identity, Resolution
from bench.records.schema import Estimate
from bench.report.kinds.machine import calibration as report
from tests import factories

MACHINE = factories.run().machine


def calibrated(*rows: tuple[int, float | None, float | None], **changes) -> Calibration:
    """Rows of (blocks, half width, detectable change)."""
    usual = {
        "made_at": datetime(2026, 1, 2, tzinfo=UTC),
        "wall_s": 160.0,
        "identity": Identity.of(MACHINE, "cpu"),
        "comparison": factories.comparison(),
        "blocks": [CalibrationBlock(baseline_us=400.0, ratio=1.01)] * 18,
        "marked_blocks": 0,
        "run_to_run_cv": 0.034,
        "ratio_spread": 0.021,
        "drift": None,
        "against_itself": Estimate(value=1.002, low=0.995, high=1.01),
        "resolutions": [
            Resolution(blocks=blocks, half_width=width, detectable_change=change) for blocks, width, change in rows
        ],
    }
    return Calibration(**usual | changes)


NOISY = calibrated((6, 0.08, None), (12, 0.03, 0.06), (20, 0.0199, 0.05), (28, 0.01, 0.045), (40, 0.008, 0.0412))
QUIET = calibrated((6, 0.015, None), (12, 0.01, 0.02), (40, 0.004, 0.009))
WILD = calibrated((6, 0.4, None), (40, 0.05, None))


def planned(**flags):
    return from_flags(Flags(device="cpu", **flags), MACHINE)


def test_a_run_may_add_as_many_blocks_as_its_target_takes():
    adjusted = with_blocks(planned(), [NOISY])
    by = adjusted.by_calibration
    assert (adjusted.blocks, adjusted.max_blocks, by.usual, by.resolves) == (8, 28, 9, 0.015)
    assert report.sentence(by) == (
        "By this machine's calibration of 2026-01-02, there may be up to 28 blocks instead of the usual 9: "
        "expected CI ±1.5 %."
    )


def test_a_run_may_never_add_fewer_blocks_than_its_preset():
    adjusted = with_blocks(planned(preset="thorough"), [QUIET])
    assert (adjusted.blocks, adjusted.max_blocks, adjusted.by_calibration.resolves) == (12, 32, 0.01)
    assert report.sentence(adjusted.by_calibration).endswith("the usual limit of 32 blocks: expected CI ±1.0 %.")


def test_a_run_that_ends_at_its_target_knows_no_more_than_that():
    adjusted = with_blocks(planned(target_ci="3%"), [QUIET])
    assert (adjusted.max_blocks, adjusted.by_calibration.resolves) == (40, 0.03)


def test_a_run_that_adds_none_has_as_many_blocks_as_two_per_cent_take():
    adjusted = with_blocks(planned(blocks=8), [NOISY])
    assert (adjusted.blocks, adjusted.by_calibration.usual, adjusted.by_calibration.resolves) == (20, 8, 0.0199)
    assert report.sentence(adjusted.by_calibration).endswith(
        "there are 20 blocks instead of the usual 8: expected CI ±2.0 %."
    )


def test_quick_stays_quick_and_says_how_well_it_will_know():
    adjusted = with_blocks(planned(preset="quick"), [NOISY])
    assert (adjusted.blocks, adjusted.max_blocks, adjusted.by_calibration.resolves) == (8, 12, 0.03)


def test_where_no_number_of_blocks_is_enough_there_are_the_most():
    adjusted = with_blocks(planned(), [WILD])
    assert (adjusted.max_blocks, adjusted.by_calibration.resolves) == (40, 0.05)


def test_the_noisiest_device_decides():
    assert with_blocks(planned(), [QUIET, NOISY]).max_blocks == 28


def test_without_a_calibration_or_without_times_nothing_changes():
    assert with_blocks(planned(), []) == planned()
    counted = planned(only="counters")
    assert with_blocks(counted, [NOISY]) == counted
    assert with_margin(counted, [NOISY]) == counted
    assert with_margin(planned(), []) == planned()


def test_the_margin_of_time_is_what_the_last_look_resolves():
    check = planned().model_copy(update={"blocks": 40})
    adjusted = with_margin(check, [NOISY])
    assert (adjusted.margin, adjusted.time_margin, adjusted.margin_of_time) == (0.03, 0.042, 0.042)
    assert check.margin_of_time == 0.03
    assert report.sentence(adjusted.by_calibration) == (
        "By this machine's calibration of 2026-01-02, these blocks detect a change of 4.1 % with 80 "
        "% power and nothing smaller, so the margin of time is 4.2 % instead of 3.0 %; --margin sets another."
    )
    assert with_margin(check.model_copy(update={"blocks": 20}), [NOISY]).time_margin == 0.05


def test_the_margin_is_never_less_than_usual():
    adjusted = with_margin(planned().model_copy(update={"blocks": 40}), [QUIET])
    assert adjusted.time_margin == 0.03
    assert report.sentence(adjusted.by_calibration).endswith(
        "these blocks detect a change of 0.9 % with 80 % power, so the margin stays 3.0 %."
    )


def test_a_machine_of_which_no_change_is_known_that_it_finds_leaves_the_margin_as_it_is():
    check = planned().model_copy(update={"blocks": 40})
    assert with_margin(check, [WILD]) == check


def test_what_later_runs_make_of_it_is_told_by_command():
    _, usage, kept = report.used(defaults(NOISY), calibrations.path_of(NOISY.identity))
    assert usage.lines[0].startswith("python -m bench.upgrade: these blocks detect a change of 4.1 %")
    assert [line.subject for line in usage.lines] == [
        "python -m bench.upgrade",
        "python -m bench.bisect",
        "python -m bench.history",
        *(f"python -m bench.run --preset {name}" for name in ("quick", "standard", "thorough")),
    ]
    assert usage.lines[1].endswith(
        "these blocks detect a change of 5.0 % with 80 % power and nothing smaller, so the margin "
        "of time is 5.0 % instead of 3.0 %; --margin sets another."
    )
    assert usage.lines[2].endswith("the usual 6 blocks: expected CI ±8.0 %.")
    assert kept.text.startswith("Kept in ")
    assert [each.text for each in report.used(defaults(NOISY), None)] == ["It was interrupted and is not kept."]


def test_it_is_told_in_sentences_and_a_table():
    assert report.setting(NOISY).startswith("Calibrated cpu (Imaginary CPU @ 2.00GHz; 2 of 2 processors; torch 2.13.0+")
    assert report.spread(NOISY) == (
        "From block to block its step time varies by 3.4 % (coefficient of variation), its ratio to the clone that "
        "took turns with it by 2.1 %."
    )
    assert report.table(NOISY).texts == [
        ("6", "±8.0 %", "?"),
        ("12", "±3.0 %", "6.0 %"),
        ("20", "±2.0 %", "5.0 %"),
        ("28", "±1.0 %", "4.5 %"),
        ("40", "±0.8 %", "4.1 %"),
    ]


def test_the_plan_is_two_clones_of_the_hand_written_loop():
    plan = settings("cuda")
    assert plan.runners == ["pytorch"]
    assert [(environment.name, environment.clone_of) for environment in plan.environments] == [
        ("baseline", None),
        ("clone", "baseline"),
    ]
    assert {environment.python for environment in plan.environments} == {plan.environments[0].python}
    assert plan.budget_s < 180
    assert (plan.turns_s, plan.blocks_per_set) == (TURNS_S, BLOCKS_PER_SET)  # what a check finds is what it tells


# Where it is kept


def test_a_calibration_is_found_by_the_machine_it_is_of(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path))
    assert calibrations.known(MACHINE, ["cpu"]) == []
    path = calibrations.keep(NOISY)
    assert calibrations.known(MACHINE, ["cpu", "cpu"]) == [NOISY]
    assert [each.name for each in path.parent.iterdir()] == [path.name]  # nothing half-written is left
    for other in ({"torch_build": "2.14.0"}, {"usable_cpus": 1}, {"cpu": "another"}):
        assert calibrations.known(MACHINE.model_copy(update=other), ["cpu"]) == []
    assert calibrations.known(MACHINE, ["cuda"]) == []


def test_a_calibration_that_cannot_be_read_counts_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path))
    calibrations.keep(NOISY).write_text('{"schema": 1, "made_')
    assert calibrations.known(MACHINE, ["cpu"]) == []


def test_a_calibration_of_before_loops_took_turns_counts_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path))
    as_it_was = NOISY.model_dump(mode="json", by_alias=True)
    del as_it_was["identity"]["method"], as_it_was["ratio_spread"]
    as_it_was["blocks"] = [{"baseline_us": [400.0], "clone_us": [404.0]}] * 18
    as_it_was["resolutions"] = [{"trials_per_block": 1, **each} for each in as_it_was["resolutions"]]
    calibrations.keep(NOISY).write_text(json.dumps(as_it_was))
    assert calibrations.known(MACHINE, ["cpu"]) == []
    # Nor is it looked for: its identity said nothing of a method, and the identity is the name of the file.
    digest = hashlib.sha256(json.dumps(as_it_was["identity"], separators=(",", ":")).encode()).hexdigest()[:12]
    assert digest not in calibrations.path_of(NOISY.identity).name


def test_a_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "file"))
    with pytest.raises(Exception, match=r"The calibration cannot be kept in .*file/calibrations.*LOOPTAX_CACHE\.$"):
        calibrations.keep(NOISY)
