"""Which of NVML's boards torch computes on.

NVML numbers all boards, torch only those that the process is shown; the name is the same for both. So
only that board is asked, and another that is sick or forbidden hides nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from bench.host.reading import UnreadableError

Nvml = Any
"""The module `pynvml`, or what a test puts in its place."""
PREFIXES = ("GPU-", "MIG-")
"""Of a whole card, and of a slice of one."""
NOT_NVIDIA = "AMD's driver is not queried"


def opened(nvml: Nvml | None = None) -> Nvml:
    """NVML, ready to be asked; raises whatever a missing module, library or driver raises."""
    nvml = nvml or import_module("pynvml")
    nvml.nvmlInit()
    return nvml


def uuid_of(device: str) -> str:
    """The card's name as torch tells it, without prefix; raises `UnreadableError`."""
    import torch  # not at the top: the parent reads the boards' health, and never imports torch

    if torch.version.hip:
        raise UnreadableError(NOT_NVIDIA)
    uuid = getattr(torch.cuda.get_device_properties(device), "uuid", None)
    if uuid is None:
        raise UnreadableError("this torch does not report which of NVML's boards it uses")
    return str(uuid)


def board_of(nvml: Nvml, uuid: str) -> tuple[Any, bool]:
    """The whole board that torch's name means, and whether it is shared out in slices; raises what NVML raises."""
    named = _named(nvml, uuid)
    try:
        board = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(named)
    except (nvml.NVMLError, AttributeError):  # it is a whole one
        board = named
    try:
        return board, bool(nvml.nvmlDeviceGetMigMode(board)[0])
    except (nvml.NVMLError, AttributeError):  # cards that cannot be sliced
        return board, False


def _named(nvml: Nvml, uuid: str) -> Any:
    bare = uuid.removeprefix(PREFIXES[0]).removeprefix(PREFIXES[1])
    try:
        return nvml.nvmlDeviceGetHandleByUUID(PREFIXES[0] + bare)
    except nvml.NVMLError:
        return nvml.nvmlDeviceGetHandleByUUID(PREFIXES[1] + bare)
