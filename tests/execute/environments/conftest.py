"""An index that is a folder, an empty cache, and pip under watch."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.execute.environments import cache, pip, requirements
from bench.records.schema import Environment
from tests.execute.environments import wheels

SETTINGS_OF_PIP = [name for name in os.environ if name.startswith("PIP_")]


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A folder of wheels that is all the index there is, and an empty cache."""
    for name in SETTINGS_OF_PIP:
        monkeypatch.delenv(name)
    folder = tmp_path / "shelf"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    # Else pip reads what each installed package needs, which takes longer than all else. A "no" is set by a 0.
    monkeypatch.setenv("PIP_NO_WARN_CONFLICTS", "0")
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def no_pip(monkeypatch):
    """Make every use of pip an error; returns the function that starts this."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("pip was run")

    return lambda: monkeypatch.setattr(pip, "_pip", refuse)


@pytest.fixture
def unpacks(shelf, monkeypatch):
    """Unpack the wheel that is named in the place of pip, whose start takes 2 s, where a test is about what follows."""

    def install(arguments: Sequence[str], *, python: Path, **_: object) -> tuple[str, ...]:
        (named,) = arguments
        wheels.unpack(Path(named) if named.endswith(".whl") else wheels.of(shelf, named), python)
        return ()

    monkeypatch.setattr(pip, "install", install)


@pytest.fixture
def builds(monkeypatch) -> list[str]:
    """Let a file stand for each environment; the list tells what was built."""
    built: list[str] = []

    def build(folder: Path, wanted: requirements.RequirementSet) -> Environment:
        built.append(" ".join(wanted.texts))
        folder.mkdir(exist_ok=True)
        python = folder / "python"
        python.touch()
        return Environment(name="", python=str(python), requirements=list(wanted.texts), packages={"tiny": "1.0"})

    monkeypatch.setattr(cache, "build", build)
    monkeypatch.setattr(cache, "_is_as_stored", lambda *_: True)  # a file tells nothing
    return built
