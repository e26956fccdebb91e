"""Files that hide Python's own modules, since they come before them on the import path.

Nothing is imported but what Python has loaded itself: all else may be what is hidden.
"""

from __future__ import annotations

import os
import sys


def hiding(text: str) -> str | None:
    """Which file is in the way of which module that `text`, an error's, is about, and the way out."""
    path = next((path for path in shadows() if path in text or f"'{_module(path)}'" in text), None)
    if path is None:
        return None
    folder = os.path.dirname(path)
    entries = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    way_out = "out of PYTHONPATH" if folder in entries else "off Python's import path"
    return f"{path} hides Python's own {_module(path)}: rename it, or take {folder} {way_out}."


def shadows() -> list[str]:
    """Files and packages on the import path that come before modules of Python's own of their name."""
    library = os.path.dirname(os.__file__)
    folders = [os.path.abspath(folder) for folder in sys.path]
    before = folders[: folders.index(library)] if library in folders else []
    files = [os.path.join(folder, name) for folder in before for name in _listed(folder)]
    return [path for path in files if _hides(path)]


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:  # a zip file, or what is no longer there
        return []


def _hides(path: str) -> bool:
    _, _, suffix = os.path.basename(path).partition(".")
    is_module = suffix == "py" or suffix.endswith("so") or os.path.isfile(os.path.join(path, "__init__.py"))
    return is_module and _module(path) in sys.stdlib_module_names


def _module(path: str) -> str:
    return os.path.basename(path).partition(".")[0]
