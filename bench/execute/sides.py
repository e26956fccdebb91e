"""The environments of a comparison, as a run records them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from bench.execute import environments
from bench.execute.build import Environment as Overlay
from bench.records.schema import Environment


def side(text: str) -> Environment:
    """The environment that `text` asks for; raises as `environments.obtain` does.

    The current environment takes part as an overlay that moves nothing, so that no side has a
    shorter import path than the other.
    """
    found = environments.control() if text.strip() == environments.CURRENT else environments.obtain(text)
    return _recorded(found)


def from_requirements(path: Path) -> Environment:
    """The environment of a requirements file; raises as `environments.from_requirements` does."""
    return _recorded(environments.from_requirements(path))


def _recorded(found: Overlay) -> Environment:
    return Environment.model_validate(asdict(found))
