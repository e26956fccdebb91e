"""What slices of fixed work say: synthetic machines, each with the figure that follows from how it was made."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from bench.analyse.machine import diagnose, jitter
from bench.analyse.machine.jitter import CYCLES, fit_alone, steadiness
from bench.records.health import ContainerFacts, CpuFacts, Health, MemoryFacts, TorchFacts, VersionFacts
from bench.records.steadiness import CoreSlices, CoreSteadiness, JitterFacts, Steadiness

SLICE_S = 0.01
SPREAD = 0.01


def facts(*cores, wall_s: float | None = None) -> JitterFacts:
    """A probe of cores 0, 1, ... whose slices take these multiples of 10 ms."""
    slices = [(1e9 * SLICE_S * np.asarray(core)).astype(int).tolist() for core in cores]
    return JitterFacts(
        wall_s=wall_s or sum(map(sum, slices)) / 1e9,
        units_per_slice=97,
        usable_cores=len(cores),
        cores=[CoreSlices(core=core, slices_ns=own) for core, own in enumerate(slices)],
    )


def noise(count: int = 20_000, *, seed: int = 0):
    return 1 + SPREAD * np.random.default_rng(seed).standard_normal(count)


def wave(size: float, period_s: float, count: int = 20_000):
    return np.exp(size * np.sin(2 * np.pi * SLICE_S / period_s * np.arange(count)))


def test_a_machine_with_white_noise_is_told_by_it():
    steady = steadiness(facts(noise()))
    (core,) = steady.cores
    assert core.slice_ms == pytest.approx(10.0, rel=0.001)
    assert core.jitter == pytest.approx(0.6745 * SPREAD, rel=0.05)  # a normal distribution's quartiles
    assert core.p95_over_median == pytest.approx(1 + 1.645 * SPREAD, rel=0.001)
    in_a_stretch = 24  # slices of 250 ms, in whole visits
    assert steady.alone == pytest.approx(SPREAD * math.sqrt(2 / in_a_stretch), rel=0.1)
    assert steady.turns == pytest.approx(SPREAD * math.sqrt(2 / CYCLES), rel=0.05)


def test_a_block_s_mean_of_cycles_spreads_by_what_turns_says():
    slices = jitter.visits(facts(noise(200 * 2 * CYCLES)).cores[0].slices_ns)
    blocks = np.log(slices[:, 0] / slices[:, 1]).reshape(200, CYCLES).mean(axis=1)
    assert steadiness(facts(noise(200 * 2 * CYCLES))).turns == pytest.approx(blocks.std(), rel=0.15)


def test_a_machine_that_drifts_hurts_what_is_timed_alone_and_not_what_takes_turns():
    size, period_s, region_s = 0.1, 2.0, 0.24
    steady = steadiness(facts(wave(size, period_s)))
    half = math.pi * region_s / period_s
    assert steady.alone == pytest.approx(size / math.sqrt(2) * 2 * math.sin(half) * math.sin(half) / half, rel=0.03)
    cycle = size / math.sqrt(2) * 2 * math.sin(math.pi * SLICE_S / period_s)
    assert steady.turns == pytest.approx(cycle / math.sqrt(CYCLES), rel=0.03)
    assert steady.alone > 250 * steady.turns
    (core,) = steady.cores
    assert core.drift == pytest.approx(size / math.sqrt(2), rel=0.05)
    assert core.jitter == pytest.approx(size / math.sqrt(2), rel=0.03)  # the quartiles of a sine


def test_unlike_cores_are_told_apart_and_do_not_add_to_the_spread_of_a_pair():
    steady = steadiness(facts(1.1 * wave(0.1, 2.0), noise(), noise(seed=1) * 1.02))
    assert steady.cores_differ == pytest.approx(0.1, abs=0.003)
    assert steady.quietest_core in (1, 2)
    steady = steadiness(facts(noise(), noise() * 1.1))
    assert steady.cores_differ == pytest.approx(0.1, rel=0.001)
    assert steady.turns == pytest.approx(SPREAD * math.sqrt(2 / CYCLES), rel=0.05)
    assert steady.alone < SPREAD


def test_the_quietest_core_is_the_one_whose_loops_alone_would_come_out_most_alike():
    assert steadiness(facts(wave(0.1, 2.0), wave(0.02, 2.0))).quietest_core == 1


def test_spikes_show_in_the_tail_and_in_turns_but_not_in_the_quartiles():
    every_tenth = np.where(np.arange(4000) % 10 == 0, 2.0, 1.0)
    steady = steadiness(facts(every_tenth))
    (core,) = steady.cores
    assert (core.jitter, core.p95_over_median) == (0.0, 2.0)
    hit = 1 / 5  # of the cycles, always in the first slice
    assert steady.turns == pytest.approx(math.log(2) * math.sqrt(hit * (1 - hit)) / math.sqrt(CYCLES), rel=0.001)


def test_which_slice_of_a_visit_comes_first_is_no_spread():
    assert steadiness(facts(np.tile([1.2, 1.0], 200))).turns == pytest.approx(0.0, abs=1e-9)


def test_a_stretch_counts_the_time_of_other_cores_too():
    slices = [CoreSlices(core=core, slices_ns=[10_000_000] * 100) for core in range(4)]
    steady = steadiness(JitterFacts(wall_s=4.0, usable_cores=4, cores=slices))
    assert (steady.alone, steady.turns, steady.cores_differ) == (0.0, 0.0, 0.0)
    assert jitter._stretch(jitter.visits(slices[0].slices_ns), 4.0) == 3  # of 80 ms each


def test_a_second_on_four_cores_is_enough_and_less_says_so():
    assert steadiness(facts(*[np.ones(24)] * 4, wall_s=1.0)).alone == 0.0
    assert steadiness(facts(np.ones(6))).unavailable == "the probe timed too few slices"
    assert steadiness(JitterFacts()).unavailable == "the probe timed too few slices"
    assert steadiness(JitterFacts(unavailable="it was killed")) == Steadiness(unavailable="it was killed")


# What that means


def seen(alone: float, turns: float, **changes) -> Steadiness:
    core = {"slices": 500, "slice_ms": 10.0, "jitter": 0.029, "p95_over_median": 1.1, "drift": 0.031, "alone": alone}
    cores = [CoreSteadiness(core=0, **core), CoreSteadiness(core=1, **core | {"slice_ms": 10.2})]
    usual = {"wall_s": 10.0, "cores": cores, "cores_differ": 0.02, "quietest_core": 1, "usable_cores": 2}
    return Steadiness(alone=alone, turns=turns, **usual | changes)


@pytest.mark.parametrize(
    ("alone", "turns", "severity", "alone_too"),
    [
        (0.019, 0.002, "fine", True),
        (0.021, 0.002, "note", True),
        (0.049, 0.002, "note", True),
        (0.051, 0.002, "warning", False),
        (0.14, 0.008, "warning", False),
        (0.04, 0.011, "warning", True),
        (0.30, 0.024, "warning", False),
        (0.30, 0.026, "unfit", False),
    ],
)
def test_a_machine_is_judged_by_what_it_does_to_pairs(alone, turns, severity, alone_too):
    steady, _ = jitter.findings(seen(alone, turns))
    assert (steady.subject, steady.severity) == ("steadiness", severity)
    assert severity == "fine" or (steady.effect and steady.remedy)
    assert fit_alone(seen(alone, turns)) is alone_too


@pytest.mark.parametrize(("differ", "severity"), [(0.029, "fine"), (0.031, "note"), (0.11, "warning")])
def test_cores_are_judged_by_how_unlike_they_are(differ, severity):
    _, cores = jitter.findings(seen(0.01, 0.001, cores_differ=differ))
    assert (cores.subject, cores.severity) == ("cores", severity)


def test_the_figures_stand_in_the_findings():
    steady, cores = jitter.findings(seen(0.14, 0.008))
    assert steady.seen == (
        "the ratio of two identical loops would spread by 14 % where one is timed after the other, 250 ms each, and by "
        "0.8 % per block where they take turns of 10 ms (standard deviations, from fixed work that was timed for 10 s)"
    )
    assert cores.seen.startswith(
        "core 1 is 2.0 % slower than core 0, and core 1 is the quietest; core 0: 10.0 ms a slice, half of them within "
        "±2.9 %, one in twenty 1.10 times as long or longer, and from one 250 ms to the next it wavers by 3.1 %; core 1"
    )


def test_which_cores_were_chosen_of_many_and_that_none_could_be_is_said():
    steady, _ = jitter.findings(seen(0.01, 0.001, usable_cores=64))
    assert "on core 0 and 1, of 64 that may be used" in steady.seen
    loose = [CoreSteadiness(core=None, slices=9, slice_ms=10.0, jitter=0.01, p95_over_median=1.0)]
    free = seen(0.01, 0.001, cores=loose, cores_differ=None, quietest_core=None, usable_cores=None, pinned=False)
    steady, cores = jitter.findings(free)
    assert "wherever the system put it, since it cannot pin a process" in steady.seen
    assert cores.seen == "10.0 ms a slice, half of them within ±1.0 %, one in twenty 1.00 times as long or longer"
    assert not steadiness(JitterFacts(wall_s=1.0, cores=[CoreSlices(core=None, slices_ns=[10] * 8)])).pinned


def test_what_was_not_timed_is_a_note_with_its_reason_and_leaves_the_machine_fit():
    (findings,) = jitter.findings(Steadiness(unavailable="it was killed"))
    assert (findings.severity, findings.seen) == ("note", "not available: it was killed")
    assert fit_alone(Steadiness(unavailable="it was killed")) is None
    assert list(jitter.findings(None)) == []


# The doctor, and a run


def machine(**changes) -> Health:
    usual = {"cpu": CpuFacts(), "memory": MemoryFacts(), "container": ContainerFacts()}
    return Health(taken_at=datetime(2026, 1, 2, tzinfo=UTC), **usual | changes)


def test_the_doctor_calls_no_machine_fit_on_which_even_turns_come_out_apart():
    on_cpu = TorchFacts(build="2.13.0+cpu, CPU only", device="cpu", launch="fork")
    noisy = np.exp(0.4 * np.random.default_rng(0).standard_normal(2000))
    verdicts = [
        diagnose.diagnose(machine(), on_cpu, VersionFacts(), None, facts(slices))
        for slices in (noise(), wave(0.2, 2.0), noisy)
    ]
    assert [(verdict.fit, verdict.fit_alone) for verdict in verdicts] == [(True, True), (True, False), (False, False)]
    assert verdicts[2].findings[0].subject == "steadiness"
    assert verdicts[2].steadiness.turns == pytest.approx(0.4 * math.sqrt(2 / CYCLES), rel=0.1)
    assert diagnose.diagnose(machine(), on_cpu, VersionFacts()).steadiness is None


def test_a_run_s_machine_is_told_by_its_start_and_by_the_worst_of_several():
    quiet, loud = (machine(moment="start", jitter=facts(each)) for each in (noise(), wave(0.2, 0.2)))
    lost = machine(moment="start", jitter=JitterFacts(unavailable="it was killed"))
    assert jitter.of_run([quiet, machine(moment="end")]) == steadiness(quiet.jitter)
    assert jitter.of_run([quiet, loud, quiet, lost]) == steadiness(loud.jitter)
    assert jitter.of_run([lost]).unavailable == "it was killed"
    assert jitter.of_run([machine(moment="start")]) is None  # an older run
    assert jitter.of_run([]) is None
