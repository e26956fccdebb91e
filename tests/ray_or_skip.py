"""Ray, where it is installed."""

import sys
from types import ModuleType

import pytest


def ray(module: str) -> ModuleType:
    """A module of Ray, which puts packages of its own on the import path, where other tests must not find them."""
    before = sys.path[:]
    try:
        part: ModuleType = pytest.importorskip(f"ray.{module}", reason="needs Ray: pip install looptax[ray]")
    finally:
        sys.path[:] = before
    return part
