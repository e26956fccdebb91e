"""Describes the machine, as torch sees it: `python -m bench.host.machine` prints it as JSON.

Run in a process of its own, so that the one that plans and reports never imports torch and never
touches an accelerator.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch

import bench
from bench.host import container, imported
from bench.plan import variables


def describe() -> dict[str, Any]:
    """The fields of `records.schema.Machine`, `packages`, and where those that are measured, and looptax, come from."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "cpu": _cpu_model(),
        "logical_cpus": os.cpu_count() or 1,
        "usable_cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory_bytes": _memory_bytes(),
        "accelerators": _accelerators(),
        "torch_build": _torch_build(),
        "variables": variables.changing(os.environ),
        "left_out": variables.of_launchers(os.environ),
        "packages": {distribution.name: distribution.version for distribution in imported.distributions().values()},
        "seen": imported.seen(imported.MEASURED),
        "harness": bench.__file__,
    }


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_bytes() -> int | None:
    """The machine's, or what a container may have of it."""
    limits = [container.memory_bytes()]
    if "SC_PHYS_PAGES" in getattr(os, "sysconf_names", {}):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min((limit for limit in limits if limit is not None), default=None)


def _accelerators() -> list[dict[str, str | None]]:
    accelerators: list[dict[str, str | None]] = []
    for kind in ("cuda", "xpu"):
        module = getattr(torch, kind, None)
        if module is not None and module.is_available():
            accelerators += [
                {"device": f"{kind}:{index}", "name": module.get_device_name(index), "uuid": _uuid(module, index)}
                for index in range(module.device_count())
            ]
    if torch.backends.mps.is_available():
        accelerators.append({"device": "mps:0", "name": platform.processor() or "Apple GPU"})
    return accelerators


def _uuid(module: Any, index: int) -> str | None:
    """As NVML has it; torch tells it without the prefix, and only of late."""
    uuid = getattr(module.get_device_properties(index), "uuid", None) if module is torch.cuda else None
    return None if uuid is None else f"GPU-{uuid}"


def _torch_build() -> str:
    versions = {
        "CUDA": torch.version.cuda,
        "ROCm": torch.version.hip,
        "XPU": getattr(torch.version, "xpu", None),  # since 2.5
        "MPS": "" if torch.backends.mps.is_built() else None,
    }
    built_for = (f"{kind} {version}".strip() for kind, version in versions.items() if version is not None)
    return f"{torch.__version__}, {next(built_for, 'CPU only')}"


if __name__ == "__main__":
    json.dump(describe(), sys.stdout)
