"""Deals the blocks of a run out to the nodes of a cluster, as many at a time as there are free ones."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any, NamedTuple

from bench.errors import DeviceError
from bench.execute.fleet.connection import connect
from bench.execute.fleet.measurer import Place, open_places
from bench.execute.fleet.nodes import nodes
from bench.execute.scheduler import NextRounds, TrialScheduler
from bench.plan.comparison_groups import ComparisonGroup
from bench.records.schema import Settings, Trial


class _Part(NamedTuple):
    """What one node measures of a block: all of it, or where a run has kinds of machine what is of one kind."""

    number: int
    kind: str | None
    """The accelerator type."""
    groups: Sequence[ComparisonGroup]


class _Running(NamedTuple):
    """A part that a place measures."""

    place: Place
    part: _Part


class FleetScheduler(TrialScheduler):
    """A run whose blocks are measured on the nodes of a cluster, as many at a time as there are free ones."""

    def __init__(self, settings: Settings, *, done: Sequence[Trial] = ()) -> None:
        super().__init__(settings, done=done)
        assert settings.fleet is not None
        self._nodes = nodes(settings.fleet)
        self._ray = connect(settings.fleet.address)
        self._places: list[Place] = []
        self._running: dict[Any, _Running] = {}
        self._waiting: list[_Part] = []
        self._next_block = self._first_block
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
        """On one node of each kind, another if that is lost."""
        self._places = open_places(self._ray, self._nodes, self.settings, self.state.trials)
        yield from self._on_each_kind("opening")

    def closing(self) -> Iterator[list[Trial]]:
        """On one node of each kind."""
        yield from self._on_each_kind("closing")

    def close(self) -> None:
        """Leave the cluster, which ends what still measures."""
        super().close()
        self._ray.shutdown()

    def _on_each_kind(self, name: str) -> Iterator[list[Trial]]:
        asked = {place.ask(name): place for place in map(self._first_of, self._kinds)}
        lost: list[str | None] = []
        while asked:
            (reference,), _ = self._ray.wait(list(asked))
            place = asked.pop(reference)
            trials = self._answer(place, reference)
            if trials is not None:
                yield trials
            elif place.kind in self._kinds:
                other = self._first_of(place.kind)
                asked[other.ask(name)] = other
            else:
                lost.append(place.kind)
        if lost:
            raise _nobody_left(lost[0])

    @property
    def _kinds(self) -> list[str | None]:
        """Those of which a place is left."""
        return list(dict.fromkeys(place.kind for place in self._places))

    def _first_of(self, kind: str | None) -> Place:
        return next(place for place in self._places if place.kind == kind)

    def _blocks(self, next_rounds: NextRounds) -> Iterator[list[Trial]]:
        """What places have measured, in the order in which it ends."""
        while True:
            while self._begin(next_rounds):
                pass
            if not self._running:
                break
            (reference,), _ = self._ray.wait(list(self._running))
            ended = self._running.pop(reference)
            trials = self._answer(ended.place, reference)
            if trials is None:
                self._waiting.insert(0, ended.part)
            else:
                yield trials
        if self._waiting:  # once all that could be measured elsewhere has been
            raise _nobody_left(self._waiting[0].kind)

    def _begin(self, next_rounds: NextRounds) -> bool:
        """Let a free place begin with what waits longest for one of its kind; false where there is no such place.

        A block begins only when all of those before have: a kind of machine that is fast does not run ahead.
        """
        free = {place.kind: place for place in self._free()}
        if free and not self._waiting:
            self._waiting += self._next_parts(next_rounds)
        part = next((part for part in self._waiting if part.kind in free), None)
        if part is None:
            return False
        self._waiting.remove(part)
        place = free[part.kind]
        self._running[place.ask("block", part.number, part.groups)] = _Running(place, part)
        return True

    def _next_parts(self, next_rounds: NextRounds) -> list[_Part]:
        """Of blocks that may begin now: the next planned one, or when all before are done an added one a place."""
        done = self._next_block - self._first_block
        is_planned = done < self.settings.blocks
        if self._running and not is_planned:
            return []
        begun = {running.part.number for running in self._running.values()}
        before = [trial for trial in self.state.trials if trial.block < self._next_block and trial.block not in begun]
        parts: list[_Part] = []
        more, at_once = 0, 1
        while more < at_once and (groups := next_rounds(done + more, before)):
            parts += _by_kind(self._next_block + more, groups)
            if not is_planned:
                self._added_trials += sum(len(group.members) for group in groups)
                at_once = self._at_once(groups)
            more += 1
        self._next_block += more
        return parts

    def _at_once(self, groups: Sequence[ComparisonGroup]) -> int:
        """How many blocks of these can be measured side by side on each of their kinds of machine."""
        places = Counter(place.kind for place in self._places)
        return min(places[group.reference.accelerator_type] for group in groups)

    def _free(self) -> list[Place]:
        """The first of a kind last, so that it is taken first."""
        busy = {id(running.place) for running in self._running.values()}
        return [place for place in reversed(self._places) if id(place) not in busy]

    def _answer(self, place: Place, reference: Any) -> list[Trial] | None:
        """The trials of a part; None where its node was lost meanwhile, on which nothing is asked any more."""
        try:
            trials = self._ray.get(reference)
        except self._ray.exceptions.RayActorError:
            self._places.remove(place)
            again = "; what it was measuring is measured again elsewhere" if place.kind in self._kinds else ""
            self._notes.append(f"node {place.node.name} was lost{again}")
            return None
        for other in self._places:
            if other is not place and other.kind == place.kind:
                other.unknown += trials
        return [self._remembered(trial.model_copy(update={"node": place.node.description})) for trial in trials]


def _by_kind(number: int, groups: Sequence[ComparisonGroup]) -> list[_Part]:
    kinds = dict.fromkeys(group.reference.accelerator_type for group in groups)
    return [
        _Part(number, kind, [group for group in groups if group.reference.accelerator_type == kind]) for kind in kinds
    ]


def _nobody_left(kind: str | None) -> DeviceError:
    which = "the last node" if kind is None else f"the last node with accelerator type {kind}"
    return DeviceError(f"--executor ray: {which} was lost; --resume goes on once there is one.")
