"""Memory figures that cost the measured loop nothing to read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from bench.host import nvml
from bench.host.process import Resident, data_bytes, growth_bytes, resident
from bench.host.reading import UnreadableError
from bench.measure.device import Peaks

ON_THE_HOST = "the device is the host, whose memory is reported separately"
GENEROUS = 2
MIN_GUARDED_BYTES = 1 << 26
NOT_TOLD = "not reported by torch for this kind of device"
NOT_NVIDIAS = "only NVIDIA's driver reports the memory of a process"
NO_PEAK = "this kernel reports no peak of a process's own memory (usual in a sandbox such as gVisor)"


@dataclass(frozen=True, kw_only=True, slots=True)
class HostBaseline:
    """What this process had in memory when its trial began."""

    inherited_bytes: int
    """What its interpreter had grown by since before it imported the framework."""
    at_start: Resident

    def rss_bytes(self) -> int | None:
        """Return the peak above that of a bare interpreter, as if this process had imported all by itself.

        None where the system does not tell it.
        """
        growth = growth_bytes(self.at_start, resident())
        return None if growth is None else self.inherited_bytes + growth


class OverLimitError(MemoryError):
    """The process had more in memory than it may have."""


def guard(limit_bytes: int, host: HostBaseline) -> None:
    """Keep this process from filling the machine's memory: what it allocates far beyond the limit fails.

    `RLIMIT_DATA` counts all that is private and can be written, touched or not, which is more than what is resident:
    `refuse_over` says whether the limit was kept, and this is twice as generous. `RLIMIT_AS` counts libraries
    and what is merely reserved, too, and `RLIMIT_RSS` does nothing on Linux. Where there is no such limit, nothing is
    guarded.
    """
    try:
        import resource

        written = data_bytes()
        left = max(limit_bytes - host.inherited_bytes, MIN_GUARDED_BYTES)
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (written + GENEROUS * left, hard))
    except (ImportError, AttributeError, ValueError, OSError):
        return


def refuse_over(limit_bytes: int, host: HostBaseline) -> None:
    """Raise `OverLimitError` where the peak was over the limit, and `UnreadableError` where nobody knows the peak."""
    peak_bytes = host.rss_bytes()
    if peak_bytes is None:
        raise UnreadableError(NO_PEAK)
    if peak_bytes > limit_bytes:
        raise OverLimitError(f"its peak of {peak_bytes / 1e6:,.0f} MB is over the limit of {limit_bytes / 1e6:,.0f} MB")


def figures(warm_up: Peaks, turns: Peaks, *, device: str, host: HostBaseline) -> dict[str, Any]:
    """The fields of `records.schema.Memory`, from the device's peaks up to the end of the warm-up and since."""
    reason = ON_THE_HOST if device == "cpu" else NOT_TOLD
    known: dict[str, int | None] = {
        "device_allocated_bytes": turns.allocated_bytes,
        "device_reserved_bytes": turns.reserved_bytes,
        "device_allocated_whole_run_bytes": _larger(warm_up.allocated_bytes, turns.allocated_bytes),
        "host_rss_bytes": host.rss_bytes(),
    }
    reasons = {"host_rss_bytes": NO_PEAK}
    unavailable = {name: reasons.get(name, reason) for name, value in known.items() if value is None}
    known["device_process_bytes"], process_reason = _process_bytes(device)
    if process_reason is not None:
        unavailable["device_process_bytes"] = process_reason
    return {**known, "unavailable": unavailable}


def _larger(first: int | None, second: int | None) -> int | None:
    return None if first is None or second is None else max(first, second)


def _process_bytes(device: str) -> tuple[int | None, str | None]:
    """What the driver says this process holds on the device, by NVML; else why it cannot be had."""
    if device == "cpu":
        return None, ON_THE_HOST
    if device.partition(":")[0] != "cuda":
        return None, NOT_NVIDIAS
    try:
        return process_bytes(nvml.opened(), nvml.uuid_of(device), os.getpid())
    except UnreadableError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001 - a missing driver library shows in many ways, none fatal to a trial
        return None, f"NVML is unavailable: {error}"


def process_bytes(asked: nvml.Nvml, uuid: str, pid: int) -> tuple[int | None, str | None]:
    """What a process holds on the board that torch names so; else why that is unknown. Raises what NVML raises."""
    try:
        board, _ = nvml.board_of(asked, uuid)
        for process in asked.nvmlDeviceGetComputeRunningProcesses(board):
            if process.pid == pid and process.usedGpuMemory is not None:
                return int(process.usedGpuMemory), None
    finally:
        asked.nvmlShutdown()
    return None, "NVML does not list this process (usual in a container with its own process numbers)"
