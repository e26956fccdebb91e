"""What the passes that are not timed say: counters, phases, and compilation, which every pass sees."""

from __future__ import annotations

from statistics import median

from bench.analyse.cells import counting
from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.regions import phases_us
from bench.analyse.cells.rows import missing
from bench.analyse.cells.rows.missing import FigureOrReason, why_not
from bench.records.metrics import COUNTED
from bench.records.schema import CompilationFigures, EvaluationTime, Phases

EVALUATION = ("evaluation_us", "evaluation_share", "evaluation_steps")


def counters(evidence: Evidence) -> dict[str, FigureOrReason]:
    """The counters, and the tensors at a step's peak."""
    counted = counting.figures(evidence.counts)
    if counted is None:
        return dict.fromkeys(
            ("counters", "tensor_bytes", "tensor_bytes_by_category"),
            why_not(evidence, "counting", counting.NOT_COUNTED),
        )
    missing = [figure for figure in COUNTED if getattr(counted, figure.key) is None]
    return {
        "counters": counted,
        **_tensors(evidence),
        **{figure.path: counting.why_not_counted(evidence.counts, figure.key) for figure in missing},
    }


def _tensors(evidence: Evidence) -> dict[str, FigureOrReason]:
    counts, names = evidence.counts, ("tensor_bytes", "tensor_bytes_by_category")
    if counts[0].tensor_bytes is None:
        return dict.fromkeys(names, counting.why_not_counted(counts, names[0]))
    return dict(zip(names, (counts[0].tensor_bytes.value, counts[0].tensor_bytes_by_category), strict=True))


def compilation(evidence: Evidence) -> FigureOrReason:
    """What compiling the model takes; only where that is asked for."""
    if not evidence.cell.compile:
        return missing.NOT_ASKED_FOR
    if not evidence.compilations:
        return evidence.reason or missing.NOT_COMPILED
    _, last = evidence.compilations[-1]
    timed = [compiled for phase, compiled in evidence.compilations if phase == "timing"]
    proof = next((compiled for phase, compiled in evidence.compilations if phase == "equivalence"), None)
    return CompilationFigures(
        seconds=median(compiled.seconds for compiled in timed) if timed else None,
        first_seconds=None if proof is None else proof.seconds,
        graphs=last.graphs,
        graph_breaks=last.graph_breaks,
        in_turns=sum(compiled.in_turns for compiled in timed) if timed else None,
    )


def phases(evidence: Evidence) -> dict[str, FigureOrReason]:
    """Where the time of a step goes, and what an evaluation takes."""
    split = [figures for trial in evidence.phase_trials if trial.phases and (figures := phases_us(trial, trial.phases))]
    return {
        "phases_us": split[0] if split else why_not(evidence, "phases", missing.NO_PHASES),
        **_evaluation(evidence),
    }


def _evaluation(evidence: Evidence) -> dict[str, FigureOrReason]:
    """Of the timed steps; where there are none, of those that were split into phases."""
    looks: list[EvaluationTime] = [look for look in evidence.timing_trials.evaluation if look is not None]
    looks = looks or [each for trial in evidence.phase_trials if trial.phases and (each := _while_split(trial.phases))]
    ns, of_ns, steps = (sum(getattr(look, part) for look in looks) for part in ("ns", "of_ns", "steps"))
    if not steps:
        return dict.fromkeys(EVALUATION, why_not(evidence, "timing", missing.NO_EVALUATION))
    return dict(zip(EVALUATION, (ns / steps / 1e3, ns / of_ns, steps), strict=True))


def _while_split(phases: Phases) -> EvaluationTime | None:
    if not phases.evaluation_ns:
        return None
    ns = sum(phases.evaluation_ns)
    of_ns = ns + sum(map(sum, phases.phase_ns.values()))
    return EvaluationTime(ns=ns, of_ns=of_ns, steps=len(phases.evaluation_ns))
