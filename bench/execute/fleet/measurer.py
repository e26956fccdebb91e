"""What measures on a node of a cluster, an actor of Ray, and how the run speaks to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.execute.fleet.nodes import Node, on_node
from bench.execute.scheduler import TrialScheduler
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.schema import Settings, Trial

if TYPE_CHECKING:
    from types import ModuleType

SET_BY_RAY = "OMP_NUM_THREADS"
"""To the cores that an actor asks for; loops get theirs from --threads, as without Ray."""


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
class Place:
    """A node, or one card of it, that measures."""

    node: Node
    actor: Any
    unknown: list[Trial]
    """Trials of others of which its scheduler has not heard yet."""

    @property
    def kind(self) -> str | None:
        """The accelerator type, where a run has such."""
        return self.node.accelerator_type

    def ask(self, part: str, *arguments: Any) -> Any:
        """Let it measure a part of the run; what Ray hands out the trials for."""
        unknown, self.unknown = self.unknown, []
        return getattr(self.actor, part).remote(unknown, *arguments)


def open_places(ray: ModuleType, nodes: Sequence[Node], settings: Settings, done: Sequence[Trial]) -> list[Place]:
    """An actor for each node, which measures what is of its kind; where that is on cards one for each card of it."""
    remote = ray.remote(Measurer)
    return [place for node in nodes for place in _of_node(node, remote, settings, done)]


def _of_node(node: Node, remote: Any, settings: Settings, done: Sequence[Trial]) -> Iterator[Place]:
    own = [comparison for comparison in settings.comparisons if comparison.accelerator_type == node.accelerator_type]
    on_cards = any(comparison.device != "cpu" for comparison in own)
    for _ in range(node.cards if on_cards else 1):
        actor = on_node(node.ray_id, remote, num_cpus=0, num_gpus=int(on_cards))
        yield Place(
            node=node,
            actor=actor.remote(settings.model_copy(update={"comparisons": own})),
            unknown=[trial for trial in done if trial.cell.accelerator_type == node.accelerator_type],
        )
