"""Which Python function a piece of work is counted at, under a name that is the same on every machine.

Python's own library works for others: what happens inside it is counted at the nearest function
outside it that called it, because that is where it can be avoided. Without this, a package that
looks for a module at each step would show as calls "in importlib". Imports no torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path, PurePath
from types import CodeType, FrameType
from typing import NamedTuple, TypeVar

import trainloops

STANDARD_LIBRARY = str(Path(os.__file__).parent) + os.sep
INSTRUMENTS = str(Path(__file__).parent) + os.sep
BRIDGES = str(Path(trainloops.__path__[0]) / "runners" / "compat.py")

Wrapper = TypeVar("Wrapper", bound=Callable[..., object])
_wrappers: set[CodeType] = set()


class Site(NamedTuple):
    """A Python function."""

    file: str
    function: str
    """Its qualified name: `AcceleratedOptimizer.step`."""
    line: int
    """Its first line, decorators included."""

    @property
    def of_an_instrument(self) -> bool:
        """Whether it is one of ours."""
        return self.file.startswith(INSTRUMENTS)

    @property
    def of_a_bridge(self) -> bool:
        """Whether it bridges releases for a runner, which is neither the framework's work nor its user's."""
        return self.file == BRIDGES

    @property
    def named(self) -> Site:
        """The same with the file as it is imported: `transformers/trainer.py`."""
        return self._replace(file=_as_imported(self.file))


def site_of(frame: FrameType) -> Site:
    """Where to count what happens in `frame`."""
    code = frame.f_code
    while _serves_its_caller(code.co_filename) and frame.f_back is not None:
        frame = frame.f_back
        code = frame.f_code
    return Site(code.co_filename, code.co_qualname, code.co_firstlineno)


def runs_the_loop(wrapper: Wrapper) -> Wrapper:
    """Mark a function of an instrument that calls the loop's own code, which is not the instrument's work."""
    _wrappers.add(wrapper.__code__)
    return wrapper


def is_instruments_work(frame: FrameType) -> bool:
    """Whether an instrument of ours called what happens in `frame`, such as torch to wait for the device."""
    caller: FrameType | None = frame
    while caller is not None and not caller.f_code.co_filename.startswith(INSTRUMENTS):
        caller = caller.f_back
    return caller is not None and caller.f_code not in _wrappers


@cache
def _serves_its_caller(filename: str) -> bool:
    if filename.startswith("<"):  # `<frozen os>`, or generated, such as the `__init__` of a dataclass
        return True
    return filename.startswith(STANDARD_LIBRARY) and not {"site-packages", "dist-packages"} & set(
        PurePath(filename).parts
    )


def _as_imported(filename: str) -> str:
    path = PurePath(filename)
    roots = [root for root in sys.path if root and path.is_relative_to(root)]
    if roots:
        return path.relative_to(max(roots, key=len)).as_posix()
    return path.name if path.is_absolute() else path.as_posix()
