"""Wheels and checkouts made by hand, so that no test needs a build backend or a network; and a look from inside."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records.schema import Environment

BACKEND = """
import pathlib
from tests.execute.environments import wheels

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    pathlib.Path("build").mkdir(exist_ok=True)  # as setuptools does
    files = {"tiny.py": pathlib.Path("tiny.py").read_text()}
    return wheels.wheel(pathlib.Path(wheel_directory), "tiny", "1.0", files).name
"""


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str] = {}, requires: Sequence[str] = ()) -> Path:
    """A wheel of pure Python with these modules."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*contents, f"{info}/RECORD"])
    path = of(folder, f"{name}=={version}")
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in contents.items():
            archive.writestr(member, text)
    return path


def of(folder: Path, pin: str) -> Path:
    """The wheel of what is pinned as `name==version`."""
    return folder / f"{pin.replace('==', '-')}-py3-none-any.whl"


def unpack(wheel: Path, python: Path) -> None:
    """Put the content of a wheel where an environment's interpreter has its own packages."""
    (packages,) = python.parent.parent.glob("lib/*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)


def checkout(folder: Path, value: int) -> Path:
    """A source tree of the package `tiny`, with a build backend of its own."""
    folder.mkdir()
    root = Path(__file__).parent.parent.parent.parent
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "tiny"\nversion = "1.0"\n'
    )
    (folder / "backend.py").write_text(f"import sys; sys.path.append({str(root)!r})\n{BACKEND}")
    (folder / "tiny.py").write_text(f"VALUE = {value}\n")
    return folder


def seen_by(environment: Environment, expression: str) -> object:
    """The value of an expression in an environment, as JSON carries it."""
    code = f"import importlib.util, json, sys; print(json.dumps({expression}))"
    command = [environment.python, "-P", "-W", "error", "-c", code]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
