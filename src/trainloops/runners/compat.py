"""Bridges between releases of the frameworks, each named after the release that forced it.

Imports no framework itself: it looks at what the calling runner has imported already.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

from trainloops.contract import Job


def accelerate_0_30_non_blocking(job: Job) -> dict[str, Any]:
    """`Accelerator` arguments for asynchronous copies to the device; older releases always block."""
    configuration: Any = getattr(sys.modules["accelerate"].utils, "DataLoaderConfiguration", None)
    if not job.on_accelerator or not _has_field(configuration, "non_blocking"):
        return {}
    return {"dataloader_config": configuration(non_blocking=True)}


def transformers_4_41_non_blocking(job: Job) -> dict[str, Any]:
    """`TrainingArguments` for asynchronous copies to the device; older releases always block."""
    configuration = getattr(sys.modules["transformers.trainer_pt_utils"], "AcceleratorConfig", None)
    if not job.on_accelerator or not _has_field(configuration, "non_blocking"):
        return {}
    return {"accelerator_config": {"non_blocking": True}}


def _has_field(configuration: Any, name: str) -> bool:
    return configuration is not None and name in {field.name for field in dataclasses.fields(configuration)}
