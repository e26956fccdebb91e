"""What the set-up of the processors means for figures."""

from __future__ import annotations

from collections.abc import Iterator

from bench.analyse.machine.findings import fine, unknown
from bench.records.health import CpuFacts, Finding

GOOD_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")
"""Read without entering the kernel."""
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies", "refined-jiffies")


def findings(cpu: CpuFacts) -> Iterator[Finding]:
    """Judge the set-up of the processors."""
    yield _affinity(cpu)
    yield _governor(cpu)
    yield _turbo(cpu)
    yield _smt(cpu)
    yield _clocksource(cpu)
    yield _load(cpu)
    yield _virtual(cpu)


def _affinity(cpu: CpuFacts) -> Finding:
    if cpu.usable is None:
        return unknown("processors", cpu.unavailable, "usable")
    seen = f"{cpu.usable} of {cpu.online} processors may be used" if cpu.online else f"{cpu.usable} may be used"
    if cpu.usable > 1:
        return fine("processors", seen)
    return Finding(
        subject="processors",
        severity="warning",
        seen=seen,
        effect="the trial shares its only processor with the kernel's work and with everything else that runs",
        remedy="allow it a second one: taskset, cpuset or the container's settings",
    )


def _governor(cpu: CpuFacts) -> Finding:
    if cpu.governors is None:
        return unknown("frequency governor", cpu.unavailable, "governors")
    seen = ", ".join(f"{name} on {count} of {cpu.usable} processors" for name, count in sorted(cpu.governors.items()))
    if set(cpu.governors) == {"performance"}:
        return fine("frequency governor", seen)
    return Finding(
        subject="frequency governor",
        severity="warning",
        seen=seen,
        effect="the clock follows the load: how fast a trial starts depends on what ran before it, and step times "
        "spread",
        remedy="sudo cpupower frequency-set -g performance",
    )


def _turbo(cpu: CpuFacts) -> Finding:
    if cpu.turbo is None:
        return unknown("turbo", cpu.unavailable, "turbo")
    if not cpu.turbo:
        return fine("turbo", "off")
    return Finding(
        subject="turbo",
        severity="note",
        seen="on",
        effect="the clock falls as the chip warms up and as other cores get busy: step times drift, ratios inside a "
        "block hardly do",
        remedy="for figures that compare over days: echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, "
        "or echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost",
    )


def _smt(cpu: CpuFacts) -> Finding:
    if cpu.siblings is None:
        return unknown("SMT", cpu.unavailable, "siblings")
    if cpu.siblings == 0:
        several = "" if cpu.smt is None else f", SMT is {'on' if cpu.smt else 'off'}"
        return fine("SMT", f"no two usable processors are threads of one core{several}")
    return Finding(
        subject="SMT",
        severity="note",
        seen=f"{cpu.siblings} of {cpu.usable} usable processors share a core with another",
        effect="what runs on the other thread of its core slows a trial, although its own processor looks free",
        remedy="keep to one thread a core with taskset -c, or echo off | sudo tee /sys/devices/system/cpu/smt/control",
    )


def _clocksource(cpu: CpuFacts) -> Finding:
    if cpu.clocksource is None:
        return unknown("clock source", cpu.unavailable, "clocksource")
    if cpu.clocksource in GOOD_CLOCKS:
        return fine("clock source", f"{cpu.clocksource}, read without a system call")
    slow = cpu.clocksource in SLOW_CLOCKS
    return Finding(
        subject="clock source",
        severity="warning" if slow else "note",
        seen=cpu.clocksource,
        effect="every reading of the clock is a system call: the tick of each step costs more, in all loops alike"
        if slow
        else "how long a reading of the clock takes is unknown: python -m studies.perf --only tick measures it",
        remedy="see /sys/devices/system/clocksource/clocksource0/available_clocksource for tsc, and dmesg for why the "
        "kernel gave it up",
    )


def _load(cpu: CpuFacts) -> Finding:
    if cpu.load_1m is None:
        return unknown("load", cpu.unavailable, "load_1m")
    seen = f"{cpu.load_1m:.2f} processes ran or waited to over the last minute"
    if cpu.usable is None or cpu.load_1m <= cpu.usable:
        return fine("load", seen)
    return Finding(
        subject="load",
        severity="note",
        seen=f"{seen}, more than the {cpu.usable} usable processors",
        effect="if that goes on, trials wait for a processor; the load of this minute, a run of your own included, "
        "may be over",
        remedy="wait a minute and look again",
    )


def _virtual(cpu: CpuFacts) -> Finding:
    if cpu.virtual is None:
        return unknown("virtual machine", cpu.unavailable, "virtual")
    if not cpu.virtual:
        return fine("virtual machine", "no")
    return Finding(
        subject="virtual machine",
        severity="note",
        seen="yes",
        effect="other guests share caches, memory bandwidth and heat, which shows in nothing but what fixed work "
        "takes: see steadiness",
        remedy="python -m bench.doctor --calibrate measures what that leaves to be resolved",
    )
