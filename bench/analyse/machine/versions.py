"""Whether the installed versions fit each other."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement

from bench.analyse.machine.findings import fine
from bench.records.health import Finding, VersionFacts
from bench.records.health import Requirement as Needed


def findings(versions: VersionFacts) -> Iterator[Finding]:
    """One finding for each combination that does not fit, or one that says how much was looked at."""
    broken = [requirement for requirement in versions.requirements if not _is_met(requirement)]
    for requirement in broken:
        installed = "it is not there" if requirement.found is None else f"{requirement.found} is installed"
        yield Finding(
            subject="versions",
            severity="warning",
            seen=f"{requirement.package} {requirement.version} asks for {requirement.needs}, but {installed}",
            effect="its loop may fail, or take another path through the framework than its users have",
            remedy=f"pip install '{requirement.needs}'",
        )
    for known in versions.known:
        yield Finding(
            subject="versions",
            severity="warning",
            seen=known,
            effect="its loop fails, although pip does not object",
            remedy="change one of the two versions",
        )
    if not broken and not versions.known:
        yield fine("versions", f"all {len(versions.requirements)} requirements of what is measured are met")


def _is_met(needed: Needed) -> bool:
    return needed.found is not None and Requirement(needed.needs).specifier.contains(needed.found, prereleases=True)
