"""Tests that need packages which frameworks would import wherever they are measured, in an overlay that has them."""

import os
import subprocess

import pytest

from bench.errors import IndexUnreachableError
from bench.execute.environments import cache
from tests.verbs import ROOT, SOURCES

PACKAGES = "pyarrow tensorboard"

pytestmark = [pytest.mark.slow, pytest.mark.network]


def test_parquet_and_tensorboard_hold_what_was_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path / "cache"))
    try:
        python = cache.obtain(PACKAGES).python
    except IndexUnreachableError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [python, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "tests/report/export"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCES},
    )
    assert done.returncode == 0, done.stdout
    for package in PACKAGES.split():
        assert f"{package} is not installed" not in done.stdout
