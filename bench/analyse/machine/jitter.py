"""What slices of fixed work say of a machine, and what that means for figures.

All slices are the same work, so that two of them are a pair of identical loops, and whatever their
ratio is besides 1 is the machine's doing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from bench.analyse.machine.findings import fine
from bench.records.health import Finding, Health, Severity
from bench.records.steadiness import CoreSteadiness, JitterFacts, Steadiness

STEADINESS = "steadiness"
STRETCH_S = 0.25
"""A region in which a loop that is timed by itself is timed."""
CYCLES = 125
"""Of a block: what two loops with turns of 10 ms have in 2.5 s."""
MIN_VISITS = 4
ALONE_NOTE, ALONE_WARNING = 0.02, 0.05
"""A ratio of loops timed one after the other that is off by more than 5 % is what releases differ by."""
TURNS_WARNING, TURNS_UNFIT = 0.01, 0.025
"""With 1 % a block, six blocks tell a ratio to within 1 %; with 2.5 %, a change of 3 % takes dozens."""
CORES_NOTE, CORES_WARNING = 0.03, 0.10
TOO_SHORT = "the probe timed too few slices"

Slices = NDArray[np.float64]
"""One row a visit of a core, and in it the two slices that were timed there one after the other, in ns."""


def steadiness(facts: JitterFacts) -> Steadiness:
    """The figures of all cores together.

    `alone` is the root mean square of `log_ratios_alone` over all cores, and `turns` that of
    `log_ratios_in_turns`, divided by the root of `CYCLES`: a block's ratio is the mean of its cycles,
    which hardly depend on each other (docs/doctor.md).
    """
    if facts.unavailable is not None:
        return Steadiness(unavailable=facts.unavailable)
    seen = {core.core: visits(core.slices_ns) for core in facts.cores}
    if not seen or min(map(len, seen.values())) < MIN_VISITS:
        return Steadiness(unavailable=TOO_SHORT)
    cores = [_core(core, own, _stretch(own, facts.wall_s)) for core, own in seen.items()]
    medians = [core.slice_ms for core in cores]
    several = len(cores) > 1
    return Steadiness(
        wall_s=facts.wall_s,
        alone=_spread(log_ratios_alone(own, _stretch(own, facts.wall_s)) for own in seen.values()),
        turns=(_spread(map(log_ratios_in_turns, seen.values())) or 0.0) / CYCLES**0.5,
        cores_differ=max(medians) / min(medians) - 1 if several else None,
        quietest_core=min(cores, key=_restlessness).core if several else None,
        pinned=None not in seen,
        usable_cores=facts.usable_cores,
        cores=cores,
    )


def visits(slices_ns: Sequence[int]) -> Slices:
    """The slices of a core, those of one visit in a row."""
    whole = len(slices_ns) // 2 * 2
    return np.asarray(slices_ns[:whole], dtype=np.float64).reshape(-1, 2)


def log_ratios_alone(slices: Slices, stretch: int) -> Slices:
    """log(mean of a stretch / mean of the next), for every stretch of so many visits.

    Stretches overlap, as in the overlapping Allan deviation (Howe, Allan & Barnes 1981), since a
    second holds no more than four that do not. Empty where there are fewer than two.
    """
    sums = np.concatenate([[0.0], np.cumsum(slices.sum(axis=1))])
    means = sums[stretch:] - sums[:-stretch]
    return np.asarray(np.log(means[:-stretch] / means[stretch:]))


def log_ratios_in_turns(slices: Slices) -> Slices:
    """log(slice 2k / slice 2k + 1) for each cycle k, less their mean: which of the two comes first is no spread."""
    ratios = np.log(slices[:, 0] / slices[:, 1])
    return np.asarray(ratios - ratios.mean())


def _stretch(slices: Slices, wall_s: float) -> int:
    """How many visits of a core there are in `STRETCH_S`, other cores' visits included."""
    return max(1, round(len(slices) * STRETCH_S / wall_s))


def _spread(ratios: Iterable[Slices]) -> float | None:
    """The root mean square of all of them: the spread of a ratio that is 1 in truth."""
    every = np.concatenate(list(ratios))
    return float(np.sqrt(np.mean(every**2))) if len(every) else None


def _core(core: int | None, slices: Slices, stretch: int) -> CoreSteadiness:
    low, median, high, p95 = np.quantile(slices, [0.25, 0.5, 0.75, 0.95])
    levels = [np.median(slices[at : at + stretch]) for at in range(0, len(slices) - stretch + 1, stretch)]
    return CoreSteadiness(
        core=core,
        slices=slices.size,
        slice_ms=float(median) / 1e6,
        jitter=float((high - low) / 2 / median),
        p95_over_median=float(p95 / median),
        drift=float(np.std(levels, ddof=1) / median) if len(levels) > 1 else None,
        alone=_spread([log_ratios_alone(slices, stretch)]),
    )


def _restlessness(core: CoreSteadiness) -> tuple[float, float]:
    return (core.alone or 0.0, core.jitter)


def of_run(checkups: Sequence[Health]) -> Steadiness | None:
    """How steady a run's machine was at its start; of a resumed run's starts the worst, None for an older run."""
    measured = [steadiness(checkup.jitter) for checkup in checkups if checkup.jitter is not None]
    return max(measured, key=lambda steady: (steady.unavailable is None, steady.turns or 0.0), default=None)


def fit_alone(measured: Steadiness | None) -> bool | None:
    """Whether loops may be timed by themselves, one after the other; None where that is not known."""
    return None if measured is None or measured.alone is None else measured.alone <= ALONE_WARNING


def findings(measured: Steadiness | None) -> Iterator[Finding]:
    """Judge how steady the machine is, and how unlike its cores; nothing where it was not looked at."""
    if measured is None:
        return
    if measured.unavailable is not None:
        yield Finding(
            subject=STEADINESS,
            severity="note",
            seen=f"not available: {measured.unavailable}",
            effect="impact unknown",
            remedy="run python -m bench.doctor again",
        )
        return
    yield _steady(measured)
    yield _cores(measured)


def _steady(measured: Steadiness) -> Finding:
    alone, turns = measured.alone or 0.0, measured.turns or 0.0
    seen = (
        f"the ratio of two identical loops would spread by {_percent(alone)} where one is timed after the other, 250 "
        f"ms each, and by {_percent(turns)} per block where they take turns of 10 ms (standard deviations, from fixed "
        f"work that was timed for {measured.wall_s:.0f} s{_where(measured)})"
    )
    if turns > TURNS_UNFIT:
        return _unsteady(
            "unfit",
            seen,
            "even loops that take turns come out unequal: small differences drown, and it takes dozens of blocks to "
            "detect 3 %",
            "end what else runs here; where nothing does, it is the host's other guests: measure at another time or "
            "elsewhere. Exact counts (--only counters) need no quiet machine",
        )
    if alone > ALONE_WARNING or turns > TURNS_WARNING:
        return _unsteady(
            "warning",
            seen,
            "what is timed by itself says more of its moment than of the loop: step times of two runs do not compare, "
            "ratios of loops that took turns do",
            "compare loops inside one run, where they take turns, and give it more --blocks where its intervals are "
            "too wide; for times that compare from run to run use a machine with processors of its own",
        )
    if alone > ALONE_NOTE:
        return _unsteady(
            "note",
            seen,
            "step times of two runs differ by that much without a reason in the loop; ratios of loops that took turns "
            "hardly do",
            "compare loops inside one run",
        )
    return fine(STEADINESS, seen)


def _unsteady(severity: Severity, seen: str, effect: str, remedy: str) -> Finding:
    return Finding(subject=STEADINESS, severity=severity, seen=seen, effect=effect, remedy=remedy)


def _where(measured: Steadiness) -> str:
    if not measured.pinned:
        return " wherever the system put it, since it cannot pin a process"
    names = [str(core.core) for core in measured.cores]
    has_more = measured.usable_cores is not None and measured.usable_cores > len(names)
    return f" on core {' and '.join(names)}, of {measured.usable_cores} that may be used" if has_more else ""


def _cores(measured: Steadiness) -> Finding:
    each_core = "; ".join(map(_core_sentence, measured.cores))
    if measured.cores_differ is None:
        return fine("cores", each_core)
    slowest, fastest = (pick(measured.cores, key=lambda core: core.slice_ms).core for pick in (max, min))
    seen = (
        f"core {slowest} is {_percent(measured.cores_differ)} slower than core {fastest}, "
        f"and core {measured.quietest_core} is the quietest; {each_core}"
    )
    if measured.cores_differ <= CORES_NOTE:
        return fine("cores", seen)
    return Finding(
        subject="cores",
        severity="warning" if measured.cores_differ > CORES_WARNING else "note",
        seen=seen,
        effect="loops that run on different cores differ by that much",
        remedy=f"pin what you time yourself to one core: taskset -c {measured.quietest_core} python ...",
    )


def _core_sentence(core: CoreSteadiness) -> str:
    """`core 0: 10.1 ms a slice, half of them within ±2.9 %, one in twenty 1.10 times as long or longer, ...`."""
    name = "" if core.core is None else f"core {core.core}: "
    drift = "" if core.drift is None else f", and from one 250 ms to the next it wavers by {_percent(core.drift)}"
    return (
        f"{name}{core.slice_ms:.1f} ms a slice, half of them within ±{_percent(core.jitter)}, one in twenty "
        f"{core.p95_over_median:.2f} times as long or longer{drift}"
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.{1 if fraction < 0.0995 else 0}f} %"
