"""Fills one overlay with what is asked for, and reads back what became of it."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import UninstallableError
from bench.execute import shell
from bench.execute.environments import checkouts, compatibility, overlay, pip
from bench.execute.environments.overlay import Installed
from bench.execute.environments.requirements import RequirementSet
from bench.records.schema import Environment


def build(folder: Path, wanted: RequirementSet) -> Environment:
    """Make the environment in `folder`, whose old content is lost; it has no name yet.

    Raises `UninstallableError` and `IndexUnreachableError`, and then leaves `folder` half-built.
    """
    base = overlay.base_packages()
    _refuse_broken(wanted, {**base, **wanted.pins}, _certain(wanted))
    python = overlay.create(folder)
    conflicts = _install(wanted, python) if wanted.items else ()
    installed = overlay.read_back(python, wanted.names)
    moved = {
        name: (base.get(name), version) for name, version in installed.packages.items() if base.get(name) != version
    }
    reason = not_as_asked(wanted, overlay.read_back(python, wanted.names | set(moved)))
    if reason is not None:
        raise UninstallableError(f"The environment is not what was asked for: {reason}.")
    named = wanted.names | installed.direct
    _refuse_broken(wanted, installed.packages, named | set(moved))
    overlay.try_imports(python, wanted.names | set(moved), installed.packages)
    return Environment(
        name="",
        python=str(python),
        requirements=list(wanted.texts),
        packages=installed.packages,
        moved=moved,
        unasked=sorted(set(moved) - named),
        conflicts=list(conflicts),
    )


def not_as_asked(wanted: RequirementSet, installed: Installed) -> str | None:
    """Why an environment is another one than it is called; None where it has what was asked for."""
    if installed.wrong:
        return f"{installed.wrong[0]}; {shell.way_out(installed.wrong[0])}"
    for item in wanted.items:
        version = installed.packages.get(item.name or "")
        if item.name and not item.has(version):
            return f"{_instead(item.name, version, installed)}, where {item.text} was asked for"
    return None


def _instead(name: str, version: str | None, installed: Installed) -> str:
    """What an environment has in the place of what was asked for, and the way out."""
    where = installed.paths.get(name)
    pip_elsewhere = "see what pip config list says of target, prefix or root"
    if where is None:
        return f"it has no {name} ({pip_elsewhere})"
    return f"{where} is {name} {version} ({shell.way_out(where)}; or, if pip installs elsewhere, {pip_elsewhere})"


def resolved(wanted: RequirementSet, python: Path) -> tuple[str, ...]:
    """What would be installed now over what `python` sees, as `name==version`; raises as `build` does."""
    with _explained(wanted), TemporaryDirectory(prefix="looptax-") as scratch:
        limits = _constraints(Path(scratch))
        arguments = _with_copies(wanted, Path(scratch))
        return pip.resolve(arguments, python=python, constraints=limits, only_wheels=not wanted.is_source)


def _install(wanted: RequirementSet, python: Path) -> tuple[str, ...]:
    with _explained(wanted), TemporaryDirectory(prefix="looptax-") as scratch:
        limits = _constraints(Path(scratch))
        arguments = _with_copies(wanted, Path(scratch))
        return pip.install(arguments, python=python, constraints=limits, only_wheels=not wanted.is_source)


@contextmanager
def _explained(wanted: RequirementSet) -> Iterator[None]:
    """Add to pip's reason what is known to be needed beside what is asked for."""
    try:
        yield
    except UninstallableError as error:
        hints = _broken({**overlay.base_packages(), **wanted.pins}, wanted.names)
        raise UninstallableError("; ".join([str(error).rstrip("."), *hints]) + ".") from None


def _constraints(folder: Path) -> Path:
    """Write the constraint that torch stays what it is, on top of the user's own; returns its file."""
    path = folder / "constraints.txt"
    base = overlay.base_packages()
    path.write_text(f"torch=={base['torch']}\n" if "torch" in base else "")
    return path


def _certain(wanted: RequirementSet) -> frozenset[str]:
    """The packages whose rules can be judged before anything is installed: all that is asked for has its version."""
    return frozenset(wanted.pins) if set(wanted.pins) == wanted.names and not wanted.is_source else frozenset()


def _with_copies(wanted: RequirementSet, scratch: Path) -> list[str]:
    """Pip's arguments, with a copy in the place of each checkout, so that building leaves that as it is."""
    copies: dict[str, str] = {}
    for index, item in enumerate(wanted.items):
        tree = Path(item.argument)
        if item.is_source and checkouts.is_checkout(tree):
            target = scratch / str(index) / tree.name
            checkouts.copy(tree, target)
            copies[item.argument] = str(target)
    return [copies.get(argument, argument) for argument in wanted.arguments]


def _refuse_broken(wanted: RequirementSet, packages: Mapping[str, str], changed: Set[str]) -> None:
    hints = _broken(packages, changed)
    if hints:
        raise UninstallableError(f"{' '.join(wanted.texts)} cannot work here: {'; '.join(hints)}.")


def _broken(packages: Mapping[str, str], changed: Set[str]) -> list[str]:
    seen = {**packages, "python": platform.python_version()}
    return [rule.sentence(seen) for rule in compatibility.broken(seen) if rule.package in changed]
