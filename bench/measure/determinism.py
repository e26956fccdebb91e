"""What makes two runs of a script comparable to the last bit, as far as it is in torch's hands and not the script's."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import attrgetter

import torch

from bench.measure.batches import short_digest


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Seed all random generators, and let torch choose deterministic kernels meanwhile, where an operator has one."""
    # Deterministic matrix products on CUDA need it, before the first one.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.manual_seed(seed)
    random.seed(seed)
    numpy = sys.modules.get("numpy")  # if the script has not imported it by now, it isn't what draws for its loader
    if numpy is not None:
        numpy.random.seed(seed)
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    # An operator that has no deterministic kernel is the script's own choice, and no reason to fail it.
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def random_state(device: torch.device) -> str:
    """A digest of the states of torch's random generators: the host's, and that of an accelerator in use."""
    states = [torch.get_rng_state()]
    module = getattr(torch, device.type, None)
    if module is not None and hasattr(module, "get_rng_state"):
        states.append(module.get_rng_state())
    return short_digest(*(state.numpy().tobytes() for state in states))


def has_compiled() -> bool:
    """Whether torch.compile has compiled anything in this process; its table of counters is torch's own account.

    Of graphs, since not every frame that is compiled is counted there: one with `fullgraph` is not.
    """
    dynamo = sys.modules.get("torch._dynamo.utils")
    return bool(dynamo and dynamo.counters["stats"]["unique_graphs"])


def flags() -> dict[str, str]:
    """Torch's global switches that decide which kernels compute."""
    return {
        "deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
        "float32 matmul precision": _or_of_2_9(torch.get_float32_matmul_precision, "cuda.matmul"),
        "cudnn.benchmark": str(torch.backends.cudnn.benchmark),
        "cudnn.allow_tf32": _or_of_2_9(lambda: torch.backends.cudnn.allow_tf32, "cudnn.conv"),
        "threads": str(torch.get_num_threads()),
    }


def _or_of_2_9(switch: Callable[[], object], name: str) -> str:
    """A switch of torch's; where the API that came with 2.9 has set it, as Trainer does, the old one only raises."""
    try:
        return str(switch())
    except RuntimeError:
        return str(attrgetter(f"{name}.fp32_precision")(torch.backends))
