"""What is installed beside an old release, so that a search through releases does not stop there."""

from __future__ import annotations

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

COMPANIONS = (
    ("transformers", ">=4.34,<4.40", "accelerate==0.27.2"),
    ("pytorch-lightning", ">=2.1,<2.4", "setuptools==80.9.0"),
)
"""Package, releases, and the requirement; `compatibility.RULES` says why each is needed."""


def companions(package: str, version: str) -> list[str]:
    """The requirements that a release of `package` needs beside itself here; most need none."""
    name = canonicalize_name(package)
    return [needs for known, releases, needs in COMPANIONS if known == name and version in SpecifierSet(releases)]
