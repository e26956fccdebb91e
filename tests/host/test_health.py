"""Facts about made-up machines; what is not there has its reason."""

import os
from datetime import UTC, datetime
from types import SimpleNamespace

import psutil
import pytest

from bench.host import container, cpu, health, machine, memory, processes
from bench.host.health import Instant
from bench.host.proc_stat import CpuTimes
from bench.host.processes import Process
from bench.records.health import ContainerFacts, CpuFacts, Health, MemoryFacts, ProcessShare
from tests.host.machines import cpu_files, tree


@pytest.fixture(autouse=True)
def two_cpus(monkeypatch):
    for module in (cpu, health):
        monkeypatch.setattr(module, "usable_cpus", lambda: frozenset({0, 1}))


def test_a_bare_machine(tmp_path):
    processor = cpu.read(tree(tmp_path, cpu_files(4)))
    assert processor == CpuFacts(
        online=4,
        usable=2,
        siblings=0,
        smt=False,
        governors={"performance": 2},
        turbo=False,
        throttle_events=4 * 3 + 5,
        load_1m=0.25,
        clocksource="tsc",
        virtual=False,
    )


def test_threads_of_one_core_count_its_heat_once(tmp_path):
    files = cpu_files(2, governor="powersave", siblings="0-1")
    files["sys/devices/system/cpu/intel_pstate/no_turbo"] = "0"
    processor = cpu.read(tree(tmp_path, files))
    assert (processor.siblings, processor.smt, processor.turbo) == (2, True, True)
    assert processor.governors == {"powersave": 2}
    assert processor.throttle_events == 3 + 5


def test_other_drivers_have_another_switch_for_turbo(tmp_path):
    files = cpu_files() | {"sys/devices/system/cpu/cpufreq/boost": "1"}
    del files["sys/devices/system/cpu/intel_pstate/no_turbo"]
    assert cpu.read(tree(tmp_path, files)).turbo is True


def test_a_virtual_machine_shows_little_and_says_why(tmp_path):
    files = {name: text for name, text in cpu_files().items() if "cpufreq" not in name and "thermal" not in name}
    del files["sys/devices/system/cpu/intel_pstate/no_turbo"]
    processor = cpu.read(tree(tmp_path, files | {"proc/cpuinfo": "flags : fpu hypervisor"}))
    assert processor.virtual is True
    assert (processor.governors, processor.turbo, processor.throttle_events) == (None, None, None)
    assert processor.unavailable == {
        "governors": "this kernel has no cpufreq (usual in a virtual machine: the host decides)",
        "turbo": "this kernel has no switch for it (usual in a virtual machine: the host decides)",
        "throttle_events": "this kernel counts none (Intel's count their own, virtual machines have none)",
    }


def test_a_system_that_is_not_linux_has_a_reason_for_everything(tmp_path):
    processor = cpu.read(tmp_path)
    assert set(processor.unavailable) == set(CpuFacts.model_fields) - {"unavailable", "usable"}
    assert processor.unavailable["load_1m"] == f"{tmp_path}/proc/loadavg cannot be read (No such file or directory)"
    garbled = cpu.read(tree(tmp_path, {"proc/loadavg": "much"}))
    assert garbled.unavailable["load_1m"].startswith("what the system says is not understood (ValueError")


def test_swap(tmp_path):
    files = {
        "proc/meminfo": "MemAvailable: 10 kB\nSwapTotal: 30 kB\nSwapFree: 20 kB",
        "proc/vmstat": "pswpin 4\npswpout 3\npgpgin 9",
    }
    assert memory.read(tree(tmp_path, files)) == MemoryFacts(
        available_bytes=10_240, swap_used_bytes=10_240, swapped_pages=7
    )
    assert memory.read(tmp_path / "nowhere").unavailable.keys() == {
        "available_bytes", "swap_used_bytes", "swapped_pages"
    }  # fmt: skip


MEBIBYTE = 1 << 20
NO_LIMIT = "9223372036854771712"


def groups(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"sys/fs/cgroup/{folder}{name}": text for name, text in files.items()}


def of_memory(folder: str, limit: str, used_mib: int, files_mib: int = 0, high: str = "max") -> dict[str, str]:
    """The files of a control group of version 2."""
    files = {"memory.max": limit, "memory.high": high, "memory.current": str(used_mib * MEBIBYTE)}
    return groups(folder, files | {"memory.stat": f"anon 1\ninactive_file {files_mib * MEBIBYTE}"})


def of_memory_1(folder: str, limit: str, used_mib: int) -> dict[str, str]:
    files = {"memory.limit_in_bytes": limit, "memory.usage_in_bytes": str(used_mib * MEBIBYTE)}
    return groups(folder, files | {"memory.stat": f"inactive_file 1\ntotal_inactive_file {30 * MEBIBYTE}"})


IN_A_POD = {"proc/self/cgroup": "0::/pod/box", "proc/meminfo": f"MemAvailable: {8 << 20} kB"}


@pytest.mark.parametrize(
    ("files", "limit_mib", "left_mib"),
    [
        ({}, None, None),
        (of_memory("pod/box/", "max", 500), None, None),
        (of_memory("pod/box/", str(1024 * MEBIBYTE), 500, files_mib=100), 1024, 624),
        # Of a pod with a neighbour that has taken most, the pod's limit holds.
        (of_memory("pod/box/", str(1024 * MEBIBYTE), 10) | of_memory("pod/", str(2048 * MEBIBYTE), 2000), 1024, 48),
        (of_memory("pod/box/", "max", 10, high=str(64 * MEBIBYTE)), 64, 54),
        (of_memory("pod/box/", str(64 * MEBIBYTE), 65), 64, 0),
        (of_memory_1("memory/pod/box/", str(1024 * MEBIBYTE), 500), 1024, 554),
        (of_memory_1("memory/", NO_LIMIT, 500), None, None),
    ],
)
def test_what_is_left_of_memory_is_what_the_groups_on_the_way_up_leave(tmp_path, files, limit_mib, left_mib):
    version = {"proc/self/cgroup": "4:memory:/pod/box\n0::/"} if any("memory/" in name for name in files) else {}
    root = tree(tmp_path, IN_A_POD | files | version)
    left = memory.available(root)
    in_mib = [None if each is None else each / MEBIBYTE for each in (container.memory_bytes(root), left.size_bytes)]
    whose = "the host" if left_mib is None else "the container"
    assert (in_mib, left.whose) == ([limit_mib, 8192 if left_mib is None else left_mib], whose)
    assert memory.read(root).available_bytes == left.size_bytes


def test_a_container_may_be_given_more_than_the_machine_has_left(tmp_path):
    root = tree(tmp_path, IN_A_POD | of_memory("pod/box/", str(1 << 40), 1))
    assert memory.available(root) == (8 << 30, "the host")


def test_a_run_s_machine_has_the_memory_of_its_container(monkeypatch):
    monkeypatch.setattr(container, "memory_bytes", lambda: 5 * MEBIBYTE)
    assert machine.describe()["memory_bytes"] == 5 * MEBIBYTE


def v2(quota: str, throttled: int = 0) -> dict[str, str]:
    return {
        "cpu.max": quota,
        "cpu.stat": f"usage_usec 1\nnr_periods 9\nnr_throttled {throttled}\nthrottled_usec 2500000",
    }


def test_a_container_of_control_groups_2(tmp_path):
    files = {"proc/self/cgroup": "0::/"} | groups("", v2("150000 100000", throttled=4))
    assert container.read(tree(tmp_path, files)) == ContainerFacts(
        cgroup="v2", quota_cpus=1.5, throttled_periods=4, throttled_s=2.5
    )


def test_the_smallest_quota_on_the_way_up_holds(tmp_path):
    files = {"proc/self/cgroup": "0::/machine/pod/box"}
    files |= groups("machine/pod/box/", v2("max 100000")) | groups("machine/pod/", v2("50000 100000", throttled=7))
    files |= groups("machine/", v2("200000 100000"))
    limits = container.read(tree(tmp_path, files))
    assert (limits.quota_cpus, limits.throttled_periods) == (0.5, 7)


def test_no_limit_is_none_without_a_reason(tmp_path):
    files = {"proc/self/cgroup": "0::/user"} | groups("user/", v2("max 100000"))
    limits = container.read(tree(tmp_path, files))
    assert limits == ContainerFacts(cgroup="v2", quota_cpus=None, throttled_periods=0, throttled_s=2.5)
    root = container.read(tree(tmp_path / "root", {"proc/self/cgroup": "0::/"}))
    assert root == ContainerFacts(cgroup="v2", throttled_periods=0, throttled_s=0.0)


def test_a_container_of_control_groups_1_whose_path_is_only_known_outside(tmp_path):
    stat = "nr_periods 10\nnr_throttled 3\nthrottled_time 1500000000"
    inside = {"cpu.cfs_quota_us": "25000", "cpu.cfs_period_us": "100000", "cpu.stat": stat}
    files = {"proc/self/cgroup": "4:cpu,cpuacct:/docker/0f\n1:name=systemd:/docker/0f\n0::/"}
    limits = container.read(tree(tmp_path, files | groups("cpu,cpuacct/", inside)))
    assert limits == ContainerFacts(cgroup="v1", quota_cpus=0.25, throttled_periods=3, throttled_s=1.5)
    (tmp_path / "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us").write_text("-1\n")
    assert container.read(tmp_path).quota_cpus is None


def test_without_control_groups_the_reason_is_given(tmp_path):
    reason = f"{tmp_path}/proc/self/cgroup cannot be read (No such file or directory)"
    assert set(container.read(tmp_path).unavailable.values()) == {reason}


def test_this_process_is_among_those_that_are_read_and_one_that_hides_is_not(monkeypatch):
    own = processes.read()[os.getpid()]
    assert own.parent == os.getppid()
    assert 0 < own.cpu_s <= sum(os.times()[:2])
    hidden = SimpleNamespace(pid=7, info={"ppid": 1, "name": "root's", "create_time": 5.0, "cpu_times": None})
    monkeypatch.setattr(psutil, "process_iter", lambda _: [hidden])
    assert processes.read() == {}


def process(pid: int, cpu_s: float, *, parent: int = 1, started: int = 5) -> Process:
    return Process(pid=pid, parent=parent, name=f"p{pid}", started_at_s=started, cpu_s=cpu_s)


def test_the_busiest_are_named_but_neither_this_run_nor_what_it_started():
    before = {each.pid: each for each in (process(1, 0), process(2, 10), process(3, 1), process(5, 90, started=1))}
    own = [process(10, 4), process(11, 4, parent=10), process(12, 4, parent=11)]
    after = {p.pid: p for p in (process(1, 0.01), process(2, 11), process(3, 1.5), process(5, 0.2, started=9), *own)}
    assert processes.busiest(before, after, window_s=2.0, own=10) == [
        ProcessShare(pid=2, name="p2", cores=0.5),
        ProcessShare(pid=3, name="p3", cores=0.25),
        ProcessShare(pid=5, name="p5", cores=0.1),  # another process with an old number
    ]


def instant(
    at_s: float, *, wall_s: float, busy_s: float, own_s: float, swapped: int = 0, heat: int | None = 2
) -> Instant:
    read = Health(
        taken_at=datetime.fromtimestamp(wall_s, UTC),
        cpu=CpuFacts(throttle_events=heat, unavailable={} if heat is not None else {"throttle_events": "a VM"}),
        memory=MemoryFacts(swapped_pages=swapped),
        container=ContainerFacts(throttled_periods=1, throttled_s=0.5),
    )
    return Instant(
        health=read,
        wall_clock_s=wall_s,
        steady_clock_s=at_s,
        all=CpuTimes(busy_s=busy_s, stolen_s=0.0),
        no_times=None,
        own_s=own_s,
        processes={},
    )


def test_what_happened_in_a_window():
    before = instant(100.0, wall_s=5000.0, busy_s=10.0, own_s=1.0)
    activity = health.activity(before, instant(104.0, wall_s=5005.5, busy_s=16.0, own_s=3.0, swapped=12, heat=6))
    assert (activity.busy_cores, activity.own_cores, activity.foreign_cores) == (1.5, 0.5, 1.0)
    assert (activity.window_s, activity.clock_step_s) == (4.0, 1.5)
    assert (activity.swapped_pages, activity.throttle_events, activity.throttled_periods) == (12, 4, 0)
    blind = health.activity(before, instant(104.0, wall_s=5004.0, busy_s=16.0, own_s=3.0, heat=None))
    assert (blind.throttle_events, blind.unavailable) == (None, {"throttle_events": "a VM"})


def test_the_cheap_part_reads_everything_it_finds_and_no_card(tmp_path):
    health_now = health.now(tree(tmp_path, cpu_files())).health
    assert health_now.nvidia is None
    assert health_now.cpu.unavailable == health_now.memory.unavailable == health_now.container.unavailable == {}
