"""The clock of a card at both ends of a trial's turns, by a fake of NVML."""

import sys
from types import SimpleNamespace

import pytest
import torch

from bench.measure import meters, sm_clock
from tests.host.machines import NVMLError, nvml


@pytest.fixture
def clocks(monkeypatch):
    """Gives the meter of a card whose clock reads these, one after the other; an error is raised."""
    properties = SimpleNamespace(uuid="7")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)

    def of(*readings):
        left = iter(readings)

        def read(board, domain):
            assert (board, domain) == (7, 1)
            clock = next(left)
            if isinstance(clock, Exception):
                raise clock
            return clock

        monkeypatch.setitem(sys.modules, "pynvml", nvml(nvmlDeviceGetClockInfo=read))
        return sm_clock.of_turns("cuda:0")

    return of


def used(meter, turns):
    for _ in range(turns):
        meter.begin()
        meter.end()
    return meter.result()


@pytest.mark.parametrize(
    ("readings", "ends"), [([1980], [1980, 1980]), ([345, 1980], [345, 1980]), ([1980, 1950, 1900, 1410], [1980, 1410])]
)
def test_the_clock_is_that_after_the_first_turn_and_after_the_last(clocks, readings, ends):
    assert used(clocks(*readings), len(readings)) == {"sm_clock_mhz": ends, "unavailable": {}}


def test_a_trial_without_turns_has_none(clocks):
    assert used(clocks(), 0) == {"sm_clock_mhz": None, "unavailable": {}}


def test_a_clock_that_cannot_be_read_any_more_costs_a_trial_nothing_but_that(clocks):
    meter = clocks(1980, NVMLError("GPU is lost"), 1980)
    reason = {"sm_clock_mhz": "it could not be read any more: GPU is lost"}
    assert used(meter, 3) == {"sm_clock_mhz": None, "unavailable": reason}


def test_what_has_no_such_clock_or_does_not_tell_has_a_reason(clocks, monkeypatch):
    def reason(device):
        clocks = sm_clock.of_turns(device).result()
        assert clocks["sm_clock_mhz"] is None
        return clocks["unavailable"]["sm_clock_mhz"]

    assert reason("cpu") == "the device is the host"
    assert reason("mps") == "only NVIDIA's driver reports it"
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert reason("cuda").startswith("NVML is unavailable: ")
    monkeypatch.setattr(torch.version, "hip", "6.4")
    assert reason("cuda") == "AMD's driver is not queried"


def test_all_meters_together_have_all_fields_and_all_reasons():
    both = [meters.Unavailable("energy_j", "no counter"), meters.Unavailable("sm_clock_mhz", "no clock")]
    assert meters.results(both) == {
        "energy_j": None,
        "sm_clock_mhz": None,
        "unavailable": {"energy_j": "no counter", "sm_clock_mhz": "no clock"},
    }
