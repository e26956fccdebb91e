"""Deals the blocks of a run out to the nodes of a cluster, as many at a time as there are free ones."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any, NamedTuple

from bench.errors import DeviceError
from bench.execute.fleet.connection import connect
from bench.execute.fleet.measurer import Place, open_places
from bench.execute.fleet.nodes import nodes
from bench.execute.scheduler import NextRounds, TrialScheduler
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.schema import Settings, Trial


class _Block(NamedTuple):
    number: int
    groups: Sequence[ComparisonGroup]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Running:
    """A block that a place measures."""

    place: Place
    block: _Block


class FleetScheduler(TrialScheduler):
    """A run whose blocks are measured on the nodes of a cluster, as many at a time as there are free ones."""

    def __init__(self, settings: Settings, *, done: Sequence[Trial] = ()) -> None:
        super().__init__(settings, done=done)
        assert settings.fleet is not None
        self._nodes = nodes(settings.fleet.address)
        self._ray = connect(settings.fleet.address)
        self._places: list[Place] = []
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
        self._places = open_places(self._ray, self._nodes, self.settings, self.state.trials)
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
                    waiting.extend(self._next_blocks(next_rounds, for_number, are_done=not running))
                    for_number += len(waiting)
                if waiting:
                    block = waiting.popleft()
                    running[place.ask("block", *block)] = _Running(place=place, block=block)
            if not running:
                return
            (reference,), _ = self._ray.wait(list(running))
            ended = running.pop(reference)
            trials = self._answer(ended.place, reference)
            if trials is None:
                waiting.appendleft(ended.block)
            else:
                yield trials

    def _next_blocks(self, next_rounds: NextRounds, number: int, *, are_done: bool) -> list[_Block]:
        """Blocks that may begin now: the next planned one, or when all before are done an added one for each place."""
        done = number - self._first_block
        is_planned = done < self.settings.blocks
        if not is_planned and not are_done:
            return []
        before = [trial for trial in self.state.trials if trial.block < number]
        blocks: list[_Block] = []
        for more in range(1 if is_planned else len(self._places)):
            groups = next_rounds(done + more, before)
            if not groups:
                break
            if not is_planned:
                self._added_trials += sum(len(group.members) for group in groups)
            blocks.append(_Block(number + more, groups))
        return blocks

    def _free(self, running: Mapping[Any, _Running]) -> list[Place]:
        busy = {id(block.place) for block in running.values()}
        return [place for place in self._places if id(place) not in busy]

    def _on_any(self, part: str) -> list[Trial]:
        while True:
            place = self._places[0]
            trials = self._answer(place, place.ask(part))
            if trials is not None:
                return trials

    def _answer(self, place: Place, reference: Any) -> list[Trial] | None:
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
