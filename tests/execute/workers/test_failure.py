"""The reason of a row is one sentence; what torch 2.11 says of an accelerator, on H100 cards, is a page."""

import pytest
import torch

from bench.execute.workers.failure import sentence

ALONE = "CUDA out of memory. Tried to allocate 22.00 GiB. GPU 0 has a total capacity of 79.18 GiB of which {} is free. "
OTHERS = "Process 2856 has 832.00 MiB memory in use. Process 2885 has 830.00 MiB memory in use. "
ITSELF = "Including non-PyTorch memory, this process has 51.52 GiB memory in use. "
ADVICE = (
    "Of the allocated memory 50.78 GiB is allocated by PyTorch, and 78.93 MiB is reserved by PyTorch but unallocated. "
    "If reserved but unallocated memory is large try setting PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True to avoid "
    "fragmentation.  See documentation for Memory Management  (https://pytorch.org/docs/stable/notes/cuda.html)"
)
CALL = (
    "\nSearch for `cuda{}' in https://docs.nvidia.com/cuda/cuda-runtime-api/group__CUDART__TYPES.html for more "
    "information.\nCUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below "
    "might be incorrect.\nFor debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to "
    "enable device-side assertions.\n"
)
WHAT = "OutOfMemoryError: tried to allocate 22.00 GiB, and {} of 79.18 GiB is free"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            ALONE.format("21.77 GiB") + OTHERS + ITSELF + ADVICE,
            WHAT.format("21.77 GiB") + "; other processes hold 1.62 GiB",
        ),
        (ALONE.format("70.50 MiB") + ITSELF + ADVICE, WHAT.format("70.50 MiB")),
        # Nobody is told apart from this process where its number is another in its container.
        (ALONE.format("21.77 GiB") + OTHERS + ADVICE, WHAT.format("21.77 GiB")),
        # What a driver does not tell torch prints as the largest number there is.
        (ALONE.format("0 bytes") + OTHERS.replace("832.00 MiB", "17179869184.00 GiB") + ITSELF, WHAT.format("0 bytes")),
        (
            "MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB). Tried to allocate 1.00 GB on "
            "private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations.",
            "OutOfMemoryError: MPS backend out of memory (MPS allocated: 17.9 GB, max allowed: 18.1 GB). Tried to "
            "allocate 1.00 GB on private pool",
        ),
        (
            "CUDA out of memory. Tried to allocate more than 1EB memory.",
            "OutOfMemoryError: CUDA out of memory. Tried to allocate more than 1EB memory.",
        ),
        ("the toy has no 512 bytes left", "OutOfMemoryError: the toy has no 512 bytes left"),
    ],
)
def test_without_memory_it_is_what_was_asked_for_what_is_free_and_what_others_hold(text, reason):
    assert sentence(torch.OutOfMemoryError(text)) == reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA error: out of memory" + CALL.format("ErrorMemoryAllocation")), "CUDA error: out of memory"),
        (
            RuntimeError("CUDA error: device-side assert triggered\n" + CALL[CALL.index("CUDA kernel") :]),  # torch 2.4
            "CUDA error: device-side assert triggered",
        ),
        (RuntimeError("first line\n  second line\n"), "first line second line"),
    ],
)
def test_of_an_error_of_an_accelerator_it_is_what_failed(error, reason):
    assert sentence(error) == f"RuntimeError: {reason}"


def test_an_error_that_says_nothing_is_its_kind():
    assert sentence(MemoryError()) == "MemoryError"
