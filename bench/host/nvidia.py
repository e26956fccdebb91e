"""NVIDIA's driver and cards, by NVML: clocks, what slows them, and who computes on them.

Written from NVML's documented interface and tried against a fake of it: it has not run on a card.
NVML makes no CUDA context, so that a process that asks it can still be forked for one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from bench.host.nvml import Nvml, board_of, opened
from bench.host.reading import Readings, UnreadableError
from bench.records.health import GpuFacts, GpuProcess, NvidiaFacts

REASONS = {
    0x004: "software power cap",
    0x008: "hardware slowdown",
    0x010: "sync boost",
    0x020: "software thermal slowdown",
    0x040: "hardware thermal slowdown",
    0x080: "hardware power brake",
    0x002: "application clocks",
    0x100: "display clocks",
}
"""`nvmlClocksEventReasons` by bit (`nvml.h`); 0x001, an idle card, slows nothing that runs."""
ENABLED = 1
UTILISATION_WINDOW_US = 2_000_000


def read(uuids: Collection[str] | None = None, nvml: Nvml | None = None) -> NvidiaFacts:
    """Read the driver and the cards of these names, all of them for None; never raises."""
    try:
        nvml = opened(nvml)
    except Exception as error:  # noqa: BLE001 - a missing module, library or driver: each has a class of its own
        return NvidiaFacts(unavailable=f"NVML cannot be used: {error}")
    try:
        return _facts(nvml, uuids)
    except Exception as error:  # noqa: BLE001 - NVML's errors share a class that is made when its library is there
        return NvidiaFacts(unavailable=f"NVML failed: {error}")
    finally:
        nvml.nvmlShutdown()


def _facts(nvml: Nvml, uuids: Collection[str] | None) -> NvidiaFacts:
    if uuids is None:
        wanted = [partial(nvml.nvmlDeviceGetHandleByIndex, index) for index in range(nvml.nvmlDeviceGetCount())]
    else:
        wanted = [partial(_board, nvml, uuid) for uuid in uuids]
    gpus, errors = _each(nvml, wanted)
    return NvidiaFacts(
        driver=nvml.nvmlSystemGetDriverVersion(),
        cuda=_cuda_version(nvml.nvmlSystemGetCudaDriverVersion_v2()),
        gpus=gpus,
        unavailable="; ".join(errors) or None,
    )


def _board(nvml: Nvml, uuid: str) -> Any:
    return board_of(nvml, uuid)[0]


def _each(nvml: Nvml, boards: Iterable[Callable[[], Any]]) -> tuple[list[GpuFacts], list[str]]:
    """All boards that can be asked, each once, and why others cannot: a sick one hides no other."""
    gpus: dict[str, GpuFacts] = {}
    errors = []
    for board in boards:
        try:
            gpu = _gpu(nvml, board())
            gpus[gpu.uuid] = gpu
        except nvml.NVMLError as error:
            errors.append(f"a card does not answer NVML: {error}")
    return list(gpus.values()), errors


def _cuda_version(number: int) -> str:
    """`12.8` of NVML's 12080."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _gpu(nvml: Nvml, board: Any) -> GpuFacts:
    readings = Readings()

    def add(name: str, read: Callable[[], Any]) -> None:
        readings.add(name, lambda: _asked(nvml, read))

    add("sm_clock_mhz", lambda: nvml.nvmlDeviceGetClockInfo(board, nvml.NVML_CLOCK_SM))
    add("max_sm_clock_mhz", lambda: nvml.nvmlDeviceGetMaxClockInfo(board, nvml.NVML_CLOCK_SM))
    add("temperature_c", lambda: nvml.nvmlDeviceGetTemperature(board, nvml.NVML_TEMPERATURE_GPU))
    add("power_w", lambda: nvml.nvmlDeviceGetPowerUsage(board) / 1e3)
    add("power_limit_w", lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(board) / 1e3)
    add("default_power_limit_w", lambda: nvml.nvmlDeviceGetPowerManagementDefaultLimit(board) / 1e3)
    add("throttle_reasons", lambda: _reasons(_reason_bits(nvml, board)))
    add("persistence", lambda: nvml.nvmlDeviceGetPersistenceMode(board) == ENABLED)
    add("mig", lambda: nvml.nvmlDeviceGetMigMode(board)[0] == ENABLED)
    add("processes", lambda: _processes(nvml, board))
    return GpuFacts(uuid=nvml.nvmlDeviceGetUUID(board), name=nvml.nvmlDeviceGetName(board), **readings.fields())


def _asked(nvml: Nvml, read: Callable[[], Any]) -> Any:
    """What a function of NVML's gives; one that the card or the driver lacks raises `UnreadableError`."""
    try:
        return read()
    except (nvml.NVMLError, AttributeError) as error:
        raise UnreadableError(f"NVML does not report it: {error}") from error


def _reason_bits(nvml: Nvml, board: Any) -> int:
    """By the name of today, or by that of drivers before 535."""
    newer = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    try:
        return int((newer or nvml.nvmlDeviceGetCurrentClocksThrottleReasons)(board))
    except nvml.NVMLError:
        return int(nvml.nvmlDeviceGetCurrentClocksThrottleReasons(board))


def _reasons(bits: int) -> list[str]:
    return [name for bit, name in REASONS.items() if bits & bit]


def _processes(nvml: Nvml, board: Any) -> list[GpuProcess]:
    shares = _sm_percent(nvml, board)
    return [
        GpuProcess(
            pid=process.pid,
            name=_name(nvml, process.pid),
            memory_bytes=process.usedGpuMemory,
            sm_percent=shares.get(process.pid),
        )
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(board)
    ]


def _sm_percent(nvml: Nvml, board: Any) -> Mapping[int, int]:
    """The latest sample of each process; a driver without samples raises `NotFound`, some cards `NotSupported`."""
    try:
        samples = list(nvml.nvmlDeviceGetProcessUtilization(board, 0))
    except nvml.NVMLError:
        return {}
    latest = max((sample.timeStamp for sample in samples), default=0)
    recent = [sample for sample in samples if sample.timeStamp > latest - UTILISATION_WINDOW_US]
    return {sample.pid: sample.smUtil for sample in sorted(recent, key=lambda sample: sample.timeStamp)}


def _name(nvml: Nvml, pid: int) -> str | None:
    """The program's file name; not its whole path, which tells more of its owner than a report should."""
    try:
        return str(nvml.nvmlSystemGetProcessName(pid)).rpartition("/")[2] or None
    except nvml.NVMLError:  # of another container, or another user
        return None
