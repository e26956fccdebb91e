"""All that the doctor looks at: the machine over a short window, torch with its device, and the versions."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass, replace

from bench.errors import DeviceError
from bench.execute import calibrations, jitter_probe, launch_probe, probe
from bench.execute.environments import compatibility
from bench.host import health
from bench.host import versions as host_versions
from bench.host.imported import distributions
from bench.plan import devices
from bench.records.calibrations import Calibration
from bench.records.health import Health, TorchFacts, VersionFacts
from bench.records.schema import Machine
from bench.records.steadiness import JitterFacts

AUTO = "auto"
PATIENCE = (
    f"looking at this machine, then timing fixed work on it for {jitter_probe.LONG_S:.0f} s: leave it as quiet as it "
    "will be when you measure"
)
WINDOW_S = 2.0
"""How long the machine is watched: 200 of the kernel's ticks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examination:
    """All facts about this machine and one device."""

    health: Health
    torch: TorchFacts
    versions: VersionFacts
    calibration: Calibration | None
    """None where this machine has none for the device."""
    jitter: JitterFacts
    interrupted: bool
    """Whether the user would not wait for the end of the last part, the fixed work."""


def examine(device: str) -> Examination:
    """Look at everything, one after the other; raises `UsageError` for a name that means no device."""
    torch, machine = torch_facts(device)
    known = calibrations.known(machine, [torch.device]) if machine is not None and torch.device is not None else []
    asked = (torch.device or device).partition(":")[0]
    examined = Examination(
        # NVML is not asked for the sake of a CPU that was named; with auto, a card that torch cannot use is news.
        health=machine_health(cards=asked == "cuda" or device == AUTO),
        torch=torch,
        versions=version_facts(),
        calibration=known[0] if known else None,
        jitter=JitterFacts(unavailable=jitter_probe.INTERRUPTED),
        interrupted=True,
    )
    try:  # last, so that one who does not wait for it has seen all the rest
        return replace(examined, jitter=jitter_probe.jitter(jitter_probe.LONG_S), interrupted=False)
    except KeyboardInterrupt:
        return examined


def machine_health(*, cards: bool) -> Health:
    """Watch the machine for `WINDOW_S`, this process asleep; `cards` says whether NVML is asked too."""
    asked = None if cards else ()
    before = health.now(cards=asked)
    time.sleep(WINDOW_S)
    return health.ended(before, health.now(cards=asked))


def torch_facts(device: str) -> tuple[TorchFacts, Machine | None]:
    """What torch can do with a device, and the machine as torch sees it; raises `UsageError` as `examine` does."""
    try:
        machine, _ = probe.machine()
    except DeviceError as error:
        return TorchFacts(missing=str(error)), None
    try:
        (name,) = devices.resolve([device], machine)
    except DeviceError as error:
        return TorchFacts(build=machine.torch_build, missing=str(error)), machine
    return _tried(machine, name), machine


def _tried(machine: Machine, device: str) -> TorchFacts:
    of_machine = {"variables": machine.variables, "left_out": machine.left_out}
    return launch_probe.tried(device).model_copy(update={"build": machine.torch_build, "device": device, **of_machine})


def version_facts() -> VersionFacts:
    """What the measured packages need here, and which known trouble their versions have with each other."""
    installed = {name: each.version for name, each in distributions().items()}
    seen = {**installed, "python": platform.python_version()}
    return VersionFacts(
        requirements=host_versions.requirements(), known=[rule.sentence(seen) for rule in compatibility.broken(seen)]
    )
