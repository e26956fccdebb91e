"""From facts about the machine to findings: all of them for the doctor, the ones that matter for a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.analyse.caution import Caution
from bench.analyse.machine import activity, cpu, device
from bench.analyse.machine import jitter as machine_jitter
from bench.analyse.machine import versions as machine_versions
from bench.analyse.machine.findings import fine, is_fit, worst_first
from bench.records.calibrations import Calibration
from bench.records.health import Diagnosis, Finding, Health, TorchFacts, VersionFacts
from bench.records.steadiness import JitterFacts


def diagnose(
    health: Health,
    torch: TorchFacts,
    versions: VersionFacts,
    calibration: Calibration | None = None,
    jitter: JitterFacts | None = None,
) -> Diagnosis:
    """Everything that the doctor looks at, the worst first."""
    steadiness = None if jitter is None else machine_jitter.steadiness(jitter)
    findings = [
        *machine_jitter.findings(steadiness),
        *of_machine(health),
        *device.findings(torch, health.nvidia),
        *machine_versions.findings(versions),
        *([_calibration(calibration)] if torch.missing is None else []),
    ]
    return Diagnosis(
        fit=is_fit(findings),
        fit_alone=machine_jitter.fit_alone(steadiness),
        findings=worst_first(findings),
        health=health,
        torch=torch,
        versions=versions,
        calibration=calibration,
        steadiness=steadiness,
    )


def _calibration(known: Calibration | None) -> Finding:
    if known is not None:
        spreads = f"step times vary by {100 * known.run_to_run_cv:.1f} %, ratios by {100 * known.ratio_spread:.1f} %"
        seen = f"of {known.made_at:%Y-%m-%d}, {len(known.blocks)} blocks: {spreads} from one to the next"
        return fine("calibration", seen)
    return Finding(
        subject="calibration",
        severity="note",
        seen="none for this machine, device and torch",
        effect="margins and numbers of blocks are the usual ones, whatever this machine can resolve",
        remedy="python -m bench.doctor --calibrate, which takes three minutes",
    )


def of_machine(health: Health) -> list[Finding]:
    """What can be said of the machine without torch, by what was read at one instant or over a window."""
    return [*cpu.findings(health.cpu), *activity.findings(health)]


def of_run(checkups: Sequence[Health]) -> list[Caution]:
    """What a reader of a run should know of its machine: warnings at its start and end, and of the time between."""
    by_moment: dict[str, list[Finding]] = {"start": [], "end": []}
    for health in checkups:
        findings = [*of_machine(health), *device.cards(health.nvidia)]
        serious = [finding for finding in findings if finding.severity in ("warning", "unfit")]
        by_moment[health.moment or "start"] += [finding for finding in serious if finding not in by_moment["start"]]
    return [*_resumed(checkups), *dict.fromkeys(_sentences(by_moment))]


def _resumed(checkups: Sequence[Health]) -> list[Caution]:
    """That a run was not made in one go: every part begins with a look at the machine."""
    parts = sum(health.moment == "start" for health in checkups)
    if parts <= 1:
        return []
    resumed = f"the run was resumed: it was measured in {parts} parts"
    return [Caution(resumed, ", between which the machine may have changed")]


def _sentences(by_moment: dict[str, list[Finding]]) -> Iterator[Caution]:
    for moment, findings in by_moment.items():
        for finding in worst_first(findings):
            seen = f"the machine at the {moment} of the run: {finding.subject}: {finding.seen}"
            yield Caution(seen, f"; {finding.effect}")
