"""What of the user's shell reaches the processes that measure: all, but for what would move their imports."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import bench

MOVES_IMPORTS = (
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONPLATLIBDIR",
    "PYTHONUSERBASE",
    "PYTHONEXECUTABLE",
    "__PYVENV_LAUNCHER__",
    "PYTHONSTARTUP",
    "PYTHONINSPECT",
)
"""Variables by which a Python imports from elsewhere, or runs something of the user's beside what it is asked for."""


def python_path() -> list[str]:
    """The entries of PYTHONPATH, as this process has them."""
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return [str(Path(entry).resolve()) for entry in entries if entry]


def variables(python: str) -> dict[str, str]:
    """The environment variables for a process of `python`.

    The current interpreter gets all, with PYTHONPATH resolved, since a child may change its folder. Nothing
    is added: Accelerate searches the whole import path in every step, so that each entry of ours would be
    charged to it.
    """
    if python != sys.executable:
        return of_overlays()
    entries = python_path()
    return dict(os.environ) | ({"PYTHONPATH": os.pathsep.join(entries)} if entries else {})


def of_overlays() -> dict[str, str]:
    """The same for all overlays: none that moves imports, since it would win over an overlay's own packages.

    What PYTHONPATH names they see all the same, behind these (`overlay.create`).
    """
    return {name: value for name, value in os.environ.items() if name not in MOVES_IMPORTS}


def other_harness(path: str) -> str | None:
    """Why the looptax of a child, which is at `path`, does not count; None where it is this one."""
    own = Path(str(bench.__file__)).resolve()
    if Path(path).resolve() == own:
        return None
    return (
        f"this is the looptax of {own}, and what measures is that of {path}: pip install -e . in the one that is meant"
    )


def entry_of(text: str) -> str | None:
    """The entry of PYTHONPATH that a module whose file is named in `text` lies in; None where it lies elsewhere."""
    file = r"/[^/\s]+(/__init__)?\.\w+"  # and no deeper: the environment itself may be in such a folder
    return next((entry for entry in python_path() if re.search(re.escape(entry) + file, text)), None)


def way_out(text: str) -> str:
    """How to mend that something is imported from a place that is named in `text`."""
    entry = entry_of(text)
    if entry is not None:
        return f"take {entry} out of PYTHONPATH"
    if " was installed as " in text:
        return "install it again, so that its metadata says what it is (pip install -e for a checkout)"
    return "take its folder off Python's import path, where a .pth file or a sitecustomize may have put it"
