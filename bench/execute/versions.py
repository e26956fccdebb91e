"""Whether two nodes that measure together have the same packages."""

from __future__ import annotations

from collections.abc import Mapping

from bench.records.schema import MAIN_PACKAGES

OF_SOME_RUNS = ("deepspeed",)
"""Whoever needs it has refused to run without it; another version would train otherwise."""


def first_unlike(
    there: Mapping[str, str], here: Mapping[str, str], *, of_any_build: bool = False
) -> tuple[str, str] | None:
    """Of the packages that are measured the first that is another: what is there, and what is here.

    `("no torch", "torch 2.13.0+cpu")`. What a package was built for, `+cpu`, may differ with `of_any_build`.
    """
    for package in (*MAIN_PACKAGES, *(name for name in OF_SOME_RUNS if name in there and name in here)):
        versions = there.get(package), here.get(package)
        compared = [version and version.partition("+")[0] if of_any_build else version for version in versions]
        if compared[0] != compared[1]:
            has, had = (f"{package} {version}" if version else f"no {package}" for version in versions)
            return has, had
    return None
