"""Trials that take turns: all of a comparison are alive together, and one of them trains at a time.

What wavers is the machine, over tens of milliseconds to minutes. Loops that follow each other at
intervals of seconds meet other moments of it; turns of tens of milliseconds meet the same (relatives:
duet benchmarking, Bulej et al., ICPE 2020; randomised multiple interleaved trials, Abedi and Brecht,
ICPE 2017).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.execute.workers.member import Member, TrialLostError
from bench.execute.workers.result import Outcome
from bench.records.schema import TurnLength

MIN_TURN_TIMEOUT_S = 20.0
TURN_TIMEOUT_FACTOR = 50


@dataclass(slots=True)
class TurnTaking:
    """Trials that have warmed up and take turns, each in random order in every cycle.

    One that is lost on its way has its reason in `outcomes`, by its place, and the others go on.
    """

    members: Sequence[Member]
    orders: Iterator[list[int]]
    outcomes: dict[int, Outcome] = field(default_factory=dict)

    def pilot(self, length: TurnLength, *, cycles: int) -> list[list[list[int]]]:
        """Let all take turns that count to their warm-up; for each the steps of its turns in nanoseconds."""
        seen: list[list[list[int]]] = [[] for _ in self.members]

        def look(place: int, _: int, timeout_s: float) -> None:
            seen[place].append(self.members[place].look(length.steps, timeout_s))

        self._cycles(length, cycles, look)
        return seen

    def watch_terminals(self, steps: int) -> None:
        """Let each train so many steps at a stretch, so that bars that look at the clock come as often as they do."""
        length = TurnLength(cold_steps=0, kept_steps=steps)
        order = range(len(self.members))
        self._each(order, length, lambda place, _, timeout_s: self.members[place].watch_terminal(steps, timeout_s))

    def lead_in(self, length: TurnLength, steps: int) -> None:
        """Let all train so many steps more before their first turn."""
        if steps:
            order = range(len(self.members))
            self._each(order, length, lambda place, _, timeout_s: self.members[place].lead_in(steps, timeout_s))

    def take(self, length: TurnLength, *, cycles: int) -> None:
        """Let all have their turn in every cycle."""

        def take(place: int, turn: int, timeout_s: float) -> None:
            self.members[place].take_turn(length.steps, turn, timeout_s)

        self._cycles(length, cycles, take)

    def end(self, length: TurnLength) -> dict[int, Outcome]:
        """End all; how each ended, by its place."""
        for place, member in enumerate(self.members):
            if place not in self.outcomes:
                self.outcomes[place] = member.end()
        return {place: self.members[place].judged(outcome, length) for place, outcome in self.outcomes.items()}

    def _cycles(self, length: TurnLength, cycles: int, do: Callable[[int, int, float], None]) -> None:
        for _ in range(cycles):
            self._each(next(self.orders), length, do)

    def _each(self, order: Sequence[int], length: TurnLength, do: Callable[[int, int, float], None]) -> None:
        for turn, place in enumerate(place for place in order if place not in self.outcomes):
            try:
                do(place, turn, _timeout_s(self.members[place], length))
            except TrialLostError as lost:
                self.outcomes[place] = lost.outcome


def _timeout_s(member: Member, length: TurnLength) -> float:
    """Far longer than its turn can take; what the user has named, where that is longer still."""
    usual_s = TURN_TIMEOUT_FACTOR * length.steps * member.step_ns / 1e9
    named_s = member.running.request.turn_timeout_s
    return named_s if named_s is not None else max(MIN_TURN_TIMEOUT_S, usual_s)
