"""The workloads by name; each is loaded only when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainloops.contract import Workload

MODULES = {"mlp": "trainloops.workloads.mlp", "mlp-wide": "trainloops.workloads.mlp_wide"}


def load(name: str) -> Workload:
    """Return the workload called `name`; raises `KeyError` for a name that is none."""
    workload: Workload = import_module(MODULES[name]).WORKLOAD
    return workload
