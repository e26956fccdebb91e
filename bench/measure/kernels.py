"""What a loop asks of an accelerator: kernel launches, waits for the device, allocations.

Read from the runtime calls that torch's profiler records on the host side, because only they can
be put between two ticks; a captured graph is therefore one launch, whatever it holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch.optim import Optimizer
from torch.profiler import profile, record_function

from bench.measure.hooks import Step, after_each_step

TICK = "looptax::tick"
LAUNCHES = (
    *("cudaLaunchKernel", "cudaLaunchKernelExC", "cudaLaunchCooperativeKernel", "cudaGraphLaunch"),
    *("cuLaunchKernel", "cuLaunchKernelEx", "cuLaunchCooperativeKernel"),
    *("hipLaunchKernel", "hipExtLaunchKernel", "hipLaunchCooperativeKernel", "hipGraphLaunch"),
    *("hipModuleLaunchKernel", "hipExtModuleLaunchKernel", "hipModuleLaunchCooperativeKernel"),
)
WAITS = (
    *("cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaEventSynchronize", "cudaMemcpy"),
    *("cuCtxSynchronize", "cuStreamSynchronize", "cuEventSynchronize"),
    *("hipDeviceSynchronize", "hipStreamSynchronize", "hipEventSynchronize"),
    *("hipMemcpy", "hipMemcpyWithStream", "hipMemcpyDtoH"),  # torch's `.item()` for ROCm is the second
)
NAMES = ("kernels", "device_syncs", "allocations")
NO_PROFILER = (
    "torch's profiler saw no launch at all, so it did not come up: CUPTI is missing, may not be used here, or is "
    "another profiler's"
)
NO_STATISTICS = "torch's allocator counts nothing here (PYTORCH_ALLOC_CONF, PYTORCH_NO_CUDA_MEMORY_CACHING)"


class HostEvent(NamedTuple):
    """Something that the profiler saw the host do."""

    name: str
    start_us: float


def unavailable(device: str) -> dict[str, str]:
    """Why the counters of this file cannot be had on `device`, by name; empty where they can."""
    if device.partition(":")[0] == "cuda":
        return {}
    reason = "the device is the host" if device == "cpu" else "torch's profiler reports launches for CUDA and ROCm only"
    return dict.fromkeys(NAMES, reason)


def not_seen(counted: Collection[str]) -> dict[str, str]:
    """Why what was to be counted is not among what was, by name."""
    reasons = dict.fromkeys(NAMES, NO_PROFILER) | {"allocations": NO_STATISTICS}
    return {name: reason for name, reason in reasons.items() if name not in counted}


@contextmanager
def counting_kernels(*, device: str) -> Iterator[list[Step]]:
    """Fill in the counts of all steps when left: launches and waits by runtime function, and allocations.

    No loop trains on a device without a single launch, or without an allocation: where there is none in
    all steps, what was to tell of them did not, and the steps have no such count.
    """
    steps: list[Step] = []
    allocations = [_allocations_so_far(device)]

    def tick(_: Optimizer) -> None:
        allocations.append(_allocations_so_far(device))
        with record_function(TICK):
            pass

    with profile() as recording, after_each_step(tick):
        yield steps
    counted = per_step(host_events(recording.events()))
    saw_launches, saw_allocations = any(step["kernels"] for step in counted), allocations[-1] > allocations[0]
    for step, (before, after) in zip(counted, pairwise(allocations), strict=True):
        steps.append(
            {
                **(step if saw_launches else {}),
                **({"allocations": {"allocations": after - before}} if saw_allocations else {}),
            }
        )


def _allocations_so_far(device: str) -> int:
    return int(torch.cuda.memory_stats(device).get("allocation.all.allocated", 0))


def host_events(events: Iterable[Any]) -> list[HostEvent]:
    """The host's events by time; the profiler repeats annotations such as the tick on the device's side."""
    on_host = (event for event in events if event.device_type.name == "CPU")
    return sorted(
        (HostEvent(event.name, event.time_range.start) for event in on_host), key=lambda event: event.start_us
    )


def per_step(events: Iterable[HostEvent]) -> list[Step]:
    """`kernels` and `device_syncs` by runtime function, one entry for each tick: all since the tick before."""
    steps: list[Step] = []
    now = _empty_step()
    for event in events:
        if event.name in LAUNCHES:
            now["kernels"][event.name] += 1
        elif event.name in WAITS:
            now["device_syncs"][event.name] += 1
        elif event.name == TICK:
            steps.append(now)
            now = _empty_step()
    return steps


def _empty_step() -> Step:
    return {"kernels": Counter(), "device_syncs": Counter()}
