"""The nodes of a cluster: which can measure, and whether they are alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.errors import DeviceError
from bench.execute import probe
from bench.execute.fleet.connection import connect, first_line
from bench.execute.versions import first_unlike
from bench.records.schema import Fleet, Machine

if TYPE_CHECKING:
    from types import ModuleType

Entry = Mapping[str, Any]
"""What Ray knows of a node."""


TYPE = "accelerator_type:"
"""What Ray calls the resource of a node by which its kind of machine is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Node:
    """A node of the cluster that can measure."""

    ray_id: str
    name: str
    cards: int
    """How many accelerators Ray has to give there."""
    accelerator_type: str | None
    """Which of the kinds of machine that are asked for it is; None where any node will do."""
    machine: Machine
    packages: dict[str, str]

    @property
    def description(self) -> str:
        """Its name and hardware, as trials have it."""
        return f"{self.name}: {', '.join([self.machine.cpu, *(card.name for card in self.machine.accelerators[:1])])}"


def nodes(fleet: Fleet) -> list[Node]:
    """The nodes of a cluster that are alive and have something to measure on: kind by kind, most cards first.

    Raises `UsageError` where no cluster answers, and `DeviceError` where a kind of machine is not there, and where a
    node has no looptax, or other versions of what is measured than the others.
    """
    ray = connect(fleet.address)
    alive = [entry for entry in ray.nodes() if entry["Alive"] and {"CPU", "GPU"} & entry["Resources"].keys()]
    if not alive:
        raise DeviceError("--executor ray: no node of the cluster has a CPU or a GPU to give.")
    asked = fleet.accelerator_types
    wanted = _of_types(alive, asked) if asked else [(entry, None) for entry in alive]
    probes = [_probe(ray, entry) for entry, _ in wanted]  # all at once, and only then waited for
    measuring = [_probed(ray, *of_node, reference) for of_node, reference in zip(wanted, probes, strict=True)]
    _refuse_unlike(measuring)
    kinds = {kind: place for place, kind in enumerate(asked)}
    return sorted(measuring, key=lambda node: (kinds.get(node.accelerator_type or "", 0), -node.cards))


def _of_types(alive: Sequence[Entry], asked: Sequence[str]) -> list[tuple[Entry, str]]:
    """The nodes of these kinds; raises `DeviceError` for a kind that is not there, and a node that is of two."""
    there = {kind for entry in alive for kind in _types(entry)}
    for kind in asked:
        if kind not in there:
            known = f"there are {', '.join(sorted(there))}" if there else "none of them has any"
            raise DeviceError(
                f"--accelerator-type {kind}: no node of the cluster has Ray's resource {TYPE}{kind} ({known}); "
                f"""ray start --resources='{{"{TYPE}{kind}": 1}}' gives it to one."""
            )
    wanted = [(entry, [kind for kind in asked if kind in _types(entry)]) for entry in alive]
    for entry, kinds in wanted:
        if len(kinds) > 1:
            raise DeviceError(
                f"--accelerator-type: node {_name(entry)} is {' and '.join(kinds)} to Ray: name one of them, so that "
                "nothing else is measured there at the same time."
            )
    return [(entry, kind) for entry, kinds in wanted for kind in kinds]


def _types(entry: Entry) -> set[str]:
    return {name.removeprefix(TYPE) for name in entry["Resources"] if name.startswith(TYPE)}


def _name(entry: Entry) -> str:
    return f"{entry['NodeName']} ({entry['NodeID'][:6]})"


def _cards(entry: Entry) -> int:
    return int(entry["Resources"].get("GPU", 0))


def _probe(ray: ModuleType, entry: Entry) -> Any:
    """A task that looks at the machine of a node; one that asks for no cards sees none."""
    task = on_node(entry["NodeID"], ray.remote(probe.machine), num_cpus=0, num_gpus=_cards(entry))
    return task.remote()


def _probed(ray: ModuleType, entry: Entry, kind: str | None, reference: Any) -> Node:
    """The node that a probe has looked at; raises `DeviceError` where it could not."""
    name = _name(entry)
    try:
        machine, packages = ray.get(reference)
    except ray.exceptions.RayError as error:
        raise DeviceError(f"--executor ray: node {name}: {_why(error)}") from None
    return Node(
        ray_id=entry["NodeID"],
        name=name,
        cards=_cards(entry),
        accelerator_type=kind,
        machine=machine,
        packages=packages,
    )


def _refuse_unlike(measuring: Sequence[Node]) -> None:
    """Raise `DeviceError` where nodes have other versions; for what torch is built may differ from kind to kind."""
    first, *others = measuring
    for other in others:
        is_other_kind = other.accelerator_type != first.accelerator_type
        if (unlike := first_unlike(other.packages, first.packages, of_any_build=is_other_kind)) is not None:
            raise DeviceError(
                f"--executor ray: node {other.name} has {unlike[0]}, and node {first.name} {unlike[1]}: install the "
                "same on both, or leave one of them out of the cluster."
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


class Measuring(NamedTuple):
    """What measures a run."""

    machine: Machine
    """Of a cluster the first node's, which is like the others; of several kinds of machine that of the first."""
    packages: dict[str, str]
    machines: dict[str, Machine]
    """By accelerator type the first node's, where a run has such."""


def measuring(fleet: Fleet | None) -> Measuring:
    """The machine here, or those of a cluster; raises what `probe.machine` and `nodes` raise."""
    if fleet is None:
        return Measuring(*probe.machine(), {})
    there = nodes(fleet)
    machines: dict[str, Machine] = {}
    for node in there:
        if node.accelerator_type is not None:
            machines.setdefault(node.accelerator_type, node.machine)
    return Measuring(there[0].machine, there[0].packages, machines)
