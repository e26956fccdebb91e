"""What the installed packages say that they need, from their own metadata; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bench.host.imported import MEASURED, distributions
from bench.records.health import Requirement as Needed


def requirements(packages: Sequence[str] = MEASURED, path: Sequence[str] | None = None) -> list[Needed]:
    """Every requirement of the packages that holds on this machine, extras left out, with what is installed for it.

    `path` are the folders to look in, the import path of this process unless given.
    """
    installed = distributions(path)
    return [needed for name in packages if name in installed for needed in _needed(installed[name], installed)]


def _needed(package: metadata.Distribution, installed: dict[str, metadata.Distribution]) -> Iterator[Needed]:
    for text in package.requires or []:
        try:
            needs = Requirement(text)
        except InvalidRequirement:  # metadata of before the standard; pip has installed it all the same
            continue
        if needs.marker is None or needs.marker.evaluate({"extra": ""}):
            present = installed.get(canonicalize_name(needs.name))
            yield Needed(
                package=package.metadata["Name"],
                version=package.version,
                needs=f"{needs.name}{needs.specifier}",
                found=None if present is None else present.version,
            )
