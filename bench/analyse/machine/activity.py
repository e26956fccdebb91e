"""What happened on the machine in a window of time, and what that means for figures."""

from __future__ import annotations

from collections.abc import Iterator

from bench.analyse.machine.findings import fine, percent, unknown
from bench.analyse.signs import signed
from bench.records.health import Activity, ContainerFacts, CpuFacts, Finding, Health, MemoryFacts, Severity

FOREIGN_NOTE_CORES = 0.03
FOREIGN_WARNING_CORES = 0.1
"""As `Settings.foreign_load_limit`, with the evidence in docs/method.md."""
MIN_FREE_CORES = 0.9
"""With less to itself, a trial has to share its core."""
STOLEN_WARNING_CORES = 0.03
STEP_NOTE_S, STEP_WARNING_S = 0.001, 1.0


def findings(health: Health) -> Iterator[Finding]:
    """Judge what happened, as far as there was a window, and what it may use."""
    yield from _quota(health.container, health.cpu, health.activity)
    yield _swap(health.memory, health.activity)
    yield _heat(health.cpu, health.activity)
    if health.activity is not None:
        yield _others(health.activity, _allowed_cores(health))
        yield _stolen(health.activity)
        yield _clock(health.activity)


def _allowed_cores(health: Health) -> float | None:
    limits = [limit for limit in (health.cpu.usable, health.container.quota_cpus) if limit is not None]
    return min(limits, default=None)


def _others(activity: Activity, allowed: float | None) -> Finding:
    foreign = activity.foreign_cores
    if foreign is None:
        return unknown("other processes", activity.unavailable, "busy_cores")
    seen = f"used {percent(foreign)} of one core over {activity.window_s:.1f} s{_named(activity, foreign)}"
    if foreign < FOREIGN_NOTE_CORES:
        return fine("other processes", seen)
    crowded = allowed is not None and allowed - foreign < MIN_FREE_CORES
    severity: Severity = "unfit" if crowded else "warning" if foreign > FOREIGN_WARNING_CORES else "note"
    effect = (
        f"of {allowed:g} usable cores they leave less than one: a trial has to share it, and step times are theirs "
        "as much as the loop's"
        if crowded
        else "they take caches, memory bandwidth and turbo from the trial, and now and then its core: step times get "
        "longer, intervals wider"
    )
    return Finding(
        subject="other processes",
        severity=severity,
        seen=seen,
        effect=effect,
        remedy="end or pause them, or measure when they are done",
    )


def _named(activity: Activity, foreign: float) -> str:
    """Who it was, as far as they can be seen: what began and ended meanwhile left no account behind."""
    named = [f"{process.name} (pid {process.pid}) {percent(process.cores)}" for process in activity.processes]
    if foreign - sum(process.cores for process in activity.processes) > max(FOREIGN_WARNING_CORES, foreign / 4):
        named.append("the rest by many small ones, and by such as ended meanwhile and cannot be named")
    return f": {', '.join(named)}" if named else ""


def _stolen(activity: Activity) -> Finding:
    if activity.stolen_cores is None:
        return unknown("hypervisor", activity.unavailable, "busy_cores")
    seen = f"took {percent(activity.stolen_cores)} of one core over {activity.window_s:.1f} s"
    if activity.stolen_cores <= STOLEN_WARNING_CORES:
        return fine("hypervisor", seen)
    return Finding(
        subject="hypervisor",
        severity="warning",
        seen=seen,
        effect="a trial stands still while another guest has its processor: single steps, and so means and tails, get "
        "longer",
        remedy="use a machine with processors of its own, or measure at another time",
    )


def _quota(container: ContainerFacts, cpu: CpuFacts, activity: Activity | None) -> Iterator[Finding]:
    if "quota_cpus" in container.unavailable:
        yield unknown("processor quota", container.unavailable, "quota_cpus")
        return
    yield _limit(container.quota_cpus, cpu.usable)
    if container.quota_cpus is not None:
        yield _throttling(container, activity)


def _limit(quota: float | None, usable: int | None) -> Finding:
    if quota is None:
        return fine("processor quota", "none")
    seen = f"{quota:g} processors' worth of time in every period"
    if usable is not None and quota >= usable:
        return fine("processor quota", seen)
    if quota < 1:
        return Finding(
            subject="processor quota",
            severity="unfit",
            seen=seen,
            effect="a trial uses up its quota and is then stopped until the next period, so that step times are those "
            "of the quota",
            remedy="give the container one processor at least, better two: docker run --cpus 2",
        )
    return Finding(
        subject="processor quota",
        severity="note",
        seen=f"{seen}, for {usable} usable processors" if usable else seen,
        effect="a trial with one thread fits into it; what runs side by side, such as imports and loader workers, may "
        "be stopped until the next period",
        remedy="raise the container's quota to the number of its processors",
    )


def _throttling(container: ContainerFacts, activity: Activity | None) -> Finding:
    if container.throttled_periods is None:
        return unknown("throttling by quota", container.unavailable, "throttled_periods")
    if activity is not None and activity.throttled_periods:
        waited = "" if activity.throttled_s is None else f", {activity.throttled_s:.2f} s in all"
        return Finding(
            subject="throttling by quota",
            severity="warning",
            seen=f"in {activity.throttled_periods} periods of these {activity.window_s:.0f} s the quota was used up"
            f"{waited}",
            effect="processes stood still meanwhile: what was measured then is too long",
            remedy="raise the container's quota",
        )
    if container.throttled_periods:
        return Finding(
            subject="throttling by quota",
            severity="note",
            seen=f"the quota was used up in {container.throttled_periods:,} periods since the container was started",
            effect="it is small enough to stop what runs in it; not in this window, though",
            remedy="raise the container's quota",
        )
    return fine("throttling by quota", "the quota was never used up")


def _swap(memory: MemoryFacts, activity: Activity | None) -> Finding:
    if memory.swap_used_bytes is None:
        return unknown("swap", memory.unavailable, "swap_used_bytes")
    used = f"{memory.swap_used_bytes / 2**20:,.0f} MB in use"
    if activity is not None and activity.swapped_pages:
        return Finding(
            subject="swap",
            severity="warning",
            seen=f"{activity.swapped_pages:,} pages moved to or from swap within {activity.window_s:.0f} s, {used}",
            effect="a step that waits for a page takes milliseconds longer, and resident memory reads too low",
            remedy="free memory, or sudo swapoff -a",
        )
    if memory.swap_used_bytes == 0:
        return fine("swap", used)
    return Finding(
        subject="swap",
        severity="note",
        seen=f"{used}, nothing moved meanwhile",
        effect="none as long as nothing moves; what is swapped out is missing from resident memory",
        remedy="sudo swapoff -a && sudo swapon -a brings it back",
    )


def _heat(cpu: CpuFacts, activity: Activity | None) -> Finding:
    if cpu.throttle_events is None:
        return unknown("heat", cpu.unavailable, "throttle_events")
    if activity is not None and activity.throttle_events:
        return Finding(
            subject="heat",
            severity="warning",
            seen=f"cores were slowed {activity.throttle_events} times within {activity.window_s:.0f} s",
            effect="the clock is that of the cooling: step times grow over a run, and ratios spread",
            remedy="cool the machine, or lower its clock with turbo off",
        )
    if cpu.throttle_events:
        return Finding(
            subject="heat",
            severity="note",
            seen=f"cores were slowed {cpu.throttle_events:,} times since the start of the machine, now they are not",
            effect="none now; a long run may bring it back",
            remedy="look at the warnings of the run's report",
        )
    return fine("heat", "no core was ever slowed")


def _clock(activity: Activity) -> Finding:
    step_s = activity.clock_step_s
    if abs(step_s) < STEP_NOTE_S:
        return fine("clock steps", f"none over {activity.window_s:.1f} s")
    huge = abs(step_s) >= STEP_WARNING_S
    return Finding(
        subject="clock steps",
        severity="warning" if huge else "note",
        seen=f"the wall clock was set by {signed(step_s, '+.3f')} s within {activity.window_s:.1f} s",
        effect="durations come from a clock that is never set and are right, dates are not"
        + ("; a jump of this size may also be a machine that was suspended, with whatever ran then" if huge else ""),
        remedy="let the time service settle (chronyc tracking, timedatectl)",
    )
