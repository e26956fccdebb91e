"""What is known to be needed beside a release, where its own metadata does not say so.

Read from the tagged sources, and tried out: pip installs each of these combinations without a
word, and the framework then fails, or switches its support of torch off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Releases of a package that need some range of another one (or of `python`)."""

    package: str
    releases: str
    needs: str
    range: str
    way_out: str

    def sentence(self, packages: Mapping[str, str]) -> str:
        """The rule in words, with the versions that break it."""
        here = packages.get(self.needs, "not there")
        return f"{self.package} {packages[self.package]} needs {self.needs}{self.range} ({here} here); {self.way_out}"


def _trainer(releases: str, accelerate: str, because: str, ask: str) -> Rule:
    way_out = f"{because}, ask for accelerate=={ask} as well"
    return Rule(package="transformers", releases=releases, needs="accelerate", range=accelerate, way_out=way_out)


def _least(releases: str, needs: str, version: str) -> Rule:
    way_out = "run looptax from an environment that has it, or take an older transformers"
    return Rule(package="transformers", releases=releases, needs=needs, range=f">={version}", way_out=way_out)


RULES = (
    _trainer(">=4.34,<4.38", ">=0.24,<1.0", "newer ones dropped `dispatch_batches`", "0.24.1"),
    _trainer(">=4.38,<4.40", ">=0.26,<1.0", "newer ones dropped `dispatch_batches`", "0.27.2"),
    _trainer(">=4.40,<4.52", ">=0.26", "older ones lack `use_seedable_sampler`", "0.34.2"),
    _trainer(">=4.52", ">=1.3", "older ones lack `keep_torch_compile`", "1.3.0"),
    _least(">=5.0", "python", "3.10"),
    _least(">=5.21", "python", "3.11"),
    _least(">=5.1,<5.16", "torch", "2.4"),
    _least(">=5.16,<5.20", "torch", "2.5"),
    _least(">=5.20", "torch", "2.6"),
    Rule(
        package="pytorch-lightning",
        releases=">=2.1,<2.4",
        needs="setuptools",
        range="<82",
        way_out="it imports pkg_resources, which newer ones lack, ask for 'setuptools<82' as well",
    ),
)


def broken(packages: Mapping[str, str]) -> list[Rule]:
    """The rules that an environment breaks.

    `packages` maps normalised names, and `python`, to versions; a rule about a package that is
    not there is broken when what it needs is missing too.
    """
    return [rule for rule in RULES if _is_in(packages, rule.package, rule.releases) and not _is_met(packages, rule)]


def _is_met(packages: Mapping[str, str], rule: Rule) -> bool:
    return _is_in(packages, rule.needs, rule.range)


def _is_in(packages: Mapping[str, str], name: str, versions: str) -> bool:
    return name in packages and SpecifierSet(versions).contains(packages[name], prereleases=True)


COMPANIONS = (
    ("transformers", ">=4.34,<4.40", "accelerate==0.27.2"),
    ("pytorch-lightning", ">=2.1,<2.4", "setuptools==80.9.0"),
)
"""Package, releases, and the requirement; `RULES` says why each is needed."""


def extra_pins(package: str, version: str) -> list[str]:
    """The requirements that a release of `package` needs beside itself here; most need none."""
    name = canonicalize_name(package)
    return [needs for known, releases, needs in COMPANIONS if known == name and version in SpecifierSet(releases)]
