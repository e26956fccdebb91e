"""The environments of a comparison, as a run records them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from bench.execute.environments import cache
from bench.execute.environments.build import Environment as Overlay
from bench.records.schema import Environment


def environment_for(text: str) -> Environment:
    """The environment that `text` asks for; raises as `cache.obtain` does.

    The current environment takes part as an overlay that moves nothing, so that no side has a
    shorter import path than the other.
    """
    built = cache.control() if text.strip() == cache.CURRENT else cache.obtain(text)
    return _recorded(built)


def from_requirements(path: Path) -> Environment:
    """The environment of a requirements file; raises as `cache.from_requirements` does."""
    return _recorded(cache.from_requirements(path))


def _recorded(built: Overlay) -> Environment:
    return Environment.model_validate(asdict(built))
