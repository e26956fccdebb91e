"""Asks a process of its own what this machine is, so that the parent never imports torch."""

from __future__ import annotations

import json
import subprocess
import sys

from bench.errors import DeviceError
from bench.execute.workers.interpreter import base_environment
from bench.records.schema import Machine


def machine() -> tuple[Machine, dict[str, str]]:
    """The machine, and the version of every installed package; raises `DeviceError` where torch cannot be imported."""
    command = [sys.executable, "-m", "bench.measure.machine"]
    done = subprocess.run(command, capture_output=True, text=True, env=base_environment(), check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DeviceError(f"torch cannot be used in this environment ({reason}): pip install torch.")
    described = json.loads(done.stdout.splitlines()[-1])
    packages = described.pop("packages")
    return Machine.model_validate(described), packages


def git_revision() -> str | None:
    """The revision of the checkout in the current folder, marked where it is changed; None outside of one.

    Results do not count as a change: every run rewrites their index.
    """
    revision = _git("rev-parse", "--short", "HEAD")
    if not revision:
        return None
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":(exclude)results")
    return f"{revision}-dirty" if changed else revision


def _git(*arguments: str) -> str | None:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
