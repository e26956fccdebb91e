"""From facts about the machine to findings: all of them for the doctor, the ones that matter for a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.analyse import health_activity, health_cpu, health_device, health_versions
from bench.analyse.findings import worst_first
from bench.records.health import Finding, Health, TorchFacts, VersionFacts


def findings(health: Health, torch: TorchFacts, versions: VersionFacts) -> list[Finding]:
    """Everything that the doctor looks at, the worst first."""
    found = [*of_machine(health), *health_device.findings(torch, health.nvidia), *health_versions.findings(versions)]
    return worst_first(found)


def of_machine(health: Health) -> list[Finding]:
    """What can be said of the machine without torch, by what was read at one instant or over a window."""
    return [*health_cpu.findings(health.cpu), *health_activity.findings(health)]


def of_run(checkups: Sequence[Health]) -> list[str]:
    """What a reader of a run should know of its machine: warnings at its start and end, and of the time between."""
    by_moment: dict[str, list[Finding]] = {"start": [], "end": []}
    for health in checkups:
        found = [*of_machine(health), *health_device.cards(health.nvidia)]
        serious = [each for each in found if each.severity in ("warning", "unfit")]
        by_moment[health.moment or "start"] += [each for each in serious if each not in by_moment["start"]]
    return list(dict.fromkeys(_sentences(by_moment)))


def _sentences(by_moment: dict[str, list[Finding]]) -> Iterator[str]:
    for moment, found in by_moment.items():
        for each in worst_first(found):
            yield f"the machine at the {moment} of the run: {each.subject}: {each.seen}; {each.effect}"
