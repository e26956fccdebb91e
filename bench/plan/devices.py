"""Device names from the command line, held against what torch sees."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bench.errors import DeviceError, UsageError
from bench.records.schema import Machine

KINDS = ("cpu", "cuda", "mps", "xpu")
VISIBILITY = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}
HIP = "HIP_VISIBLE_DEVICES"
"""What a torch for ROCm heeds instead of `CUDA_VISIBLE_DEVICES`, where it is set: Slurm does."""
NO_HIP_DEVICE = "-1"
"""An empty list would be none at all for AMD's runtime."""


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
    if name == "cpu" or machine.accelerators_of([name]):
        return
    kind, _, _ = name.partition(":")
    same_kind = [accelerator.device for accelerator in machine.accelerators if accelerator.device.startswith(kind)]
    if same_kind:
        raise DeviceError(f"--device {name}: torch sees only {', '.join(same_kind)} here; name one of these.")
    cpu_only = " a build without support for it: install one that has it (pytorch.org/get-started)"
    cure = cpu_only if machine.torch_build.endswith("CPU only") else " so check the driver"
    raise DeviceError(
        f"--device {name}: torch sees no {kind} device here; the installed torch is {machine.torch_build},{cure}, "
        f"or use --device {_best(machine)}."
    )


def cards(device: str, machine: Machine) -> int:
    """How many cards there are for ranks that train together on `device`, from it on; of one without an index all."""
    kind, _, index = device.partition(":")
    there = [card.device.partition(":") for card in machine.accelerators]
    return sum(name == kind and int(number or 0) >= int(index or 0) for name, _, number in there)


def by_kind(machine: Machine, machines: Mapping[str, Machine] | None) -> list[tuple[str | None, Machine]]:
    """What a run is measured on: of several kinds of machine, which are by accelerator type, one of each."""
    return [*machines.items()] if machines else [(None, machine)]


def visibility(device: str, environment: Mapping[str, str], *, cards: int = 1) -> dict[str, str]:
    """The environment variables that show a process only `device`, or so many cards from it on; there it has index 0.

    Trainer would spread a model over every card it sees, and a CPU cell must see none. Indices
    count within what the user's own environment already shows.
    """
    kind, _, index = device.partition(":")
    names = [name for name in (VISIBILITY.get(kind), HIP if kind == "cuda" and environment.get(HIP) else None) if name]
    if not names:
        hidden = dict.fromkeys(VISIBILITY.values(), "")
        return {**hidden, HIP: NO_HIP_DEVICE} if environment.get(HIP) else hidden
    first = int(index or 0)
    return {
        name: ",".join(_card(environment.get(name, ""), position) for position in range(first, first + cards))
        for name in names
    }


def _card(shown: str, position: int) -> str:
    """The card of this index among those that a variable shows; all are shown where it is empty."""
    cards = shown.split(",") if shown else []
    return cards[position] if position < len(cards) else str(position)
