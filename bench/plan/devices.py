"""Device names from the command line, held against what torch sees."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.errors import DeviceError, UsageError
from bench.records.schema import Machine

KINDS = ("cpu", "cuda", "mps", "xpu")
VISIBILITY = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}


def resolve(names: Sequence[str], machine: Machine) -> list[str]:
    """The devices to measure on, `auto` replaced by the best there is.

    Raises `UsageError` for a name that means no device and `DeviceError` for one that isn't there.
    """
    resolved = [_best(machine) if name == "auto" else name for name in names]
    for name in resolved:
        _check(name, machine)
    return list(dict.fromkeys(resolved))


def _best(machine: Machine) -> str:
    return machine.accelerators[0].device.partition(":")[0] if machine.accelerators else "cpu"


def _check(name: str, machine: Machine) -> None:
    if not re.fullmatch(rf"cpu|({'|'.join(KINDS[1:])})(:\d+)?", name):
        raise UsageError(
            f"--device {name!r} is not auto, {', '.join(KINDS)} or one of these with an index, as in cuda:1."
        )
    present = [accelerator.device for accelerator in machine.accelerators]
    kind, _, index = name.partition(":")
    if name == "cpu" or f"{kind}:{index or 0}" in present:
        return
    same_kind = [device for device in present if device.startswith(kind)]
    if same_kind:
        raise DeviceError(f"--device {name}: torch sees only {', '.join(same_kind)} here; name one of these.")
    cpu_only = " a build without support for it: install one that has it (pytorch.org/get-started)"
    cure = cpu_only if machine.torch_build.endswith("CPU only") else " so check the driver"
    raise DeviceError(
        f"--device {name}: torch sees no {kind} device here; the installed torch is {machine.torch_build},{cure}, "
        f"or use --device {_best(machine)}."
    )


def visibility(device: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment variables that show a process only `device`; there it has index 0.

    Trainer would spread a model over every card it sees, and a CPU cell must see none. Indices
    count within what the user's own environment already shows.
    """
    kind, _, index = device.partition(":")
    hidden = dict.fromkeys(VISIBILITY.values(), "")
    if kind not in VISIBILITY:
        return hidden
    shown = environment.get(VISIBILITY[kind], "")
    cards = shown.split(",") if shown else []
    position = int(index or 0)
    return {VISIBILITY[kind]: cards[position] if position < len(cards) else str(position)}
