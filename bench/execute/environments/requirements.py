"""What a user asks an environment for: one text of requirements, wheels and checkouts, or a requirements file."""

from __future__ import annotations

import hashlib
import os
import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from bench.errors import UsageError
from bench.execute.environments import checkouts, overlay
from bench.records.foreign_text import without_secrets


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One thing that is asked for."""

    text: str  # as it is recorded, without passwords
    argument: str  # as pip takes it
    name: str | None = None  # normalised; None for what only its build will tell
    pin: str | None = None
    digest: str = ""  # of a local file's content
    is_fixed: bool = False  # it means the same tomorrow, whatever an index then has
    is_source: bool = False  # it is built here, so that pip must not be held to wheels
    versions: str = ""  # the specifier that it has to satisfy

    def has(self, version: str | None) -> bool:
        """Whether this version of it, None where it is not there, is what is asked for."""
        return version is not None and SpecifierSet(self.versions).contains(version, prereleases=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class RequirementSet:
    """All that is asked for, and the arguments of `pip install` that say so."""

    items: tuple[Item, ...]
    arguments: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """What the user wrote."""
        return tuple(item.text for item in self.items)

    @property
    def names(self) -> frozenset[str]:
        """The distributions that are named, normalised."""
        return frozenset(item.name for item in self.items if item.name)

    @property
    def pins(self) -> dict[str, str]:
        """The versions that are fixed by the texts, by name."""
        return {item.name: item.pin for item in self.items if item.name and item.pin}

    @property
    def is_fixed(self) -> bool:
        """Whether the texts alone fix what is meant, so that no index need be asked again."""
        return all(item.is_fixed for item in self.items)

    @property
    def is_source(self) -> bool:
        """Whether anything of it is built here."""
        return any(item.is_source for item in self.items)


def parse(text: str) -> RequirementSet:
    """Several requirements, wheel files or checkouts in one text, split as a shell would split it.

    Raises `UsageError` for what is none of them, and for another torch: it has to stay the same binary.
    """
    tokens = _tokens(text)
    option = next((token for token in tokens if token.startswith("-")), None)
    if option is not None:
        raise UsageError(
            f"{option} in {text!r} is an option of pip: name packages, wheels and checkouts; options stand in the "
            "environment (PIP_INDEX_URL), in pip's configuration or in a requirements file."
        )
    items = tuple(_item(token) for token in tokens)
    _refuse_other_torch(items)
    return RequirementSet(items=items, arguments=tuple(item.argument for item in items))


def _tokens(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"{text!r} cannot be taken apart ({error}): close its quotes.") from None


def parse_file(path: Path) -> RequirementSet:
    """The requirements of a file, which pip reads itself; raises `UsageError` as `parse` does."""
    if not path.is_file():
        raise UsageError(f"The requirements file {path} is not there; give the path of one that is.")
    lines = [line.partition(" #")[0].strip() for line in _read(path).replace("\\\n", " ").splitlines()]
    items = tuple(_item(line) for line in lines if line and not line.startswith("#"))
    _refuse_other_torch(items)
    return RequirementSet(items=items, arguments=("--requirement", str(path.resolve())))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsageError(f"The requirements file {path} cannot be read ({error}); write it as UTF-8.") from None


def _refuse_other_torch(items: tuple[Item, ...]) -> None:
    """Requirements that the installed torch satisfies, as a lock file has one, ask for nothing."""
    named = [item for item in items if item.name == "torch"]
    installed = overlay.base_packages().get("torch") if named else None
    other = [item for item in named if not _is_satisfied(item, installed)]
    if other:
        raise UsageError(
            f"{other[0].text} is not the torch that is installed, {installed}, which all environments keep so that "
            "they run the same binary; leave torch out, or run looptax from an environment that has the other torch."
        )


def _is_satisfied(item: Item, installed: str | None) -> bool:
    is_local = item.is_source or item.digest != ""
    return not is_local and Requirement(item.text.partition(" --")[0]).specifier.contains(
        installed or "0", prereleases=True
    )


def _item(token: str) -> Item:
    item = _read_item(token)
    return replace(item, text=without_secrets(item.text))


def _read_item(token: str) -> Item:
    if "\0" in token:
        raise UsageError(f"{token!r} is no requirement and no path: it has a NUL in it.")
    if token.startswith("-"):  # an option in a requirements file: only pip knows what it brings
        return Item(text=token, argument=token, is_source=True)
    path = Path(os.path.expanduser(token))  # noqa: PTH111 - pathlib's raises for the home of a user who is not there
    if token.endswith(".whl") and "://" not in token:
        return _wheel(token, path)
    if checkouts.is_checkout(path):
        tree = path.resolve()
        return Item(text=token, argument=str(tree), digest=checkouts.digest(tree), is_fixed=True, is_source=True)
    return _requirement(token)


def _requirement(token: str) -> Item:
    try:
        requirement = Requirement(token.partition(" --")[0])
    except InvalidRequirement as error:
        raise UsageError(
            f"{token!r} is neither a requirement nor a wheel nor a checkout ({str(error).splitlines()[0]}); "
            "write transformers==4.46.3, or the path of a wheel or of a folder with a pyproject.toml."
        ) from None
    if requirement.marker is not None and not requirement.marker.evaluate():
        return Item(text=token, argument=token, is_fixed=True)  # pip leaves it out here
    pin = _pin(requirement)
    return Item(
        text=token,
        argument=token,
        name=canonicalize_name(requirement.name),
        pin=pin,
        is_fixed=pin is not None,
        is_source=requirement.url is not None,
        versions=str(requirement.specifier),
    )


def _pin(requirement: Requirement) -> str | None:
    specifiers = list(requirement.specifier)
    if len(specifiers) != 1 or specifiers[0].operator not in {"==", "==="} or "*" in specifiers[0].version:
        return None
    return specifiers[0].version


def _wheel(token: str, path: Path) -> Item:
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except (InvalidWheelFilename, OSError, ValueError) as error:
        raise UsageError(f"The wheel {token} cannot be used ({error}); give the path of one that was built.") from None
    pin, argument = str(version), str(path.resolve())
    return Item(
        text=token, argument=argument, name=name, pin=pin, digest=digest, is_fixed=True, versions=f"=={version}"
    )
