"""A virtual environment over the current one: its own packages win, all others are the current ones.

Torch is therefore the same binary in every environment, and an overlay is tens of megabytes.
"""

from __future__ import annotations

import json
import os
import site
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from bench.errors import UninstallableError
from bench.execute.log import run
from bench.execute.shell import python_path, variables

# The last in alphabetical order: Python reads .pth files so, and a checkout's own comes first.
PTH = "zzz-looptax-base.pth"

# What shows that a release works with this Python and this torch. Transformers imports lazily, so
# that its own import shows nothing.
PROBES = {
    "transformers": "from transformers import Trainer, TrainingArguments",
    "accelerate": "from accelerate import Accelerator",
    "pytorch-lightning": "from pytorch_lightning import Trainer; from lightning_fabric import Fabric",
    "lightning": "from lightning import Trainer, Fabric",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """What an interpreter sees: versions by normalised name, and which came from a path or a URL."""

    packages: dict[str, str]
    direct: frozenset[str]
    paths: dict[str, str]
    """Where a package that is measured or was asked for would be imported from."""
    wrong: tuple[str, ...]
    """What would be imported in the place of a package that is measured or was asked for."""


def base_folders() -> list[str]:
    """The folders that the current interpreter takes its packages from, in its order."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders = [site.getusersitepackages(), *folders]
    return [folder for folder in dict.fromkeys([*python_path(), *folders]) if Path(folder).is_dir()]


def base_packages() -> dict[str, str]:
    """Version of every package that the current interpreter imports, by normalised name."""
    return dict(_base(sys.executable, os.environ.get("PYTHONPATH", "")))


@cache
def _base(python: str, path: str) -> dict[str, str]:  # noqa: ARG001 - what is seen depends on both
    return read_back(Path(python)).packages


def create(folder: Path) -> Path:
    """Make an overlay that has nothing of its own yet, and return the path of its interpreter."""
    venv.EnvBuilder(symlinks=True, with_pip=False, clear=True).create(folder)
    own = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    # `addsitedir` and not a bare path: the current environment's own .pth files are read too, and
    # with them its editable installs, this one's among them.
    # What PYTHONPATH names is a part of the current environment, but must not come before the overlay's own.
    shell = python_path()
    lines = [
        f"import sys; sys.path.append({base!r})" if base in shell else f"import site; site.addsitedir({base!r})"
        for base in base_folders()
    ]
    (own / PTH).write_text("\n".join(lines) + "\n")
    return interpreter(folder)


def interpreter(folder: Path) -> Path:
    """The path of an overlay's Python."""
    return Path(sysconfig.get_path("scripts", "venv", vars={"base": str(folder)})) / "python"


def read_back(python: Path, names: Iterable[str] = ()) -> Installed:
    """What an interpreter sees, and what is wrong of the packages that are measured and of `names`.

    Raises `UninstallableError` where it does not start, and when its torch is another one than here.
    """
    done = _run(python, "-m", "bench.host.imported", *sorted(names))
    if done.returncode != 0:
        raise UninstallableError(f"The Python of an environment, {python}, does not start: {_last_line(done.stderr)}.")
    read = json.loads(done.stdout)
    current = find_spec("torch")
    torch = read["seen"].get("torch", {}).get("path")
    if current is not None and torch != os.path.realpath(current.origin or ""):
        raise UninstallableError(
            f"The environment would have another torch ({torch}), so that nothing could be compared; "
            "leave out what brings it."
        )
    wrong = tuple(package["wrong"] for package in read["seen"].values() if "wrong" in package)
    paths = {name: each["path"] for name, each in read["seen"].items()}
    return Installed(packages=read["packages"], direct=frozenset(read["direct"]), paths=paths, wrong=wrong)


def try_imports(python: Path, names: Iterable[str], packages: Mapping[str, str]) -> None:
    """Import each package that has a probe; raises `UninstallableError` with the reason of the first that fails."""
    for name in sorted(set(names) & set(PROBES)):
        done = _run(python, "-c", PROBES[name])
        if done.returncode != 0:
            raise UninstallableError(
                f"{name} {packages[name]} is installed but cannot be imported here: {_last_line(done.stderr)}."
            )


def _run(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P: a package in the folder where the user stands is none of the environment's.
    command = [str(python), "-P", *arguments]
    try:
        return run(command, env=variables(str(python)))
    except OSError as error:
        return subprocess.CompletedProcess(command, returncode=-1, stdout="", stderr=str(error.strerror))


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it gave no reason"
