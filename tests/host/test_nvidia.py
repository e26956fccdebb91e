"""NVIDIA's cards by a fake of NVML: the names and units of its documented interface."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.analyse.machine import device
from bench.host import nvidia
from bench.records.health import GpuFacts, GpuProcess
from tests.host.machines import NVMLError, nvml


def test_an_idle_card():
    cards = nvidia.read(nvml=nvml())
    assert (cards.driver, cards.cuda, cards.unavailable) == ("580.65.06", "13.0", None)
    assert cards.gpus == [
        GpuFacts(
            uuid="GPU-0",
            name="NVIDIA H100",
            sm_clock_mhz=1980,
            max_sm_clock_mhz=1980,
            temperature_c=34,
            power_w=70.5,
            power_limit_w=700.0,
            default_power_limit_w=700.0,
            throttle_reasons=[],
            persistence=True,
            mig=False,
            processes=[],
        )
    ]


def test_cuda_versions_have_a_minor_part():
    assert nvidia.read(nvml=nvml(nvmlSystemGetCudaDriverVersion_v2=lambda: 12080)).cuda == "12.8"


def test_only_the_cards_that_are_measured_are_asked():
    three = nvml(nvmlDeviceGetCount=lambda: 3)
    assert [gpu.uuid for gpu in nvidia.read(["GPU-2"], three).gpus] == ["GPU-2"]
    assert len(nvidia.read(None, three).gpus) == 3


def test_a_sick_card_keeps_no_other_from_being_told():
    def name(board):
        if board == 1:
            raise NVMLError("GPU is lost")
        return "NVIDIA H100"

    cards = nvidia.read(None, nvml(nvmlDeviceGetCount=lambda: 3, nvmlDeviceGetName=name))
    assert [gpu.uuid for gpu in cards.gpus] == ["GPU-0", "GPU-2"]
    assert cards.unavailable == "a card does not answer NVML: GPU is lost"
    assert nvidia.read(["GPU-2"], nvml(nvmlDeviceGetName=name)).unavailable is None
    notes = [card.seen for card in device.cards(cards) if card.subject == "NVIDIA cards"]
    assert notes == ["not available: a card does not answer NVML: GPU is lost"]


def test_of_a_slice_the_board_is_told():
    slice_of_7 = nvml(
        nvmlDeviceGetHandleByUUID=lambda uuid: "slice" if uuid == "MIG-5" else _not_found(),
        nvmlDeviceGetDeviceHandleFromMigDeviceHandle=lambda _: 7,
        nvmlDeviceGetMigMode=lambda board: [board == 7, 1],
    )
    (card,) = nvidia.read(["GPU-5"], slice_of_7).gpus
    assert (card.uuid, card.mig) == ("GPU-7", True)


def _not_found():
    raise NVMLError("Not Found")


@pytest.mark.parametrize(
    ("bits", "reasons"),
    [
        (0x001, []),
        (0x004 | 0x040, ["software power cap", "hardware thermal slowdown"]),
        (0x080 | 0x020 | 0x008, ["hardware slowdown", "software thermal slowdown", "hardware power brake"]),
    ],
)
def test_what_slows_a_card(bits, reasons):
    cards = nvidia.read(nvml=nvml(nvmlDeviceGetCurrentClocksEventReasons=lambda _: bits))
    assert cards.gpus[0].throttle_reasons == reasons


def test_older_drivers_have_the_reasons_under_another_name():
    def missing(_: object) -> int:
        raise NVMLError("Function Not Found")

    older = nvml(
        nvmlDeviceGetCurrentClocksEventReasons=missing, nvmlDeviceGetCurrentClocksThrottleReasons=lambda _: 0x20
    )
    assert nvidia.read(nvml=older).gpus[0].throttle_reasons == ["software thermal slowdown"]


def test_who_computes_on_the_card_and_how_much():
    def sample(pid: int, at_us: int, sm: int) -> SimpleNamespace:
        return SimpleNamespace(pid=pid, timeStamp=at_us, smUtil=sm)

    def name(pid: int) -> str:
        if pid == 9:
            raise NVMLError("Not Found")
        return f"/home/somebody/bin/train-{pid}"

    busy = nvml(
        nvmlDeviceGetComputeRunningProcesses=lambda _: [
            SimpleNamespace(pid=7, usedGpuMemory=2**20),
            SimpleNamespace(pid=9, usedGpuMemory=None),
        ],
        nvmlDeviceGetProcessUtilization=lambda _, __: [
            sample(7, 9_900_000, 40), sample(7, 9_000_000, 10), sample(9, 1_000_000, 99)
        ],
        nvmlSystemGetProcessName=name,
    )  # fmt: skip
    assert nvidia.read(nvml=busy).gpus[0].processes == [
        GpuProcess(pid=7, name="train-7", memory_bytes=2**20, sm_percent=40),
        GpuProcess(pid=9, name=None, memory_bytes=None, sm_percent=None),
    ]


def test_what_a_card_does_not_tell_has_its_reason():
    def refuse(*_: object) -> None:
        raise NVMLError("Not Supported")

    card = nvidia.read(nvml=nvml(nvmlDeviceGetTemperature=refuse, nvmlDeviceGetMigMode=refuse)).gpus[0]
    assert (card.temperature_c, card.mig, card.sm_clock_mhz) == (None, None, 1980)
    assert card.unavailable == dict.fromkeys(("temperature_c", "mig"), "NVML does not report it: Not Supported")


def test_without_a_driver_there_is_one_reason():
    def no_library() -> None:
        raise NVMLError("NVML Shared Library Not Found")

    assert nvidia.read(nvml=nvml(nvmlInit=no_library)).unavailable == (
        "NVML cannot be used: NVML Shared Library Not Found"
    )

    def lost() -> int:
        raise NVMLError("GPU is lost")

    closed: list[bool] = []
    failing = nvml(nvmlDeviceGetCount=lost, nvmlShutdown=lambda: closed.append(True))
    assert nvidia.read(nvml=failing).unavailable == "NVML failed: GPU is lost"
    assert closed == [True]


def test_nvml_has_what_is_asked_of_it_and_takes_what_its_fake_takes():
    real = pytest.importorskip("pynvml")
    sources = "".join(path.read_text() for path in Path(nvidia.__file__).parent.glob("*.py"))
    asked = set(re.findall(r"\.(nvml[A-Z]\w*|NVML_\w+)", sources))
    assert len(asked) > 20
    assert asked <= set(dir(real))
    for name, fake in vars(nvml()).items():
        there = getattr(real, name)
        if inspect.isfunction(fake):
            parameters = inspect.signature(fake).parameters.values()
            if all(parameter.kind is not parameter.VAR_POSITIONAL for parameter in parameters):
                inspect.signature(there).bind(*parameters)
