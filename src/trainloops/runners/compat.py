"""Bridges between releases of the frameworks, each named after the release that forced it.

Imports no framework itself: it looks at what the calling runner has imported already.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainloops.contract import Batch, Job, Parts

if TYPE_CHECKING:
    import torch
    from torch import nn


def accelerate_0_30_non_blocking(job: Job) -> dict[str, Any]:
    """`Accelerator` arguments for asynchronous copies to the device; older releases always block."""
    configuration: Any = getattr(sys.modules["accelerate"].utils, "DataLoaderConfiguration", None)
    if not job.pins_memory or not _has_field(configuration, "non_blocking"):
        return {}
    return {"dataloader_config": configuration(non_blocking=True)}


@contextmanager
def accelerate_0_18_exact_float32() -> Iterator[None]:
    """Let CUDA go on to multiply float32 exactly: Accelerate and Trainer choose TF32 once they are to compile."""
    torch = sys.modules["torch"]
    matmul, general = torch.backends.cuda.matmul, getattr(torch.backends, "fp32_precision", None)  # since torch 2.9
    is_exact = not matmul.allow_tf32 if general is None else matmul.fp32_precision != "tf32"
    yield
    if general is not None:
        torch.backends.fp32_precision = general  # the first, since it sets the others
    if is_exact:
        torch.set_float32_matmul_precision("highest")


def transformers_4_41_non_blocking(job: Job) -> dict[str, Any]:
    """`TrainingArguments` for asynchronous copies to the device; older releases always block."""
    configuration = getattr(sys.modules["transformers.trainer_pt_utils"], "AcceleratorConfig", None)
    if not job.pins_memory or not _has_field(configuration, "non_blocking"):
        return {}
    return {"accelerator_config": {"non_blocking": True}}


def transformers_4_46_averaged(job: Job, parts: Parts) -> Parts:
    """Parts whose loss is divided by the accumulation steps, for the releases that forget to.

    4.46 and 4.47 sum the gradients of micro-batches where every other release averages them, and
    leave the division to a loss that uses `num_items_in_batch` (huggingface/transformers#35438).
    """
    if job.grad_accumulation == 1 or _release("transformers") not in {(4, 46), (4, 47)}:
        return parts

    def averaged(model: nn.Module, batch: Batch) -> torch.Tensor:
        return parts.loss(model, batch) / job.grad_accumulation

    return dataclasses.replace(parts, loss=averaged)


def _release(package: str) -> tuple[int, ...]:
    """The first two numbers of a package's version."""
    return tuple(int(number) for number in sys.modules[package].__version__.split(".")[:2])


def _has_field(configuration: Any, name: str) -> bool:
    return configuration is not None and name in {field.name for field in dataclasses.fields(configuration)}
