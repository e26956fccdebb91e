"""Rows with figures that a test can quote: the analysis that usually makes them is not under test here."""

from __future__ import annotations

from typing import Any

from bench.records.schema import AcceleratorInfo, CellSummary, Equivalence, Estimate, Summary
from tests import factories

BITWISE = Equivalence(verdict="bitwise", detail="all 48 losses and the final weights equal those of pytorch")
BASELINE = Equivalence(verdict="baseline", detail="the loop that the others are held to")
NO_COUNTER = "this machine shows no RAPL counters"
ON_HOST = "the device is the host: see host_rss_bytes"


def estimate(value: float, low: float | None = None, high: float | None = None) -> Estimate:
    return Estimate(value=value, low=low, high=high)


def row(runner: str = "hf-trainer", **changes: Any) -> CellSummary:
    """`hf-trainer` at batch 64: 681 µs per step, 1.88 times the baseline's 363."""
    usual: dict[str, Any] = {
        **factories.comparison().model_dump(),
        "runner": runner,
        "status": "ok",
        "blocks": 10,
        "trials": 20,
        "failed_trials": 0,
        "equivalence": BITWISE,
        "step_time_us": estimate(681, 675, 690),
        "step_p95_us": 712.4,
        "step_p99_us": 1234.0,
        "samples_per_second": estimate(94_123, 93_000, 95_000),
        "ratio": estimate(1.876, 1.855, 1.899),
        "overhead_us": estimate(318.2, 312.1, 325.4),
        "floor_ratio": estimate(2.6, 2.5, 2.7),
        "host_rss_bytes": 320.4e6,
        "import_s": 2.54,
        "import_rss_bytes": 301e6,
        "startup_s": estimate(0.0512, 0.050, 0.052),
        "epoch_boundary_us": estimate(402, 380, 420),
        "run_to_run_cv": 0.012,
        "unavailable": {
            **{f"device_memory_bytes.{kind}": ON_HOST for kind in ("allocated", "reserved", "process")},
            "joules_per_1000_samples": NO_COUNTER,
        },
    }
    return CellSummary.model_validate(usual | changes)


def baseline(**changes: Any) -> CellSummary:
    """The hand-written loop at batch 64."""
    usual = {
        "equivalence": BASELINE,
        "step_time_us": estimate(363, 360, 366),
        "samples_per_second": estimate(176_000, 175_000, 177_000),
        "ratio": estimate(1, 1, 1),
        "overhead_us": estimate(0, 0, 0),
        "floor_ratio": estimate(1.386, 1.38, 1.39),
        "run_to_run_cv": 0.004,
    }
    return row("pytorch", **usual | changes)


def floor(**changes: Any) -> CellSummary:
    """The loop without a loader at batch 64."""
    usual = {
        "step_time_us": estimate(262, 260, 264),
        "ratio": estimate(0.722, 0.716, 0.728),
        "overhead_us": estimate(-101, -104, -98),
        "floor_ratio": estimate(1, 1, 1),
    }
    return row("floor", **usual | changes)


def failed(runner: str = "lightning", status: str = "oom", **changes: Any) -> CellSummary:
    """A cell without figures."""
    key = factories.cell(runner, **changes).model_dump()
    unproven = Equivalence(verdict="unproven", detail="it has no fingerprint")
    counts = {"blocks": 0, "trials": 2, "failed_trials": 2}
    reason = "OutOfMemoryError: tried to allocate 2 GiB"
    return CellSummary.model_validate({**key, **counts, "status": status, "reason": reason, "equivalence": unproven})


def different(runner: str = "fabric", **changes: Any) -> CellSummary:
    """A loop that is not equivalent, so that it has a step time but no ratio."""
    verdict = Equivalence(verdict="different", detail="loss of micro-step 2: 0.69 against 0.7")
    nothing = {"ratio": None, "overhead_us": None, "floor_ratio": None}
    return row(runner, **{"equivalence": verdict, **nothing} | changes)


def summary_of(
    *cells: CellSummary, warnings: list[str] | None = None, cards: tuple[str, ...] = (), **run: Any
) -> Summary:
    """The cells as a summary; `run` goes to `factories.run`."""
    comparisons = list(dict.fromkeys(cell.comparison for cell in cells))
    runners = list(dict.fromkeys(cell.runner for cell in cells))
    made = factories.run(**{"comparisons": comparisons, "runners": runners} | run)
    accelerators = [AcceleratorInfo(device=f"cuda:{index}", name=name) for index, name in enumerate(cards)]
    machine = made.machine.model_copy(update={"accelerators": accelerators})
    return Summary(
        run=made.model_copy(update={"machine": machine}),
        machine=machine,
        packages=made.packages,
        cells=list(cells),
        warnings=warnings or [],
    )


def with_settings(summary: Summary, **changes: Any) -> Summary:
    """The same, of a run with other settings."""
    settings = summary.run.settings.model_copy(update=changes)
    return summary.model_copy(update={"run": summary.run.model_copy(update={"settings": settings})})
