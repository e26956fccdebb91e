"""Which process of a worker to start: its Python, its place in memory, and the variables that it sees."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.execute.shell import variables
from bench.plan.devices import visibility
from bench.plan.schedule import Layout
from bench.plan.variables import without_launchers


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """Which process to start: a Python, what it sees, and how it is laid out in memory."""

    device: str
    threads: int
    layout: Layout
    python: str = sys.executable
    packages: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that are compared, by normalised name: those that it has to import."""
    compiled_in: str | None = None
    """The folder of code that `torch.compile` makes; None is torch's own."""


def environment(spec: Spec) -> dict[str, str]:
    """The environment variables of a worker: the user's own, with what the method fixes."""
    fixed = {
        "PYTHONHASHSEED": str(spec.layout.hash_seed),
        "LOOPTAX_PADDING": "x" * spec.layout.padding_bytes,
        # More threads only add noise to loops that differ in Python; set before any library reads them.
        "OMP_NUM_THREADS": str(spec.threads),
        "MKL_NUM_THREADS": str(spec.threads),
        # Lets torch see cards without initialising the driver, which no fork would survive.
        "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
    }
    if spec.compiled_in is not None:
        fixed["TORCHINDUCTOR_CACHE_DIR"] = spec.compiled_in
    return {**without_launchers(variables(spec.python)), **fixed, **visibility(spec.device, dict(os.environ))}


def local(device: str) -> str:
    """The device as the worker knows it: only one card is visible there, and it has index 0."""
    return device.partition(":")[0]
