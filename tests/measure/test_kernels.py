"""Launches and waits, counted from the events that torch's profiler gives where CUPTI tells it of a card.

No card is here, so every name is that of a source (pytorch/kineto unless it is said):
- calls of the runtime, and which of them kineto leaves out: `libkineto/src/CuptiCbidRegistry.cpp` and
  `cupti_strings.cpp`, and since 2026 CUPTI's own without their `_v7000` (kineto pull 1400); calls of the driver:
  `cuLaunchKernel` and `cuLaunchKernelEx` (kineto pull 752 and the registry);
- copies and fills: `memcpyName` and `Memset ({})` of `libkineto/src/CuptiActivity.cpp`; waits as the device sees them,
  which torch asks for only with `enable_cuda_sync_events`: `libkineto/test/CuptiActivityProfilerTest.cpp`;
- kernels: a recorded step on a V100, `tb_plugin/test/gpu_metrics_input.json`, which also has the occupancy queries
  before matrix products; H100's matrix products are launched by `cudaLaunchKernelExC` (kineto pull 786);
- which activity is the host's, and which the device's: `deviceTypeFromActivity` of pytorch/pytorch,
  `torch/csrc/profiler/kineto_shim.cpp`; an annotation is told once on the host and once on the device;
- ROCm's launches: `libkineto/src/RoctracerActivity_inl.h`.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import count

import pytest
from torch.autograd import DeviceType
from torch.autograd.profiler_util import FunctionEvent

from bench.measure import kernels

ON_DEVICE = {"kernel", "gpu_memcpy", "gpu_memset", "gpu_user_annotation", "cuda_sync"}
GEMM = "volta_sgemm_128x32_nt"
ELEMENTWISE = (
    "void at::native::vectorized_elementwise_kernel<4, at::native::AddFunctor<float>, at::detail::Array<char*, 3> >"
    "(int, at::native::AddFunctor<float>, at::detail::Array<char*, 3>)"
)
Activity = tuple[str, str]
"""Kineto's kind of activity, and its name."""

FETCH: list[Activity] = [
    ("user_annotation", "enumerate(DataLoader)#_SingleProcessDataLoaderIter.__next__"),
    ("cpu_op", "aten::copy_"),
    ("cuda_runtime", "cudaMemcpyAsync"),
    ("gpu_memcpy", "Memcpy HtoD (Pinned -> Device)"),
    ("cuda_runtime", "cudaEventRecord"),
    ("cuda_runtime", "cudaEventQuery"),
]
FORWARD: list[Activity] = [
    ("cpu_op", "aten::addmm"),
    ("cuda_runtime", "cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags"),
    ("cuda_runtime", "cudaLaunchKernelExC"),
    ("kernel", GEMM),
    ("cpu_op", "aten::relu"),
    ("cuda_runtime", "cudaLaunchKernel"),
    ("kernel", ELEMENTWISE),
    ("cuda_driver", "cuLaunchKernel"),
    ("kernel", "triton_poi_fused_relu_0"),
]
BACKWARD: list[Activity] = [
    ("cpu_op", "aten::mm"),
    ("cuda_runtime", "cudaStreamIsCapturing"),
    ("cuda_runtime", "cudaMalloc"),
    ("cuda_driver", "cuLaunchKernelEx"),
    ("kernel", "triton_red_fused_sum_1"),
    ("cpu_op", "aten::zero_"),
    ("cuda_runtime", "cudaMemsetAsync"),
    ("gpu_memset", "Memset (Device)"),
    ("cuda_runtime", "cudaStreamWaitEvent"),
    ("cuda_runtime", "cudaLaunchKernel"),
    ("kernel", GEMM),
    ("overhead", "Activity Buffer Request"),
]
OPTIMIZER: list[Activity] = [
    ("user_annotation", "Optimizer.step#AdamW.step"),
    ("cuda_runtime", "cudaLaunchKernel"),
    ("kernel", "void at::native::(anonymous namespace)::multi_tensor_apply_kernel<...>"),
    ("gpu_user_annotation", "Optimizer.step#AdamW.step"),
]
TICK: list[Activity] = [("user_annotation", kernels.TICK), ("gpu_user_annotation", kernels.TICK)]
READ_A_VALUE: list[Activity] = [
    ("cpu_op", "aten::_local_scalar_dense"),
    ("cuda_runtime", "cudaMemcpyAsync"),
    ("gpu_memcpy", "Memcpy DtoH (Device -> Pinned)"),
    ("cuda_runtime", "cudaStreamSynchronize"),
    ("cuda_sync", "Stream Sync"),
]
COPY_FROM_PAGEABLE: list[Activity] = [
    ("cuda_runtime", "cudaMemcpyAsync"),
    ("gpu_memcpy", "Memcpy HtoD (Pageable -> Device)"),
    ("cuda_runtime", "cudaStreamSynchronize"),
    ("gpu_memcpy", "Memcpy DtoH (Device -> Pageable)"),
]
WAIT_FOR_AN_EVENT: list[Activity] = [("cuda_runtime", "cudaEventSynchronize"), ("cuda_sync", "Event Sync")]
PROFILER_ENDS: list[Activity] = [("cuda_runtime", "cudaDeviceSynchronize"), ("user_annotation", "ProfilerStep*")]
PLAIN = FETCH + FORWARD + BACKWARD + OPTIMIZER


def recorded(*steps: list[Activity]) -> list[FunctionEvent]:
    """The profiler's events of these steps and of its own end, in no order; the device is 50 µs behind the host."""
    ids = count(1)
    events = []
    for activity, name in [each for step in steps for each in step + TICK] + PROFILER_ENDS:
        number = next(ids)
        on_device = activity in ON_DEVICE
        start_us = 10.0 * number + 50.0 * on_device
        events.append(
            FunctionEvent(
                id=number,
                name=name,
                thread=0 if on_device else 1,
                start_us=start_us,
                end_us=start_us + 5.0,
                device_type=DeviceType.CUDA if on_device else DeviceType.CPU,
                is_user_annotation=activity.endswith("user_annotation"),
                use_device="cuda",
            )
        )
    random.Random(0).shuffle(events)
    return events


def counted(*steps: list[Activity]) -> list[dict[str, int]]:
    per_step = kernels.per_step(kernels.host_events(recorded(*steps)))
    return [{name: counts.total() for name, counts in step.items()} for step in per_step]


def test_as_many_kernels_are_counted_as_the_device_ran_and_no_copy_fill_or_annotation():
    steps = [PLAIN, PLAIN + READ_A_VALUE, PLAIN + FORWARD]
    on_device = [Counter(activity for activity, _ in step)["kernel"] for step in steps]
    assert [step["kernels"] for step in counted(*steps)] == on_device == [6, 6, 9]


@pytest.mark.parametrize(
    ("added", "waits"),
    [
        ([], 0),
        (READ_A_VALUE, 1),
        (COPY_FROM_PAGEABLE, 1),
        (WAIT_FOR_AN_EVENT, 1),
        (READ_A_VALUE + WAIT_FOR_AN_EVENT + [("cuda_runtime", "cudaDeviceSynchronize")], 3),
    ],
)
def test_a_wait_is_counted_once_in_its_step_and_what_the_profiler_waits_for_at_its_end_in_none(added, waits):
    assert [step["device_syncs"] for step in counted(PLAIN, PLAIN + added, PLAIN)] == [0, waits, 0]


def test_what_was_called_is_told_by_name():
    (counts,) = kernels.per_step(kernels.host_events(recorded(PLAIN + READ_A_VALUE)))
    assert counts == {
        "kernels": {"cudaLaunchKernelExC": 1, "cudaLaunchKernel": 3, "cuLaunchKernel": 1, "cuLaunchKernelEx": 1},
        "device_syncs": {"cudaStreamSynchronize": 1},
    }


@pytest.mark.parametrize(
    ("name", "counter"),
    [
        *((name, "kernels") for name in ("cudaLaunchKernel", "cudaLaunchKernelExC", "cudaLaunchCooperativeKernel")),
        *((name, "kernels") for name in ("cuLaunchKernel", "cuLaunchKernelEx", "cudaGraphLaunch")),
        *((name, "kernels") for name in ("hipLaunchKernel", "hipExtLaunchKernel", "hipLaunchCooperativeKernel")),
        *((name, "kernels") for name in ("hipModuleLaunchKernel", "hipExtModuleLaunchKernel", "hipGraphLaunch")),
        *((name, "device_syncs") for name in ("cudaDeviceSynchronize", "cudaStreamSynchronize", "cudaMemcpy")),
        *((name, "device_syncs") for name in ("cudaEventSynchronize", "hipMemcpyWithStream", "hipDeviceSynchronize")),
        *((name, None) for name in ("cudaMemcpyAsync", "cudaMemsetAsync", "cudaEventRecord", "cudaEventQuery")),
        *((name, None) for name in ("cudaStreamWaitEvent", "cudaStreamIsCapturing", "cudaMalloc", "cudaGraphUpload")),
        *((name, None) for name in ("cuMemCreate", "hipMemcpyAsync", "hipEventRecord", "ProfilerStep*")),
    ],
)
def test_a_call_is_a_launch_a_wait_or_neither(name, counter):
    expected = {"kernels": 0, "device_syncs": 0}
    assert counted([("cuda_runtime", name)]) == [expected | ({} if counter is None else {counter: 1})]
