"""All that the doctor looks at: the machine over a short window, torch with its device, and the versions."""

from __future__ import annotations

import platform
import time

from bench.errors import DeviceError
from bench.execute import compatibility, launch_probe, probe
from bench.measure import health, health_versions
from bench.plan import devices
from bench.records.health import Health, TorchFacts, VersionFacts
from bench.records.schema import Machine

WINDOW_S = 2.0
"""How long the machine is watched: 200 of the kernel's ticks."""


def machine_health(*, cards: bool) -> Health:
    """Watch the machine for `WINDOW_S`, this process asleep; `cards` says whether NVML is asked too."""
    asked = None if cards else ()
    before = health.now(cards=asked)
    time.sleep(WINDOW_S)
    return health.ended(before, health.now(cards=asked))


def torch_facts(device: str) -> TorchFacts:
    """What torch can do with a device; raises `UsageError` for a name that means none."""
    try:
        machine, _ = probe.machine()
    except DeviceError as error:
        return TorchFacts(missing=str(error))
    try:
        (name,) = devices.resolve([device], machine)
    except DeviceError as error:
        return TorchFacts(build=machine.torch_build, missing=str(error))
    return _tried(machine, name)


def _tried(machine: Machine, device: str) -> TorchFacts:
    launch, why_not = launch_probe.launch(device)
    return TorchFacts(
        build=machine.torch_build,
        device=device,
        launch=launch,
        unavailable={} if why_not is None else {"launch": why_not},
    )


def version_facts() -> VersionFacts:
    """What the measured packages need here, and which known trouble their versions have with each other."""
    seen = {**health_versions.versions(), "python": platform.python_version()}
    return VersionFacts(
        requirements=health_versions.requirements(), known=[rule.told(seen) for rule in compatibility.broken(seen)]
    )
