"""What a calibration says that a machine can resolve, against what such machines do resolve."""

from datetime import timedelta

import numpy as np
import pytest

from bench.analyse.machine import calibration
from bench.analyse.machine.calibration import MIN_BLOCKS, calibrate, resolutions, whole_blocks
from bench.analyse.statistics.sequential import minimum_detectable_effect
from bench.analyse.statistics.signed_rank import exponentiated, resolution, signed_rank_estimate
from bench.plan import calibration as plan
from bench.plan.comparison_groups import cells
from bench.records.schema import Load, Run, Trial
from tests import factories
from tests.factories import TURN


def planned() -> Run:
    return factories.run().model_copy(update={"settings": plan.settings("cpu")})


def trials(run: Run, blocks: int, *, spread: float = 0.01, drift: float = 0.0, foreign_s: float = 0.0) -> list[Trial]:
    """Both arms alike but for noise."""
    random = np.random.default_rng(1)
    load = Load(wall_s=2.0, cpus=2, busy_s=2.0 + foreign_s, own_s=2.0, stolen_s=0.0)
    return [
        factories.trial(
            cell=cell,
            block=block,
            step_us=float(400 * (1 + drift * block / blocks) * np.exp(random.normal(0, spread))),
            load=load,
        )
        for block in range(blocks)
        for cell in cells(run.settings)
    ]


def made(blocks: int = 18, **changes):
    run = planned()
    return calibrate(run, trials(run, blocks, **changes), made_at=run.started_at + timedelta(seconds=150))


def test_a_calibration_is_of_one_machine_and_keeps_its_blocks():
    calibration = made()
    assert (calibration.identity.cpu, calibration.identity.device, calibration.identity.accelerator) == (
        "Imaginary CPU @ 2.00GHz", "cpu", None
    )  # fmt: skip
    assert calibration.identity.method == "turns"
    assert (len(calibration.blocks), calibration.wall_s) == (18, 150.0)
    assert calibration.run_to_run_cv == pytest.approx(0.01, rel=0.4)
    logs = np.log([block.ratio for block in calibration.blocks])
    assert calibration.ratio_spread == pytest.approx(np.expm1(np.std(logs, ddof=1)))
    assert calibration.against_itself.low < 1 < calibration.against_itself.high
    assert (calibration.marked_blocks, calibration.warnings) == (0, [])
    assert not calibration.drift.is_trend


def test_a_drift_and_a_disturbance_are_told():
    calibration = made(drift=0.2, foreign_s=1.0)
    assert calibration.drift.is_trend
    assert calibration.drift.change == pytest.approx(0.1, abs=0.02)
    assert calibration.marked_blocks == 18
    assert "in 18 of 18 timed blocks" in calibration.warnings[0]


def test_too_few_whole_blocks_are_no_calibration():
    assert made(MIN_BLOCKS - 1) is None
    run = planned()
    torn = trials(run, MIN_BLOCKS)[:-1]
    assert calibrate(run, torn, made_at=run.started_at) is None
    assert len(whole_blocks(run, torn)) == MIN_BLOCKS - 1


def test_a_block_s_ratio_is_of_its_pairs_of_turns():
    """Each cycle meets another machine: the medians of the arms are far apart, the turns of each cycle are not."""
    run = planned()
    weather = np.repeat([1.0, 1.0, 4.0], TURN.steps)
    paces = {"baseline": (400.0, np.append(weather, [1.0] * TURN.steps)), "clone": (404.0, weather)}
    trials = [
        factories.trial(cell=cell, step_us=list(us * pace))
        for cell in cells(run.settings)
        for us, pace in [paces[cell.environment]]
    ]
    (block,) = whole_blocks(run, trials)
    assert block.ratio == pytest.approx(1.01)
    assert block.baseline_us == pytest.approx(400)


@pytest.mark.parametrize(("blocks", "spread"), [(20, 0.01), (40, 0.03)])
def test_what_is_foretold_is_what_fresh_blocks_say(blocks, spread, monkeypatch):
    """The median over machines calibrated with 18 blocks, within 10 %; half of them are within 20 %."""
    monkeypatch.setattr(calibration, "DRAWS", 400)
    random = np.random.default_rng(1)
    fresh = [random.normal(0, spread, blocks) for _ in range(400)]
    true = {
        "half_width": np.median([resolution(exponentiated(signed_rank_estimate(d))) for d in fresh]),
        "detectable_change": np.median([minimum_detectable_effect(d) for d in fresh]),
    }
    foretold = [resolutions(random.normal(0, spread, 18), [blocks])[0] for _ in range(60)]
    for figure, expected in true.items():
        shares = np.array([getattr(each, figure) for each in foretold]) / expected
        assert np.median(shares) == pytest.approx(1, abs=0.1)
        assert np.median(abs(shares - 1)) < 0.2


def test_more_blocks_resolve_more_and_few_resolve_nothing():
    resolved = resolutions(np.random.default_rng(2).normal(0, 0.02, 18))
    widths = [each.half_width for each in resolved]
    assert widths == sorted(widths, reverse=True)
    assert [each.blocks for each in resolved if each.detectable_change is None] == [6, 7, 8]
    assert calibration.resolutions(np.zeros(18), [40])[0].half_width == 0.0
