"""Blocks on the nodes of a Ray cluster.

A block stays whole: all of its processes are on one node, and alone there (on an accelerator: alone on a card), so
that loops take turns as on one machine, and each ratio is one of a single node. What comes before and after the blocks
runs on one of the nodes, too: the machine that the command is given on measures nothing, and needs no accelerator.
A block whose node is lost is measured again on another one; nothing of a block that did not end is kept.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.errors import DeviceError, UsageError
from bench.execute import probe
from bench.execute.scheduler import NextRounds, TrialScheduler
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.schema import MAIN_PACKAGES, Fleet, Machine, Settings, Trial

if TYPE_CHECKING:
    from types import ModuleType

INSTALL = "pip install 'looptax[ray]'"
ANSWERS_S = 10.0
"""Within which a cluster takes a connection."""
SET_BY_RAY = "OMP_NUM_THREADS"
"""To the cores that an actor asks for; loops get theirs from --threads, as without Ray."""


def connect(address: str | None) -> ModuleType:
    """Join the Ray cluster at `address`, or without one begin one of this machine alone.

    Raises `UsageError` where Ray is not installed, and where no cluster answers.
    """
    try:
        import ray  # an extra
        from ray import init, is_initialized  # which a folder that is called ray has not
    except ImportError:
        raise UsageError(f"--executor ray needs Ray: {INSTALL}.") from None
    if not is_initialized():
        beginning = {} if address else {"include_dashboard": False}
        try:
            _refuse_silent(address)
            with redirect_stdout(sys.stderr):
                init(address=address or "local", log_to_driver=False, configure_logging=False, **beginning)
        except (OSError, ValueError, RuntimeError) as error:
            raise UsageError(
                f"--ray-address {address}: no Ray cluster answers there ({_first_line(error)}); `ray start --head` "
                "begins one, and without the flag there is one of this machine alone."
            ) from None
    module: ModuleType = ray
    return module


def _refuse_silent(address: str | None) -> None:
    """Raise `OSError` where nobody listens, for which Ray waits minutes before it ends the process."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.rpartition("/")[2].strip("[]"), int(port)), ANSWERS_S).close()


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
    alive = [each for each in ray.nodes() if each["Alive"] and {"CPU", "GPU"} & each["Resources"].keys()]
    asked = []
    for each in alive:
        cards = int(each["Resources"].get("GPU", 0))  # a task that asks for none sees none
        task = _on(each["NodeID"], ray.remote(probe.machine), num_cpus=0, num_gpus=cards)
        asked.append((f"{each['NodeName']} ({each['NodeID'][:6]})", each["NodeID"], cards, task.remote()))
    found = []
    for name, ray_id, cards, reference in asked:
        try:
            machine, packages = ray.get(reference)
        except ray.exceptions.RayError as error:
            raise DeviceError(f"--executor ray: node {name}: {_why(error)}") from None
        found.append(Node(ray_id=ray_id, name=name, cards=cards, machine=machine, packages=packages))
    if not found:
        raise DeviceError("--executor ray: no node of the cluster has a CPU or a GPU to give.")
    _refuse_others(found)
    return sorted(found, key=lambda node: -node.cards)


def _refuse_others(found: Sequence[Node]) -> None:
    first, *others = found
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
    return f"{cause if isinstance(cause, Exception) else _first_line(error)}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


def _on(node_id: str, remote: Any, **resources: float) -> Any:
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


class Measurer:
    """What measures on a node: an actor that keeps its interpreters from block to block."""

    def __init__(self, settings: Settings) -> None:
        os.environ.pop(SET_BY_RAY, None)
        self._scheduler = TrialScheduler(settings)

    def opening(self, before: Sequence[Trial]) -> list[Trial]:
        """The passes before the blocks."""
        return self._all(before, TrialScheduler.opening)

    def block(self, before: Sequence[Trial], number: int, groups: Sequence[ComparisonGroup]) -> list[Trial]:
        """One block."""
        return self._all(before, lambda scheduler: scheduler.block(number, groups))

    def closing(self, before: Sequence[Trial]) -> list[Trial]:
        """What is repeated after the blocks."""
        return self._all(before, TrialScheduler.closing)

    def _all(self, before: Sequence[Trial], part: Callable[[TrialScheduler], Iterator[list[Trial]]]) -> list[Trial]:
        """`before` are trials of others, by which a scheduler knows lengths, timeouts and what is finished."""
        for trial in before:
            self._scheduler.state.remember(trial)
        return [trial for trials in part(self._scheduler) for trial in trials]


@dataclass(kw_only=True, eq=False, slots=True)
class _Place:
    """A node, or one card of it, that measures."""

    node: Node
    actor: Any
    unknown: list[Trial]
    """Trials of others of which its scheduler has not heard yet."""


class _Block(NamedTuple):
    number: int
    groups: Sequence[ComparisonGroup]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    place: _Place
    block: _Block


class FleetScheduler(TrialScheduler):
    """A run whose blocks are measured on the nodes of a cluster, as many at a time as there are free ones."""

    def __init__(self, settings: Settings, *, done: Sequence[Trial] = ()) -> None:
        super().__init__(settings, done=done)
        assert settings.fleet is not None
        self._nodes = nodes(settings.fleet.address)
        self._ray = connect(settings.fleet.address)
        self._places: list[_Place] = []
        self._notes: list[str] = []

    def run(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        """As of any scheduler; what Ray has to say meanwhile goes where errors go, and not among results."""
        with redirect_stdout(sys.stderr):
            yield from super().run(next_rounds)

    def notes(self) -> list[str]:
        """Which nodes were lost."""
        notes, self._notes = self._notes, []
        return notes

    def opening(self) -> Iterator[list[Trial]]:
        """On one node, another if that is lost."""
        self._places = self._open()
        yield self._on_any("opening")

    def closing(self) -> Iterator[list[Trial]]:
        """On one node."""
        yield self._on_any("closing")

    def close(self) -> None:
        """Leave the cluster, which ends what still measures."""
        super().close()
        self._ray.shutdown()

    def _blocks(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        """Blocks in the order in which they end."""
        running: dict[Any, _Running] = {}
        waiting: deque[_Block] = deque()
        for_number = self._first_block
        while True:
            for place in self._free(running):
                if not waiting:
                    waiting.extend(self._asked(next_rounds, for_number, are_done=not running))
                    for_number += len(waiting)
                if waiting:
                    block = waiting.popleft()
                    running[self._ask(place, "block", *block)] = _Running(place=place, block=block)
            if not running:
                return
            (reference,), _ = self._ray.wait(list(running))
            ended = running.pop(reference)
            trials = self._answer(ended.place, reference)
            if trials is None:
                waiting.appendleft(ended.block)
            else:
                yield trials

    def _asked(self, next_rounds: NextRounds, number: int, *, are_done: bool) -> list[_Block]:
        """Blocks that may begin now: the next planned one, or when all before are done an added one for each place."""
        done = number - self._first_block
        is_planned = done < self.settings.blocks
        if not is_planned and not are_done:
            return []
        before = [trial for trial in self.state.trials if trial.block < number]
        asked: list[_Block] = []
        for more in range(1 if is_planned else len(self._places)):
            groups = next_rounds(done + more, before)
            if not groups:
                break
            if not is_planned:
                self._added_trials += sum(len(group.members) for group in groups)
            asked.append(_Block(number + more, groups))
        return asked

    def _free(self, running: Mapping[Any, _Running]) -> list[_Place]:
        busy = {id(each.place) for each in running.values()}
        return [place for place in self._places if id(place) not in busy]

    def _on_any(self, part: str) -> list[Trial]:
        while True:
            place = self._places[0]
            trials = self._answer(place, self._ask(place, part))
            if trials is not None:
                return trials

    def _ask(self, place: _Place, part: str, *arguments: Any) -> Any:
        unknown, place.unknown = place.unknown, []
        return getattr(place.actor, part).remote(unknown, *arguments)

    def _answer(self, place: _Place, reference: Any) -> list[Trial] | None:
        """The trials of a part; None where its node was lost meanwhile, on which nothing is asked any more."""
        try:
            trials = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            self._places.remove(place)
            self._notes.append(f"node {place.node.name} was lost; what it was measuring is measured again elsewhere")
            if not self._places:
                raise DeviceError(
                    "--executor ray: the last node was lost; --resume goes on once there is one."
                ) from None
            return None
        for other in self._places:
            if other is not place:
                other.unknown += trials
        return [self._remembered(trial.model_copy(update={"node": place.node.description})) for trial in trials]

    def _open(self) -> list[_Place]:
        """An actor for each node; where cards are measured one for each card of it."""
        on_cards = any(comparison.device != "cpu" for comparison in self.settings.comparisons)
        remote = self._ray.remote(Measurer)
        places = []
        for node in self._nodes:
            for _ in range(node.cards if on_cards else 1):
                actor = _on(node.ray_id, remote, num_cpus=0, num_gpus=int(on_cards))
                places.append(_Place(node=node, actor=actor.remote(self.settings), unknown=list(self.state.trials)))
        return places
