"""The nodes of a cluster: which can measure, and whether they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.errors import DeviceError
from bench.execute import probe
from bench.execute.fleet.connection import connect, first_line
from bench.records.schema import MAIN_PACKAGES, Fleet, Machine

if TYPE_CHECKING:
    from types import ModuleType


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node of the cluster that can measure."""

    ray_id: str
    name: str
    cards: int
    """How many accelerators Ray has to give there."""
    machine: Machine
    packages: dict[str, str]

    @property
    def description(self) -> str:
        """Its name and hardware, as trials have it."""
        return f"{self.name}: {', '.join([self.machine.cpu, *(card.name for card in self.machine.accelerators[:1])])}"


def nodes(address: str | None) -> list[Node]:
    """The nodes in the cluster at `address` that are alive and have something to measure on, most cards first.

    Raises `UsageError` where none answers, and `DeviceError` where one of them has no looptax, or other versions of
    what is measured than the others.
    """
    ray = connect(address)
    alive = [entry for entry in ray.nodes() if entry["Alive"] and {"CPU", "GPU"} & entry["Resources"].keys()]
    probes = [_probe(ray, entry) for entry in alive]  # all at once, and only then waited for
    measuring = [_probed(ray, entry, reference) for entry, reference in zip(alive, probes, strict=True)]
    if not measuring:
        raise DeviceError("--executor ray: no node of the cluster has a CPU or a GPU to give.")
    _refuse_unlike(measuring)
    return sorted(measuring, key=lambda node: -node.cards)


def _cards(entry: Mapping[str, Any]) -> int:
    return int(entry["Resources"].get("GPU", 0))


def _probe(ray: ModuleType, entry: Mapping[str, Any]) -> Any:
    """A task that looks at the machine of a node; one that asks for no cards sees none."""
    task = on_node(entry["NodeID"], ray.remote(probe.machine), num_cpus=0, num_gpus=_cards(entry))
    return task.remote()


def _probed(ray: ModuleType, entry: Mapping[str, Any], reference: Any) -> Node:
    """The node that a probe has looked at; raises `DeviceError` where it could not."""
    name = f"{entry['NodeName']} ({entry['NodeID'][:6]})"
    try:
        machine, packages = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise DeviceError(f"--executor ray: node {name}: {_why(error)}") from None
    return Node(ray_id=entry["NodeID"], name=name, cards=_cards(entry), machine=machine, packages=packages)


def _refuse_unlike(measuring: Sequence[Node]) -> None:
    first, *others = measuring
    for other in others:
        for package in MAIN_PACKAGES:
            versions = [node.packages.get(package) for node in (other, first)]
            if versions[0] != versions[1]:
                has, had = (f"{package} {version}" if version else f"no {package}" for version in versions)
                raise DeviceError(
                    f"--executor ray: node {other.name} has {has}, and node {first.name} {had}: install the same on "
                    "both, or leave one of them out of the cluster."
                )


def _why(error: Exception) -> str:
    text = str(error)
    if "No module named 'bench'" in text:
        return "looptax is not installed there: install the same looptax as here, or leave it out of the cluster."
    if "No module named" in text:
        missing = text.rsplit("No module named", 1)[1].split("\n")[0].strip(" '\"")
        return f"{missing} is not installed there: install it, or leave the node out of the cluster."
    cause = getattr(error, "cause", None)
    return f"{cause if isinstance(cause, Exception) else first_line(error)}"


def on_node(node_id: str, remote: Any, **resources: float) -> Any:
    """The same task or actor, on this node and no other."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    strategy = NodeAffinitySchedulingStrategy(node_id=node_id, soft=False)
    return remote.options(scheduling_strategy=strategy, **resources)


def machine(fleet: Fleet | None) -> tuple[Machine, dict[str, str]]:
    """The machine that measures, and the packages there: of a cluster its first node, which is like the others."""
    if fleet is None:
        return probe.machine()
    first = nodes(fleet.address)[0]
    return first.machine, first.packages
