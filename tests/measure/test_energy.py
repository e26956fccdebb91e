import sys
from types import SimpleNamespace

import pytest
import torch

from bench.host import process
from bench.measure import energy, memory
from bench.measure.device import Peaks
from bench.measure.energy import Counter, EnergyUnavailableError, Meter
from tests.host.machines import NVMLError, nvml


def zone(powercap, folder, name, energy_uj, range_uj=262_143_328_850):
    path = powercap / folder
    path.mkdir()
    for file, text in {"name": name, "energy_uj": energy_uj, "max_energy_range_uj": range_uj}.items():
        (path / file).write_text(f"{text}\n")
    return path


def test_rapl_adds_up_the_packages_and_nothing_twice(tmp_path):
    first = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1)
    psys = zone(tmp_path, "intel-rapl:2", "psys", 1)
    meter = Meter(counters=energy.rapl_counters(tmp_path))
    start = meter.start()
    (first / "energy_uj").write_text("3500000\n")
    (second / "energy_uj").write_text("5250000\n")
    (psys / "energy_uj").write_text("9000000\n")
    assert start == (1_000_000, 5_000_000)
    assert meter.joules(start, meter.start()) == 2.75


def test_a_counter_that_has_turned_over_goes_on(tmp_path):
    package = zone(tmp_path, "intel-rapl:0", "package-0", 9_000_000, range_uj=10_000_000)
    meter = Meter(counters=energy.rapl_counters(tmp_path))
    start = meter.start()
    (package / "energy_uj").write_text("500000\n")
    assert meter.joules(start, meter.start()) == 1.5


def test_without_rapl_the_reason_is_given(tmp_path):
    with pytest.raises(EnergyUnavailableError, match="shows no RAPL counters"):
        energy.rapl_counters(tmp_path)
    package = zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (package / "energy_uj").unlink()
    (package / "energy_uj").mkdir()  # unreadable for root too
    with pytest.raises(EnergyUnavailableError, match="RAPL cannot be read"):
        energy.rapl_counters(tmp_path)


def test_nvml_counts_millijoules_of_the_board_it_is_asked_for():
    totals = {"a": 111, "b": 5_000}
    driver = nvml(nvmlDeviceGetTotalEnergyConsumption=lambda board: totals[board])
    meter = Meter(counters=[energy.nvml_counter("b", driver)])
    start = meter.start()
    totals["b"] = 7_500
    assert meter.joules(start, meter.start()) == 2.5


def sliced(**changes):
    """A board in slices, one of which torch computes on."""

    def by_uuid(uuid):
        if uuid != "MIG-5":
            raise NVMLError("Not Found")
        return "slice"

    usual = {
        "nvmlDeviceGetHandleByUUID": by_uuid,
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": lambda _: 7,
        "nvmlDeviceGetMigMode": lambda board: [board == 7, 1],
        "nvmlDeviceGetTotalEnergyConsumption": lambda _: 100,
    }
    return nvml(**usual | changes)


def test_a_slice_is_not_charged_with_what_all_slices_use():
    with pytest.raises(EnergyUnavailableError, match="shared out by MIG, and its counter is that of all slices"):
        energy.nvml_counter("5", sliced())


def test_the_memory_of_a_process_is_that_on_its_own_board_whatever_another_says():
    def processes(board):
        if board != 7:
            raise NVMLError("GPU is lost")
        return [SimpleNamespace(pid=41, usedGpuMemory=None), SimpleNamespace(pid=42, usedGpuMemory=1 << 30)]

    driver = nvml(nvmlDeviceGetCount=lambda: 8, nvmlDeviceGetComputeRunningProcesses=processes)
    assert memory.process_bytes(driver, "7", 42) == (1 << 30, None)
    assert memory.process_bytes(driver, "7", 41)[1].startswith("NVML does not list this process")
    assert memory.process_bytes(sliced(nvmlDeviceGetComputeRunningProcesses=processes), "5", 42) == (1 << 30, None)
    with pytest.raises(NVMLError, match="GPU is lost"):
        memory.process_bytes(driver, "3", 42)


def test_amd_s_cards_are_not_asked_by_nvidia_s_driver(monkeypatch):
    monkeypatch.setattr(torch.version, "hip", "6.4")
    with pytest.raises(EnergyUnavailableError, match="AMD's driver is not queried"):
        energy.meter("cuda")
    monkeypatch.setitem(sys.modules, "pynvml", nvml())
    figures = memory.figures(
        Peaks(), Peaks(), device="cuda", host=memory.HostBaseline(inherited_bytes=0, at_start=process.resident())
    )
    assert figures["unavailable"]["device_process_bytes"] == "AMD's driver is not queried"


def test_without_nvml_the_reason_is_given(monkeypatch):
    def fails(*_):
        raise RuntimeError("Not Supported")

    with pytest.raises(EnergyUnavailableError, match="NVML gives no energy: Not Supported"):
        energy.nvml_counter("a", nvml(nvmlDeviceGetTotalEnergyConsumption=fails))
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(EnergyUnavailableError, match=r"NVML gives no energy: .*pynvml"):
        energy.nvml_counter("a")


def test_a_device_without_a_counter_says_so():
    with pytest.raises(EnergyUnavailableError, match="no energy counter is known for mps"):
        energy.meter("mps")


def test_a_counter_without_a_range_never_turns_over():
    meter = Meter(counters=[Counter(name="board", read_uj=lambda: 0)])
    assert meter.joules((3_000_000,), (4_000_000,)) == 1.0


def counting(monkeypatch, *readings_uj):
    """A meter that shows one of these at each reading."""
    left = iter(readings_uj)
    meter = Meter(counters=[Counter(name="board", read_uj=lambda: next(left))])
    monkeypatch.setattr(energy, "meter", lambda _: meter)


def used(turns, count):
    for _ in range(count):
        turns.begin()
        turns.end()
    return turns.result()


def test_the_energy_of_a_trial_is_that_of_its_turns_and_of_nobody_elses(monkeypatch):
    counting(monkeypatch, 3_000_000, 4_500_000, 90_000_000, 92_000_000, 500_000_000, 500_250_000)
    turns = energy.of_turns("cpu", is_alone=False)
    assert used(turns, 3) == {"energy_j": 3.75, "unavailable": {}}


def test_a_turn_in_which_nothing_moved_is_a_figure_and_no_turn_at_all_is_none(monkeypatch):
    counting(monkeypatch, 7, 7)
    turns = energy.of_turns("cpu", is_alone=False)
    assert turns.result()["energy_j"] is None
    assert used(turns, 1) == {"energy_j": 0.0, "unavailable": {}}


class Board:
    """A board that uses 250 W, and whose counter is renewed every so often, in a time of its own."""

    def __init__(self, monkeypatch, *, renewed_s, watts=250.0):
        self.now_s, self._renewed_s, self._watts = 100.03, renewed_s, watts
        monkeypatch.setattr(energy, "perf_counter", lambda: self.now_s)
        monkeypatch.setattr(energy, "sleep", self.passes)
        monkeypatch.setattr(energy, "meter", lambda _: Meter(counters=[Counter(name="board", read_uj=self.read_uj)]))

    def passes(self, seconds):
        self.now_s += seconds

    def read_uj(self):
        return round(self.now_s // self._renewed_s * self._renewed_s * self._watts * 1e6)

    def used(self, turns, count, *, turn_s=0.07, between_s=0.001):
        for _ in range(count):
            turns.begin()
            self.passes(turn_s)
            turns.end()
            self.passes(between_s)
        return turns.result()


def test_a_boards_counter_is_not_read_for_a_trial_that_is_not_alone(monkeypatch):
    counting(monkeypatch)
    assert used(energy.of_turns("cuda", is_alone=False), 2) == {
        "energy_j": None,
        "unavailable": {"energy_j": "the board's counter is too slow for loops that take turns"},
    }


@pytest.mark.parametrize("renewed_s", [0.02, 0.1])
def test_what_a_board_uses_from_the_first_turn_to_the_last_is_right_to_a_twentieth(monkeypatch, renewed_s):
    board = Board(monkeypatch, renewed_s=renewed_s)
    assert energy.seconds_of_a_move(energy.meter("cuda")) == pytest.approx(renewed_s, abs=2 * energy.POLL_S)
    turns = energy.of_turns("cuda", is_alone=True)
    usage = board.used(turns, 30)
    assert usage["energy_j"] == pytest.approx(250.0 * 30 * 0.071, rel=0.05)
    assert usage["unavailable"] == {}


def test_turns_that_see_a_boards_counter_move_too_seldom_have_a_reason_and_no_figure(monkeypatch):
    board = Board(monkeypatch, renewed_s=0.1)
    turns = energy.of_turns("cuda", is_alone=True)
    assert turns.result() == {"energy_j": None, "unavailable": {}}
    usage = board.used(turns, 20)  # 1.4 s, in which it moves 14 times
    assert usage["energy_j"] is None
    assert usage["unavailable"]["energy_j"] == (
        "the board's counter moves every 100 ms, too seldom for 1.4 s of turns (give it more --steps)"
    )


@pytest.mark.parametrize("readings", [1, 6, 7])
def test_a_boards_counter_that_fails_costs_a_trial_its_joules_and_nothing_else(monkeypatch, readings):
    left = iter(range(readings))

    def read_uj():
        for number in left:
            return number
        raise NVMLError("GPU is lost")

    monkeypatch.setattr(energy, "meter", lambda _: Meter(counters=[Counter(name="board", read_uj=read_uj)]))
    usage = used(energy.of_turns("cuda", is_alone=True), 3)
    assert usage["energy_j"] is None
    assert usage["unavailable"]["energy_j"].endswith("GPU is lost")


def test_a_boards_counter_that_stands_still_is_no_figure(monkeypatch):
    Board(monkeypatch, renewed_s=0.1, watts=0.0)
    assert energy.of_turns("cuda", is_alone=True).result()["unavailable"] == {
        "energy_j": "the board's counter moved 0 times in 2 s"
    }


def test_where_there_is_no_counter_the_reason_is_told(monkeypatch):
    def without(_):
        raise EnergyUnavailableError("no counter here")

    monkeypatch.setattr(energy, "meter", without)
    reason = {"energy_j": None, "unavailable": {"energy_j": "no counter here"}}
    assert used(energy.of_turns("cpu", is_alone=False), 2) == reason
