"""Made-up machines: trees that look like Linux's `/proc` and `/sys`, and a driver of NVIDIA's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any


def tree(root: Path, files: dict[str, str]) -> Path:
    """Write files of a tree by their path, and return its root."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n")
    return root


def cpu_files(cpus: int = 2, *, governor: str = "performance", siblings: str | None = None) -> dict[str, str]:
    """A bare machine of so many processors, all as it should be."""
    files = {
        "sys/devices/system/cpu/online": f"0-{cpus - 1}",
        "sys/devices/system/cpu/smt/control": "on" if siblings else "notsupported",
        "sys/devices/system/cpu/smt/active": "1" if siblings else "0",
        "sys/devices/system/cpu/intel_pstate/no_turbo": "1",
        "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc",
        "proc/loadavg": "0.25 0.30 0.20 1/200 4242",
        "proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu sse avx2",
        "proc/meminfo": "MemAvailable:    4000000 kB\nSwapTotal:       1000000 kB\nSwapFree:        1000000 kB",
        "proc/vmstat": "pswpin 0\npswpout 0",
        "proc/self/cgroup": "0::/",
        "proc/stat": "\n".join(f"cpu{cpu} 100 0 50 9000 7 3 2 0 0 0" for cpu in range(cpus)),
    }
    for cpu in range(cpus):
        folder = f"sys/devices/system/cpu/cpu{cpu}"
        files |= {
            f"{folder}/cpufreq/scaling_governor": governor,
            f"{folder}/topology/thread_siblings_list": siblings or str(cpu),
            f"{folder}/topology/physical_package_id": "0",
            f"{folder}/topology/core_id": "0" if siblings else str(cpu),
            f"{folder}/thermal_throttle/core_throttle_count": "3",
            f"{folder}/thermal_throttle/package_throttle_count": "5",
        }
    return files


class NVMLError(Exception):
    """What NVML raises."""


def nvml(**changes: Any) -> SimpleNamespace:
    """An idle H100 at its full clock under a driver for CUDA 13.0; `changes` are functions or values by name."""

    def refuse(*_: object) -> None:
        raise NVMLError("Not Supported")

    def by_uuid(uuid: str) -> object:
        if not uuid.startswith("GPU-"):
            raise NVMLError("Not Found")
        name = uuid.removeprefix("GPU-")
        return int(name) if name.isdigit() else name

    usual: dict[str, Any] = {
        "NVMLError": NVMLError,
        "NVML_CLOCK_SM": 1,
        "NVML_TEMPERATURE_GPU": 0,
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlSystemGetDriverVersion": lambda: "580.65.06",
        "nvmlSystemGetCudaDriverVersion_v2": lambda: 13000,
        "nvmlSystemGetProcessName": lambda pid: f"/usr/bin/program-{pid}",
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": by_uuid,
        "nvmlDeviceGetDeviceHandleFromMigDeviceHandle": refuse,
        "nvmlDeviceGetUUID": lambda board: f"GPU-{board}",
        "nvmlDeviceGetName": lambda _: "NVIDIA H100",
        "nvmlDeviceGetClockInfo": lambda _, __: 1980,
        "nvmlDeviceGetMaxClockInfo": lambda _, __: 1980,
        "nvmlDeviceGetTemperature": lambda _, __: 34,
        "nvmlDeviceGetPowerUsage": lambda _: 70_500,
        "nvmlDeviceGetEnforcedPowerLimit": lambda _: 700_000,
        "nvmlDeviceGetPowerManagementDefaultLimit": lambda _: 700_000,
        "nvmlDeviceGetCurrentClocksEventReasons": lambda _: 0x1,
        "nvmlDeviceGetPersistenceMode": lambda _: 1,
        "nvmlDeviceGetMigMode": lambda _: [0, 0],
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [],
        "nvmlDeviceGetProcessUtilization": refuse,
    }
    return SimpleNamespace(**usual | changes)
