"""Which version of a package this process sees or has imported, and from where: as the one who measures sees it.

It is part of processes whose imports are figures: what they call needs the standard library alone.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

MEASURED = ("torch", "transformers", "accelerate", "pytorch-lightning", "lightning-fabric", "lightning")
"""The distributions that every run is about; a check adds those that differ."""

Facts = dict[str, Any]


def imported(names: Iterable[str]) -> dict[str, Facts]:
    """Of each distribution of which a module is imported: `version`, `path`, and `wrong` where it is another one.

    `version` is what the module says of itself, or where it says nothing what was installed.
    """
    return _all(names, sys.modules.__contains__)


def seen(names: Iterable[str]) -> dict[str, Facts]:
    """The same of what would be imported, without importing anything."""
    return _all(names, lambda module: _origin(module) is not None)


def distributions(path: Sequence[str] | None = None) -> dict[str, metadata.Distribution]:
    """Every installed distribution by its normalised name, in `path` or on the import path.

    The first of a name is what is imported; two releases may spell their name differently.
    """
    from packaging.utils import canonicalize_name  # not at the top: frameworks import it too, and their time counts

    first: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions() if path is None else metadata.distributions(path=list(path)):
        if distribution.name:
            first.setdefault(canonicalize_name(distribution.name), distribution)
    return first


def _all(names: Iterable[str], counts: Callable[[str], bool]) -> dict[str, Facts]:
    packages: dict[str, Facts] = {}
    for name in names:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        module = next(filter(counts, _modules(name, distribution)), None)
        if module is not None:
            packages[name] = _facts_of(name, distribution, module)
    return packages


def _modules(name: str, distribution: metadata.Distribution) -> list[str]:
    """The modules of a distribution, first the one that is called as it is."""
    usual = name.replace("-", "_")
    own = (distribution.read_text("top_level.txt") or "").split()
    return [usual, *own] if usual not in sys.stdlib_module_names else own


def _origin(module: str) -> str | None:
    loaded = sys.modules.get(module)
    if loaded is not None:
        return getattr(loaded, "__file__", None)
    try:
        spec = util.find_spec(module)
    except (ImportError, ValueError):
        return None
    return None if spec is None or not spec.has_location else spec.origin


def _facts_of(name: str, distribution: metadata.Distribution, module: str) -> Facts:
    path = os.path.realpath(_origin(module) or "")
    own = getattr(sys.modules.get(module), "__version__", None)
    version = str(own) if name in MEASURED and own else distribution.version  # others' are not always their release's
    facts: Facts = {"version": version, "path": path}
    folders = [os.path.realpath(folder) for folder in _folders(distribution)]
    if not any(Path(path).is_relative_to(folder) for folder in folders) and _has(folders, module):
        facts["wrong"] = (
            f"{path} is imported in the place of the {name} {distribution.version} that is in {folders[-1]}"
        )
    elif parts(version) != parts(distribution.version):
        facts["wrong"] = f"{path} says that it is {name} {version}, but was installed as {distribution.version}"
    return facts


def _folders(distribution: metadata.Distribution) -> list[str]:
    """Where the modules of a distribution may be: beside its metadata, or where an editable one has its sources."""
    beside = str(distribution.locate_file(""))
    direct = json.loads(distribution.read_text("direct_url.json") or "{}")
    if not direct.get("dir_info", {}).get("editable"):
        return [beside]
    return [beside, unquote(urlsplit(direct["url"]).path)]


def _has(folders: list[str], module: str) -> bool:
    """Whether a distribution has the module, as far as can be seen: an editable one may have it anywhere."""
    beside, *sources = folders
    return bool(sources) or (Path(beside) / module).is_dir() or any(Path(beside).glob(f"{module}.*"))


def parts(version: str) -> list[str]:
    """What a version is made of, however it is spelt, without the label of a build, which may be written otherwise."""
    return re.findall(r"\d+|[a-z]+", version.partition("+")[0].lower())


if __name__ == "__main__":
    installed = distributions()
    facts = {
        "packages": {name: distribution.version for name, distribution in installed.items()},
        "direct": [name for name, distribution in installed.items() if distribution.read_text("direct_url.json")],
        "seen": seen([*MEASURED, *sys.argv[1:]]),
    }
    json.dump(facts, sys.stdout)
