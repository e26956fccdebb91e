"""Asks a process of its own what this machine is, so that the parent never imports torch."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from importlib.util import find_spec

from bench.errors import DeviceError
from bench.execute import shell
from bench.execute.shell import entry_of, variables, way_out
from bench.host import shadows
from bench.records.schema import Machine


def machine() -> tuple[Machine, dict[str, str]]:
    """The machine, and the version of every installed package.

    Raises `DeviceError` where torch cannot be imported, and where a package that is measured would come
    from elsewhere than it is installed.
    """
    command = [sys.executable, "-P", "-m", "bench.host.machine"]
    done = subprocess.run(command, capture_output=True, text=True, env=variables(sys.executable), check=False)
    if done.returncode != 0:
        raise _unusable(done.stderr.strip().splitlines() or ["no reason given"])
    described = json.loads(done.stdout.splitlines()[-1])
    packages, seen, harness = (described.pop(key) for key in ("packages", "seen", "harness"))
    other = shell.other_harness(harness)
    if other is not None:
        raise DeviceError(f"{other}.")
    wrong = next((package["wrong"] for package in seen.values() if "wrong" in package), None)
    if wrong is not None:
        raise DeviceError(f"{wrong}: {way_out(wrong)}.")
    for name, facts in seen.items():
        entry = entry_of(facts["path"])
        if entry is not None:
            warnings.warn(
                f"the current environment's {name} is {facts['version']} from {entry}, which PYTHONPATH names.",
                stacklevel=2,
            )
    return Machine.model_validate(described), packages


def _unusable(lines: list[str]) -> DeviceError:
    """Why the machine cannot be described, by the lines of its traceback."""
    hidden = shadows.hiding("\n".join(lines))
    if hidden is not None:
        return DeviceError(hidden)
    if "No module named 'torch'" in lines[-1]:
        return DeviceError("torch is not installed in this environment: pip install torch.")
    if "No module named 'bench'" in lines[-1]:
        return DeviceError("looptax is not installed in this environment: pip install -e . in its own folder.")
    spec = find_spec("torch")
    where = "" if spec is None or spec.origin is None else f" of {spec.origin}"
    entry = entry_of(where)
    mend = "install it again" if entry is None else f"take {entry} out of PYTHONPATH"
    return DeviceError(f"the torch{where} cannot be used ({lines[-1]}): {mend}.")


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
    # A checkout of somebody else's may name a program as its monitor of files.
    command = ["git", "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
