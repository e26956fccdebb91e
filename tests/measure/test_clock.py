"""The clock: a tick after every optimizer step of any loop, a region synchronised at both ends."""

import subprocess
import sys

import pytest
import torch

from bench.measure import memory, rss
from bench.measure.clock import Clock, WrongStepCountError
from bench.measure.device import Host, Peaks
from tests.measure.fake_device import FakeAccelerator

NOTHING = memory.HostBaseline(inherited_bytes=0, at_start=rss.Resident(total=0, peak=0, anonymous=0))


def make_steps(count: int) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    for _ in range(count):
        optimizer.step()


def test_the_region_goes_from_the_last_warm_up_tick_to_the_last_tick():
    with Clock(steps=10, warmup_steps=4, device=Host()) as clock:
        make_steps(10)
    result = clock.result()
    assert len(result["step_ns"]) == 9
    region = sum(result["step_ns"][3:])
    assert 0 <= result["region_ns"] - region < 1_000_000  # the last tick and the end of the region are one moment
    assert result["startup_ns"] + sum(result["step_ns"]) <= result["train_ns"]
    assert result["device_step_us"] is None


def test_the_hook_is_gone_afterwards_even_when_the_loop_raised():
    clock = Clock(steps=10, warmup_steps=4, device=Host())

    def a_loop_that_raises() -> None:
        with clock:
            make_steps(2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        a_loop_that_raises()
    make_steps(5)
    assert len(clock.ticks_ns) == 2


@pytest.mark.parametrize("made", [9, 11])
def test_another_number_of_steps_is_no_measurement(made):
    with Clock(steps=10, warmup_steps=4, device=Host()) as clock:
        make_steps(made)
    with pytest.raises(WrongStepCountError, match=f"the loop made {made} optimizer steps, its job says 10"):
        clock.result()


def test_an_accelerator_is_synchronised_at_both_ends_and_nowhere_between():
    device = FakeAccelerator(
        next_peaks=[Peaks(allocated_bytes=900, reserved_bytes=2000), Peaks(allocated_bytes=700, reserved_bytes=2000)]
    )
    with Clock(steps=50, warmup_steps=10, device=device) as clock:
        make_steps(50)
    assert device.calls == ["synchronize", "peaks", "reset", "synchronize", "peaks"]
    assert clock.result()["device_step_us"] == [10.0] * 49


def test_peaks_of_the_region_and_of_the_whole_run():
    device = FakeAccelerator(
        next_peaks=[Peaks(allocated_bytes=900, reserved_bytes=2000), Peaks(allocated_bytes=700, reserved_bytes=2100)]
    )
    with Clock(steps=5, warmup_steps=2, device=device) as clock:
        make_steps(5)
    figures = memory.figures(clock, device="xpu", host=NOTHING)
    assert figures["device_allocated_bytes"] == 700
    assert figures["device_reserved_bytes"] == 2100
    assert figures["device_allocated_whole_run_bytes"] == 900
    assert figures["unavailable"] == {"device_process_bytes": "only NVIDIA's driver tells the memory of a process"}


def test_a_device_that_keeps_no_peaks_says_so():
    device = FakeAccelerator(next_peaks=[Peaks(), Peaks()])
    with Clock(steps=5, warmup_steps=2, device=device) as clock:
        make_steps(5)
    figures = memory.figures(clock, device="mps", host=NOTHING)
    assert figures["device_allocated_bytes"] is None
    assert figures["unavailable"]["device_allocated_bytes"] == "torch keeps no such peak for this kind of device"


PEAK_OF_A_HUNDRED_MEGABYTES = """
from bench.measure import memory, rss
host = memory.HostBaseline(inherited_bytes=300_000_000, at_start=rss.read())
passing = b"x" * 100_000_000
del passing  # a peak is remembered
print(host.rss_bytes())
"""


def test_host_memory_is_what_was_inherited_and_what_the_trial_added():
    # In an interpreter of its own: this one may have had a higher peak in an earlier test.
    told = subprocess.run(
        [sys.executable, "-c", PEAK_OF_A_HUNDRED_MEGABYTES], capture_output=True, text=True, check=True
    )
    assert int(told.stdout) == pytest.approx(400_000_000, abs=5e6)


def test_growth_counts_a_peak_that_has_passed_but_not_the_libraries_that_a_fork_touches():
    forked = rss.Resident(total=100, peak=100, anonymous=100)
    touched_libraries = rss.Resident(total=180, peak=180, anonymous=100)
    after_a_peak = rss.Resident(total=190, peak=260, anonymous=110)
    assert rss.growth_bytes(forked, touched_libraries) == 0
    assert rss.growth_bytes(forked, after_a_peak) == 80
