"""What facts about a machine mean: severity, the number that was seen, the effect, and the way out."""

from datetime import UTC, datetime

import pytest

from bench.analyse.machine import activity, device, diagnose, versions
from bench.analyse.machine import cpu as machine_cpu
from bench.records.health import (
    Activity,
    ContainerFacts,
    CpuFacts,
    Finding,
    GpuFacts,
    GpuProcess,
    Health,
    MemoryFacts,
    NvidiaFacts,
    ProcessShare,
    Requirement,
    TorchFacts,
    VersionFacts,
)

GOOD_CPU = CpuFacts(
    online=4, usable=4, siblings=0, smt=False, governors={"performance": 4}, turbo=False, throttle_events=0,
    load_1m=0.3, clocksource="tsc", virtual=False,
)  # fmt: skip
GOOD_MEMORY = MemoryFacts(available_bytes=2**33, swap_used_bytes=0, swapped_pages=0)
GOOD_CONTAINER = ContainerFacts(cgroup="v2", throttled_periods=0, throttled_s=0.0)
QUIET = Activity(
    window_s=2.0, busy_cores=0.02, own_cores=0.01, stolen_cores=0.0, swapped_pages=0, throttle_events=0,
    throttled_periods=0, throttled_s=0.0, clock_step_s=1e-6,
)  # fmt: skip
CUDA = TorchFacts(build="2.13.0, CUDA 13.0", device="cuda", launch="fork")
CARD = GpuFacts(
    uuid="GPU-0", name="H100", sm_clock_mhz=1980, max_sm_clock_mhz=1980, temperature_c=34, power_w=70.0,
    power_limit_w=700.0, default_power_limit_w=700.0, throttle_reasons=[], persistence=True, mig=False, processes=[],
)  # fmt: skip
DRIVER = NvidiaFacts(driver="580.65", cuda="13.0", gpus=[CARD])


def machine(**changes) -> Health:
    usual = {"cpu": GOOD_CPU, "memory": GOOD_MEMORY, "container": GOOD_CONTAINER, "activity": QUIET}
    return Health(taken_at=datetime(2026, 1, 2, tzinfo=UTC), **usual | changes)


def cpu(**changes) -> CpuFacts:
    return GOOD_CPU.model_copy(update=changes)


def active(**changes) -> Activity:
    return QUIET.model_copy(update=changes)


def card(**changes) -> NvidiaFacts:
    return DRIVER.model_copy(update={"gpus": [CARD.model_copy(update=changes)]})


def one(findings, subject: str) -> Finding:
    (only,) = [finding for finding in findings if finding.subject == subject]
    return only


def test_a_good_machine_is_fine_in_everything():
    all_findings = [*diagnose.of_machine(machine()), *device.findings(CUDA, DRIVER)]
    assert {finding.severity for finding in all_findings} == {"fine"}
    assert len({finding.subject for finding in all_findings}) == len(all_findings) >= 16


@pytest.mark.parametrize(
    ("facts", "subject", "severity", "seen"),
    [
        (cpu(usable=1), "processors", "warning", "1 of 4 processors may be used"),
        (cpu(governors={"powersave": 3, "performance": 1}), "frequency governor", "warning",
         "performance on 1 of 4 processors, powersave on 3 of 4 processors"),
        (cpu(turbo=True), "turbo", "note", "on"),
        (cpu(siblings=2, smt=True), "SMT", "note", "2 of 4 usable processors share a core with another"),
        (cpu(clocksource="hpet"), "clock source", "warning", "hpet"),
        (cpu(clocksource="xen"), "clock source", "note", "xen"),
        (cpu(load_1m=6.5), "load", "note",
         "6.50 processes ran or waited to over the last minute, more than the 4 usable processors"),
        (cpu(virtual=True), "virtual machine", "note", "yes"),
    ],
)  # fmt: skip
def test_a_badly_set_up_processor(facts, subject, severity, seen):
    finding = one(machine_cpu.findings(facts), subject)
    assert (finding.severity, finding.seen) == (severity, seen)
    assert finding.effect
    assert finding.remedy


@pytest.mark.parametrize(
    "field", ["usable", "governors", "turbo", "siblings", "clocksource", "load_1m", "virtual", "throttle_events"]
)
def test_what_cannot_be_read_is_a_note_with_its_reason_and_never_fine(field):
    blind = machine(cpu=cpu(**{field: None}, unavailable={field: "the kernel keeps it to itself"}))
    reason = "not available: the kernel keeps it to itself"
    unknown = [each for each in diagnose.of_machine(blind) if each.seen == reason]
    assert [each.severity for each in unknown] == ["note"]


@pytest.mark.parametrize(
    ("facts", "subject", "severity", "seen"),
    [
        ({"activity": active(busy_cores=0.07)}, "other processes", "note", "used 6 % of one core over 2.0 s"),
        ({"activity": active(busy_cores=0.61, processes=[ProcessShare(pid=7, name="cc1plus", cores=0.6)])},
         "other processes", "warning", "used 60 % of one core over 2.0 s: cc1plus (pid 7) 60 %"),
        ({"activity": active(busy_cores=3.5)}, "other processes", "unfit",
         "used 349 % of one core over 2.0 s: the rest by many small ones, and by such as ended meanwhile and cannot "
         "be named"),
        ({"activity": active(busy_cores=0.91, processes=[]),
          "container": GOOD_CONTAINER.model_copy(update={"quota_cpus": 1.5})}, "other processes", "unfit",
         "used 90 % of one core over 2.0 s: the rest by many small ones, and by such as ended meanwhile and cannot "
         "be named"),
        ({"activity": active(stolen_cores=0.2)}, "hypervisor", "warning", "took 20 % of one core over 2.0 s"),
        ({"activity": active(clock_step_s=-0.25)}, "clock steps", "note",
         "the wall clock was set by −0.250 s within 2.0 s"),
        ({"activity": active(clock_step_s=86400.0)}, "clock steps", "warning",
         "the wall clock was set by +86400.000 s within 2.0 s"),
        ({"activity": active(swapped_pages=1200)}, "swap", "warning",
         "1,200 pages moved to or from swap within 2 s, 0 MB in use"),
        ({"memory": GOOD_MEMORY.model_copy(update={"swap_used_bytes": 2**30})}, "swap", "note",
         "1,024 MB in use, nothing moved meanwhile"),
        ({"activity": active(throttle_events=3)}, "heat", "warning", "cores were slowed 3 times within 2 s"),
        ({"cpu": cpu(throttle_events=1234)}, "heat", "note",
         "cores were slowed 1,234 times since the start of the machine, now they are not"),
        ({"container": ContainerFacts(quota_cpus=0.5, throttled_periods=0)}, "processor quota", "unfit",
         "0.5 processors' worth of time in every period"),
        ({"container": ContainerFacts(quota_cpus=2.5, throttled_periods=0)}, "processor quota", "note",
         "2.5 processors' worth of time in every period, for 4 usable processors"),
        ({"container": ContainerFacts(quota_cpus=4, throttled_periods=0)}, "processor quota", "fine",
         "4 processors' worth of time in every period"),
        ({"container": ContainerFacts(quota_cpus=2, throttled_periods=9, throttled_s=3.0),
          "activity": active(throttled_periods=5, throttled_s=0.4)}, "throttling by quota", "warning",
         "in 5 periods of these 2 s the quota was used up, 0.40 s in all"),
        ({"container": ContainerFacts(quota_cpus=2, throttled_periods=9, throttled_s=3.0)}, "throttling by quota",
         "note", "the quota was used up in 9 periods since the container was started"),
    ],
)  # fmt: skip
def test_what_happens_on_a_machine(facts, subject, severity, seen):
    finding = one(activity.findings(machine(**facts)), subject)
    assert (finding.severity, finding.seen) == (severity, seen)


def test_a_single_instant_says_nothing_of_others():
    subjects = {finding.subject for finding in activity.findings(machine(activity=None))}
    assert subjects == {"processor quota", "swap", "heat"}


@pytest.mark.parametrize(
    ("torch", "nvidia", "severity", "seen"),
    [
        (CUDA, DRIVER, "fine", "580.65, good for CUDA 13.0; torch is built for CUDA 13.0"),
        (CUDA, DRIVER.model_copy(update={"cuda": "13.2"}), "fine",
         "580.65, good for CUDA 13.2; torch is built for CUDA 13.0"),
        (CUDA.model_copy(update={"build": "2.13.0, CUDA 12.8"}), DRIVER, "fine",
         "580.65, good for CUDA 13.0; torch is built for CUDA 12.8"),
        (CUDA.model_copy(update={"build": "2.13.0, CUDA 13.1"}), DRIVER, "note",
         "580.65, good for CUDA 13.0; torch is built for CUDA 13.1"),
        (CUDA.model_copy(update={"launch": None}), DRIVER.model_copy(update={"cuda": "12.8"}), "unfit",
         "580.65, good for CUDA 12.8; torch is built for CUDA 13.0"),
        (CUDA, DRIVER.model_copy(update={"cuda": "12.8"}), "note",
         "580.65, good for CUDA 12.8; torch is built for CUDA 13.0"),
        (TorchFacts(build="2.13.0+cpu, CPU only", device="cpu", launch="fork"), DRIVER, "warning",
         "580.65 with H100 is here, but torch is a build without CUDA"),
        (CUDA, NvidiaFacts(unavailable="NVML cannot be used: no driver"), "note",
         "not available: NVML cannot be used: no driver"),
    ],
)  # fmt: skip
def test_the_driver_against_what_torch_is_built_for(torch, nvidia, severity, seen):
    finding = one(device.findings(torch, nvidia), "NVIDIA driver")
    assert (finding.severity, finding.seen) == (severity, seen)


def test_a_machine_without_a_card_hears_nothing_of_drivers():
    on_cpu = TorchFacts(build="2.13.0+cpu, CPU only", device="cpu", launch="fork")
    for nothing in (None, NvidiaFacts(unavailable="NVML cannot be used: no library")):
        assert {finding.subject for finding in device.findings(on_cpu, nothing)} == {"torch", "fork safety"}


def test_a_device_that_torch_cannot_have_makes_the_machine_unfit():
    absent = TorchFacts(build="2.13.0+cpu, CPU only", missing="--device cuda: torch sees no cuda device here")
    of_torch = list(device.findings(absent, None))
    assert [(each.subject, each.severity) for each in of_torch] == [("torch", "unfit")]
    subjects = [
        [finding.subject for finding in diagnose.diagnose(machine(), each, VersionFacts()).findings]
        for each in (absent, CUDA)
    ]
    assert ["calibration" in subject for subject in subjects] == [False, True]  # nothing could be calibrated there


def test_a_device_that_no_fork_can_use_is_a_note():
    finding = one(device.findings(CUDA.model_copy(update={"launch": "spawn"}), DRIVER), "fork safety")
    assert finding.severity == "note"
    assert "every trial is a fresh interpreter" in finding.seen


@pytest.mark.parametrize(
    ("changes", "subject", "severity", "seen"),
    [
        ({"sm_clock_mhz": 345}, "clocks of H100", "note", "345 of at most 1,980 MHz, 34 °C"),
        ({"throttle_reasons": ["software power cap", "application clocks"]}, "slowing of H100", "warning",
         "software power cap"),
        ({"throttle_reasons": ["application clocks"]}, "slowing of H100", "fine", "only by application clocks"),
        ({"power_limit_w": 400.0}, "power limit of H100", "note", "400 W, by default it is 700 W"),
        ({"persistence": False}, "persistence of H100", "note", "off"),
        ({"mig": True}, "MIG of H100", "note", "on"),
        ({"processes": [GpuProcess(pid=7, name="train", memory_bytes=2**30, sm_percent=0)]},
         "other processes on H100", "note", "train (pid 7) 1,024 MB 0 %"),
        ({"processes": [GpuProcess(pid=7, sm_percent=20)]}, "other processes on H100", "warning",
         "a process that cannot be seen (pid 7) 20 %"),
        ({"processes": [GpuProcess(pid=7, name="a", sm_percent=30), GpuProcess(pid=8, name="b", sm_percent=40)]},
         "other processes on H100", "unfit", "a (pid 7) 30 %, b (pid 8) 40 %"),
        ({"throttle_reasons": None, "unavailable": {"throttle_reasons": "NVML does not report it: Not Supported"}},
         "slowing of H100", "note", "not available: NVML does not report it: Not Supported"),
    ],
)  # fmt: skip
def test_a_card(changes, subject, severity, seen):
    finding = one(device.cards(card(**changes)), subject)
    assert (finding.severity, finding.seen) == (severity, seen)


def test_versions_that_do_not_fit_are_named_one_by_one():
    needs = [
        Requirement(package="transformers", version="5.23.0", needs="tokenizers<0.24,>=0.22", found="0.23.3"),
        Requirement(package="transformers", version="5.23.0", needs="safetensors>=0.8", found="0.7.0"),
        Requirement(package="accelerate", version="1.15.0", needs="psutil", found=None),
        Requirement(package="torch", version="2.13.0", needs="sympy>=1.13.3", found="1.14.0rc1"),
    ]
    mismatches = list(versions.findings(VersionFacts(requirements=needs, known=["transformers 4.37 needs less"])))
    assert [each.seen for each in mismatches] == [
        "transformers 5.23.0 asks for safetensors>=0.8, but 0.7.0 is installed",
        "accelerate 1.15.0 asks for psutil, but it is not there",
        "transformers 4.37 needs less",
    ]
    assert {each.severity for each in mismatches} == {"warning"}
    assert mismatches[0].remedy == "pip install 'safetensors>=0.8'"
    (well,) = versions.findings(VersionFacts(requirements=needs[:1]))
    assert (well.severity, well.seen) == ("fine", "all 1 requirements of what is measured are met")


def test_the_worst_comes_first_and_one_unfit_finding_is_enough():
    bad = machine(cpu=cpu(turbo=True, clocksource="hpet"), container=ContainerFacts(quota_cpus=0.5))
    diagnosis = diagnose.diagnose(bad, CUDA, VersionFacts())
    assert not diagnosis.fit
    order = [finding.severity for finding in diagnosis.findings]
    assert order == sorted(order, key=["unfit", "warning", "note", "fine"].index)
    assert diagnosis.findings[0].subject == "processor quota"
    assert diagnose.diagnose(machine(), CUDA, VersionFacts()).fit


def test_a_run_hears_of_warnings_once_and_of_nothing_less():
    start = machine(moment="start", cpu=cpu(turbo=True, governors={"powersave": 4}), activity=None)
    end = start.model_copy(update={"moment": "end", "activity": active(busy_cores=0.61)})
    warnings = diagnose.of_run([start, end])
    assert [warning.partition(";")[0] for warning in warnings] == [
        "the machine at the start of the run: frequency governor: powersave on 4 of 4 processors",
        "the machine at the end of the run: other processes: used 60 % of one core over 2.0 s: the rest by many small "
        "ones, and by such as ended meanwhile and cannot be named",
    ]
    assert diagnose.of_run([]) == []
    resumed, *others = diagnose.of_run([start, start, end, end])
    assert resumed.startswith("the run was resumed: it was measured in 2 parts")
    assert others == warnings


# A device on which nothing runs, variables, and a driver that runs more than it should.


def test_a_device_on_which_nothing_runs_is_unfit_and_not_a_matter_of_forks():
    reason = "RuntimeError: CUDA error: uncorrectable ECC error encountered"
    facts = TorchFacts(build="2.13.0+cu130, CUDA 13.0", device="cuda", launch="spawn", no_fork=reason, broken=reason)
    of_torch = list(device.findings(facts, None))
    assert [(each.subject, each.severity) for each in of_torch] == [("torch", "unfit")]
    assert f"sees cuda, but nothing runs on it: {reason}" in of_torch[0].seen


def test_why_forks_cannot_be_used_is_said():
    facts = TorchFacts(build="2.13.0, CUDA 13.0", device="cuda", launch="spawn", no_fork="it was touched at import")
    (launch,) = [finding for finding in device.findings(facts, None) if finding.subject == "fork safety"]
    assert (launch.severity, "(it was touched at import)" in launch.seen) == ("note", True)


def test_variables_that_change_a_run_are_found():
    facts = TorchFacts(
        build="2.13.0, CPU only",
        device="cpu",
        launch="fork",
        variables={"CUDA_LAUNCH_BLOCKING": "1"},
        left_out=["WORLD_SIZE"],
    )
    of_variables = [finding for finding in device.findings(facts, None) if finding.subject == "environment variables"]
    assert [(each.severity, each.effect) for each in of_variables] == [
        ("warning", "every kernel is waited for"),
        ("note", "trials see nothing that it has left, since only some frameworks would obey"),
    ]
