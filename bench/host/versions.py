"""What the installed packages say that they need, from their own metadata; nothing is imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

from bench.records.health import Requirement as Needed

MEASURED = ("torch", "transformers", "accelerate", "pytorch-lightning", "lightning")


def requirements(packages: Sequence[str] = MEASURED, path: Sequence[str] | None = None) -> list[Needed]:
    """Every requirement of the packages that holds on this machine, extras left out, with what is installed for it.

    `path` are the folders to look in, the import path of this process unless given.
    """
    installed = _installed(path)
    return [needed for name in packages if name in installed for needed in _needed(installed[name], installed)]


def versions(path: Sequence[str] | None = None) -> dict[str, str]:
    """Version of every installed package by its normalised name."""
    return {name: found.version for name, found in _installed(path).items()}


def _installed(path: Sequence[str] | None) -> dict[str, metadata.Distribution]:
    found: dict[str, metadata.Distribution] = {}
    for each in metadata.distributions() if path is None else metadata.distributions(path=list(path)):
        if each.metadata["Name"]:
            found.setdefault(_normalised(each.metadata["Name"]), each)
    return found


def _needed(package: metadata.Distribution, installed: dict[str, metadata.Distribution]) -> Iterator[Needed]:
    for text in package.requires or []:
        try:
            needs = Requirement(text)
        except InvalidRequirement:  # metadata of before the standard; pip has installed it all the same
            continue
        if needs.marker is None or needs.marker.evaluate({"extra": ""}):
            found = installed.get(_normalised(needs.name))
            yield Needed(
                package=package.metadata["Name"],
                version=package.version,
                needs=f"{needs.name}{needs.specifier}",
                found=None if found is None else found.version,
            )


def _normalised(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
