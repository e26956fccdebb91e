"""What a cell takes of memory and energy, and what importing its framework takes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median

from bench.analyse.cells.evidence import Evidence
from bench.analyse.cells.rows import missing
from bench.analyse.cells.rows.missing import FigureOrReason, why
from bench.records.metric import Metric
from bench.records.metrics import metric, parts
from bench.records.schema import DeviceMemory, Interpreter


def memory(evidence: Evidence) -> dict[str, FigureOrReason]:
    """The peaks of the host's memory and the device's."""
    device = {kind: _peak(evidence, peak) for kind, peak in parts("device_memory_bytes").items()}
    known = {kind: value for kind, value in device.items() if not isinstance(value, str)}
    return {
        "host_rss_bytes": _peak(evidence, metric("host_rss_bytes")),
        "device_memory_bytes": DeviceMemory(**known),
        **{f"device_memory_bytes.{kind}": value for kind, value in device.items() if kind not in known},
    }


def _peak(evidence: Evidence, peak: Metric) -> float | str:
    """Return the median over blocks of one of the memory's peaks."""
    by_block = evidence.by_block(peak)
    if by_block:
        return median(by_block.values())
    reasons = (unavailable.get(peak.key) for unavailable in reversed(evidence.timing_trials.memory.unavailable))
    return why(evidence, next(filter(None, reasons), missing.NOT_REPORTED))


def energy(evidence: Evidence) -> FigureOrReason:
    """Joules per 1,000 samples."""
    by_block = evidence.by_block(metric("joules_per_1000_samples"))
    if by_block:
        return median(by_block.values())
    reasons = reversed(evidence.timing_trials.no_energy)
    return why(evidence, next((reason for reason in reasons if reason is not None), missing.NOT_REPORTED))


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportFigures:
    """What importing a framework takes, over the interpreters that have: all cells of a runner have the same."""

    import_s: float | None
    import_torch_s: float | None
    import_rss_bytes: float | None

    @classmethod
    def of(cls, interpreters: Collection[Interpreter]) -> ImportFigures:
        """Medians; times only of interpreters that imported while the others were idle."""
        alone = [interpreter for interpreter in interpreters if interpreter.alone]
        torch_s = [interpreter.import_torch_s for interpreter in alone if interpreter.import_torch_s is not None]
        return cls(
            import_s=_median_of([interpreter.import_s for interpreter in alone]),
            import_torch_s=_median_of(torch_s),
            import_rss_bytes=_median_of([interpreter.import_rss_bytes for interpreter in interpreters]),
        )


def _median_of(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def imports(evidence: Evidence, figures: ImportFigures) -> dict[str, FigureOrReason]:
    """What importing the framework takes: time, of that torch, and memory."""
    has_time = figures.import_s is not None
    reasons = {
        "import_s": missing.NOT_ALONE,
        "import_torch_s": missing.TORCH_WITH_IT if has_time else missing.NOT_ALONE,
        "import_rss_bytes": missing.NOT_REPORTED,
    }
    known: dict[str, float | None] = {name: getattr(figures, name) for name in reasons}
    return {name: why(evidence, reasons[name]) if value is None else value for name, value in known.items()}
