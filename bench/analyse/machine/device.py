"""Whether torch, the driver and the card fit together, and what slows the card."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bench.analyse.machine import variables
from bench.analyse.machine.findings import fine, unknown
from bench.records.health import Finding, GpuFacts, NvidiaFacts, Severity, TorchFacts

SLOWING = (
    "software power cap",
    "hardware slowdown",
    "software thermal slowdown",
    "hardware thermal slowdown",
    "hardware power brake",
)
SHARED_WARNING_PERCENT, SHARED_UNFIT_PERCENT = 5, 50
FULL_CLOCK = 0.95


def findings(torch: TorchFacts, nvidia: NvidiaFacts | None) -> Iterator[Finding]:
    """Judge torch and its device, and the cards if any were asked about."""
    yield _torch(torch)
    if torch.missing is None and torch.broken is None:
        yield _launch(torch)
    yield from _variables(torch)
    yield from _driver(torch, nvidia)
    yield from cards(nvidia)


def cards(nvidia: NvidiaFacts | None) -> Iterator[Finding]:
    """Judge what slows the cards, and who else computes on them."""
    if nvidia is not None and nvidia.driver is not None and nvidia.unavailable is not None:
        yield unknown("NVIDIA cards", {"cards": nvidia.unavailable}, "cards")
    for gpu in nvidia.gpus if nvidia is not None else ():
        yield _clocks(gpu)
        yield _throttling(gpu)
        yield from _power_limit(gpu)
        yield from _modes(gpu)
        yield _shared(gpu)


def _torch(torch: TorchFacts) -> Finding:
    if torch.missing is not None:
        return Finding(
            subject="torch",
            severity="unfit",
            seen=torch.missing,
            effect="nothing can be measured on that device",
            remedy="install a torch that is built for it (pytorch.org/get-started), or name another --device",
        )
    if torch.broken is not None:
        return Finding(
            subject="torch",
            severity="unfit",
            seen=f"{torch.build} sees {torch.device}, but nothing runs on it: {torch.broken}",
            effect="no trial on that device has figures",
            remedy="look at the device and its driver (nvidia-smi, dmesg), end what holds it, or name another --device",
        )
    return fine("torch", f"{torch.build}, on {torch.device}")


def _variables(torch: TorchFacts) -> Iterator[Finding]:
    for sentence in variables.warnings_of(torch.variables, torch.left_out):
        seen, _, effect = sentence.partition(": " if "=" in sentence else "; ")
        yield Finding(
            subject="environment variables",
            severity="warning" if "=" in sentence else "note",
            seen=seen,
            effect=effect,
            remedy="unset what you do not mean to measure",
        )


def _launch(torch: TorchFacts) -> Finding:
    if torch.launch is None:
        return unknown("fork safety", torch.unavailable, "launch")
    if torch.launch == "fork":
        return fine("fork safety", f"a fork of a process that has imported torch can use {torch.device}")
    return Finding(
        subject="fork safety",
        severity="note",
        seen=f"a fork cannot use {torch.device} ({torch.no_fork}), so that every trial is a fresh interpreter",
        effect="figures mean the same, but each trial imports its framework anew: fewer fit into a --budget",
        remedy="nothing is broken; on macOS it is always so",
    )


def _driver(torch: TorchFacts, nvidia: NvidiaFacts | None) -> Iterator[Finding]:
    built_for = re.search(r"CUDA (\d+)\.(\d+)", torch.build or "")
    if nvidia is None or (built_for is None and not nvidia.gpus):
        return
    if nvidia.cuda is None:
        reason = {"driver": nvidia.unavailable or "NVML does not report it"}
        yield unknown("NVIDIA driver", reason, "driver")
    elif built_for is None:
        yield Finding(
            subject="NVIDIA driver",
            severity="warning",
            seen=f"{nvidia.driver} with {nvidia.gpus[0].name} is here, but torch is a build without CUDA",
            effect="--device auto measures something else",
            remedy="install a torch that is built for CUDA (pytorch.org/get-started)",
        )
    else:
        needed = int(built_for[1]), int(built_for[2])
        yield _driver_against_build(nvidia, needed, runs=torch.launch is not None and torch.broken is None)


def _driver_against_build(nvidia: NvidiaFacts, needed: tuple[int, int], *, runs: bool) -> Finding:
    """By CUDA's rules of compatibility: a driver runs builds of its own major version and older ones.

    Others run, too, with NVIDIA's package of forward compatibility: `runs` says whether a kernel did.
    """
    major, minor = (int(part) for part in (nvidia.cuda or "0.0").split("."))
    seen = f"{nvidia.driver}, good for CUDA {nvidia.cuda}; torch is built for CUDA {needed[0]}.{needed[1]}"
    if (major, minor) >= needed:
        return fine("NVIDIA driver", seen)
    if runs and major < needed[0]:
        return Finding(
            subject="NVIDIA driver",
            severity="note",
            seen=seen,
            effect="it runs all the same, by a package of forward compatibility, if perhaps not as with a newer driver",
            remedy="update the driver, or install a torch for an older CUDA",
        )
    if major == needed[0]:
        return Finding(
            subject="NVIDIA driver",
            severity="note",
            seen=seen,
            effect="it runs by minor version compatibility, but what needs the newer driver, such as code compiled at "
            "run time, fails",
            remedy="update the driver, or install a torch for an older CUDA",
        )
    return Finding(
        subject="NVIDIA driver",
        severity="unfit",
        seen=seen,
        effect="torch finds no card, or fails at the first kernel",
        remedy="update the driver, or install a torch for an older CUDA",
    )


def _clocks(gpu: GpuFacts) -> Finding:
    subject = f"clocks of {gpu.name}"
    if gpu.sm_clock_mhz is None or gpu.max_sm_clock_mhz is None:
        return unknown(subject, gpu.unavailable, "sm_clock_mhz" if gpu.sm_clock_mhz is None else "max_sm_clock_mhz")
    heat = "" if gpu.temperature_c is None else f", {gpu.temperature_c} °C"
    seen = f"{gpu.sm_clock_mhz:,} of at most {gpu.max_sm_clock_mhz:,} MHz{heat}"
    if gpu.sm_clock_mhz >= FULL_CLOCK * gpu.max_sm_clock_mhz:
        return fine(subject, seen)
    return Finding(
        subject=subject,
        severity="note",
        seen=seen,
        effect="an idle card clocks down and needs some time to come up again: trials warm up for a second, and a run "
        "warns of a clock that still moves in their turns",
        remedy="nvidia-smi -lgc sets a fixed clock",
    )


def _throttling(gpu: GpuFacts) -> Finding:
    subject = f"slowing of {gpu.name}"
    if gpu.throttle_reasons is None:
        return unknown(subject, gpu.unavailable, "throttle_reasons")
    slowing = [reason for reason in gpu.throttle_reasons if reason in SLOWING]
    if not slowing:
        reasons = f"only by {', '.join(gpu.throttle_reasons)}" if gpu.throttle_reasons else "none"
        return fine(subject, reasons)
    return Finding(
        subject=subject,
        severity="warning",
        seen=", ".join(slowing),
        effect="the clock is that of heat or power, not of the setting: device times drift over a run",
        remedy="cool the card, look at its power supply and limit (nvidia-smi -q -d PERFORMANCE,POWER), or fix a lower "
        "clock with nvidia-smi -lgc",
    )


def _power_limit(gpu: GpuFacts) -> Iterator[Finding]:
    limit, default = gpu.power_limit_w, gpu.default_power_limit_w
    if limit is not None and default is not None and limit < default:
        yield Finding(
            subject=f"power limit of {gpu.name}",
            severity="note",
            seen=f"{limit:.0f} W, by default it is {default:.0f} W",
            effect="figures are those of a smaller card",
            remedy=f"sudo nvidia-smi -pl {default:.0f}",
        )


def _modes(gpu: GpuFacts) -> Iterator[Finding]:
    if gpu.persistence is False:
        yield Finding(
            subject=f"persistence of {gpu.name}",
            severity="note",
            seen="off",
            effect="the driver unloads when nobody uses the card: the next process waits for it, which its start-up "
            "time shows",
            remedy="sudo nvidia-smi -pm 1",
        )
    if gpu.mig:
        yield Finding(
            subject=f"MIG of {gpu.name}",
            severity="note",
            seen="on",
            effect="what is measured is a slice of the card, and what NVML says of clocks and power is of all slices",
            remedy="name the slice in the report when you quote it",
        )


def _shared(gpu: GpuFacts) -> Finding:
    subject = f"other processes on {gpu.name}"
    if gpu.processes is None:
        return unknown(subject, gpu.unavailable, "processes")
    if not gpu.processes:
        return fine(subject, "none")
    named = ", ".join(
        f"{process.name or 'a process that cannot be seen'} (pid {process.pid})"
        + ("" if process.memory_bytes is None else f" {process.memory_bytes / 2**20:,.0f} MB")
        + ("" if process.sm_percent is None else f" {process.sm_percent} %")
        for process in gpu.processes
    )
    shared = sum(process.sm_percent or 0 for process in gpu.processes)
    severity: Severity = (
        "unfit" if shared >= SHARED_UNFIT_PERCENT else "warning" if shared >= SHARED_WARNING_PERCENT else "note"
    )
    return Finding(
        subject=subject,
        severity=severity,
        seen=named,
        effect="kernels of several processes take turns: every device time is theirs too"
        if shared >= SHARED_WARNING_PERCENT
        else "they hold memory, and were idle when looked at",
        remedy="end them, or name a free card with --device cuda:1",
    )
