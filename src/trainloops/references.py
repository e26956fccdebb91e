"""Where something lives: `package.module:attribute`, or `path/to/file.py:attribute` in a file of the user's own.

What is built in has a name that stands for such a reference; whatever else a user gives is one itself.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from importlib import import_module, util
from importlib.machinery import PathFinder
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """What a name stands for, and the packages (as pip names them) that it needs beside torch."""

    where: str
    needs: tuple[str, ...] = ()


class Reference(NamedTuple):
    """A reference taken apart."""

    place: str
    """The path of a Python file, or the dotted name of a module."""
    attribute: str
    """What is meant in there; empty where that was left out."""

    @property
    def is_file(self) -> bool:
        """Whether its place is a file, and not the name of a module."""
        return self.place.endswith(".py")


def is_reference(name: str) -> bool:
    """Whether `name` says where something lives, and is no name of something built in or installed."""
    return name.endswith(".py") or ":" in name


def parse(text: str) -> Reference:
    """Take a reference apart; a path may have colons of its own."""
    if text.endswith(".py"):
        return Reference(text, "")
    place, colon, attribute = text.rpartition(":")
    return Reference(place, attribute) if colon else Reference(text, "")


def resolved(name: str) -> str:
    """The same with the whole path of its file, which means the same wherever a process stands."""
    place, attribute = parse(name)
    if not is_reference(name) or not place.endswith(".py"):
        return name
    path = str(Path(place).resolve())
    return f"{path}:{attribute}" if attribute else path


def load(text: str, *, usual: str = "") -> Any:
    """Import what a reference means; `usual` is its attribute where none is named.

    Raises `ImportError` where its place cannot be imported, and `AttributeError` where that has no such attribute.
    """
    reference = parse(text)
    attribute = reference.attribute or usual
    if not attribute or not reference.place:
        raise ImportError(f"{text} names no function: write it as path/to/file.py:function or package.module:function")
    module = _imported(str(Path(reference.place).resolve())) if reference.is_file else import_module(reference.place)
    return attrgetter(attribute)(module)


@cache
def _imported(path: str) -> ModuleType:
    """The module of a file, imported once; it may import its neighbours, as a script may."""
    file = Path(path)
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))  # behind everything, so that it hides nothing
    name = _name_of(file)
    spec = util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not file.is_file():
        raise ImportError(f"{path} is not a Python file that can be read")
    module = util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickle look for it
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _name_of(file: Path) -> str:
    """The name that an import would give it, by which other processes find it; its path where others have that name."""
    usual = file.stem
    if usual in sys.modules or usual in sys.stdlib_module_names or not usual.isidentifier():
        return str(file)
    spec = PathFinder.find_spec(usual)
    return usual if spec is not None and spec.origin == str(file) else str(file)
