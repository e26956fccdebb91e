"""The trials of one comparison in one block: together where they can take turns, else each by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from time import monotonic

from bench.execute.state import RunState
from bench.execute.workers import cores
from bench.execute.workers.member import Member
from bench.execute.workers.pool import Pool
from bench.execute.workers.request import Request
from bench.execute.workers.result import Outcome
from bench.execute.workers.turns import TurnTaking
from bench.host import memory, reading
from bench.host.load import LoadMeter
from bench.plan import length as lengths
from bench.plan import prices, schedule
from bench.plan.schedule import Slot
from bench.records.schema import Cell, Load, Pass, Settings, Timing, Trial, TurnLength
from bench.records.store import now

Logs = Callable[[Pass, Cell], Path | None]
"""Where what a script prints in a trial is kept."""
SCRIPT_TURN_TIMEOUT_S = 300.0
END_TIMEOUT_S = 60.0
TO_THE_END_TIMEOUT_S = 24 * 3600.0
"""Whole trainings take what they take."""
SPARE_MEMORY = 1.5
"""How many times the memory of the largest trial there has to be for one more."""


class DoesNotFitError(Exception):
    """The trials cannot all be alive together; the text says why."""


class Group:
    """Trials that are compared with each other, in the order in which they are started."""

    def __init__(
        self,
        settings: Settings,
        state: RunState,
        pool: Pool,
        slots: Sequence[Slot],
        reference: Cell,
        *,
        logs: Logs | None = None,
    ) -> None:
        self._settings, self._state, self._pool, self._logs = settings, state, pool, logs
        self._slots, self._reference = slots, reference
        cell = slots[0].cell
        self._comparison, self._block = cell.without_environment, slots[0].block
        priced = prices.of_cells(settings, (slot.cell for slot in slots))
        workers = max(cell.workers, *(option.workers for option in priced), 0)
        self._cores = cores.for_trials(
            threads=settings.threads * cell.ranks // cell.nodes, workers=workers, device=cell.device
        )

    def trials(self, meter: LoadMeter) -> list[Trial]:
        """Measure all; never raises for what a trial does."""
        reason = self._state.why_alone(self._comparison)
        with cores.leaving(self._cores):
            if reason is None:
                try:
                    return self._measured(self._slots, meter, alone=None)
                except DoesNotFitError as error:
                    reason = str(error)
            return [trial for slot in self._slots for trial in self._measured([slot], meter, alone=reason)]

    def _measured(self, slots: Sequence[Slot], meter: LoadMeter, *, alone: str | None) -> list[Trial]:
        before, started_at, started_s = meter.read(), now(), monotonic()
        begun = self._begun(slots)
        members = {place: each for place, each in enumerate(begun) if isinstance(each, Member)}
        outcomes = {place: each for place, each in enumerate(begun) if isinstance(each, Outcome)}
        length, ended = self._turns(slots, members)
        outcomes |= ended
        wall_s = (monotonic() - started_s) / len(slots)
        load = meter.since(before, forks_s=sum(outcome.cpu_s for outcome in outcomes.values()))
        timings = {place: members[place].timing(outcomes[place], length) for place in members if length is not None}
        return [
            self._trial(
                slot,
                outcomes[place],
                timings.get(place),
                started_at=started_at,
                wall_s=wall_s,
                load=load if place == 0 else None,
                no_load=meter.unavailable if place == 0 else None,
                alone=alone,
                warmup_steps=members[place].warmup_steps if place in members else 1,
            )
            for place, slot in enumerate(slots)
        ]

    def _begun(self, slots: Sequence[Slot]) -> list[Member | Outcome]:
        """Start one after the other, so that their start-up times are figures; raises `DoesNotFitError`."""
        begun: list[Member | Outcome] = []
        for slot in slots:
            alive = [member for member in begun if isinstance(member, Member)]
            try:
                _refuse_to_fill_memory(alive)
                started = Member.start(self._pool, self._request(slot, is_alone=len(slots) == 1))
                if alive and isinstance(started, Outcome):
                    _refuse_what_shares_badly(started)
            except DoesNotFitError:
                for member in alive:
                    member.end()
                raise
            begun.append(started)
        return begun

    def _request(self, slot: Slot, *, is_alone: bool) -> Request:
        return Request(
            phase="timing",
            cell=slot.cell,
            length=lengths.timed(),
            seed=self._settings.seed,
            threads=self._settings.threads,
            timeout_s=self._state.timeout_s("timing", self._comparison),
            turn_timeout_s=self._settings.timeout_s or self._turn_timeout_s(),
            end_timeout_s=self._end_timeout_s(),
            scripts=self._settings.scripts,
            log_to=self._logs and self._logs("timing", slot.cell),
            warm_up=lengths.warm_up(self._settings, slot.cell),
            cores=self._cores,
            has_terminal=self._settings.on_terminals,
            is_alone=is_alone,
            block=self._block,
            # It takes most of a second where many objects are alive, so that not every block can have it.
            sees_collections=self._block % self._settings.blocks_per_set == 0,
        )

    def _turn_timeout_s(self) -> float | None:
        """Until a turn ends that may hold more than steps: an evaluation, or all that comes after a script's last."""
        scripts = self._settings.scripts
        if scripts is None:
            return None
        return TO_THE_END_TIMEOUT_S if scripts.to_the_end else SCRIPT_TURN_TIMEOUT_S

    def _end_timeout_s(self) -> float:
        """Until a trial has ended whose turns are over: at once, but for a script that runs on."""
        scripts = self._settings.scripts
        if scripts is None or not scripts.to_the_end:
            return END_TIMEOUT_S
        return self._settings.timeout_s or TO_THE_END_TIMEOUT_S

    def _turns(self, slots: Sequence[Slot], members: dict[int, Member]) -> tuple[TurnLength | None, dict[int, Outcome]]:
        """Let all that have warmed up take their turns: how long these were, and how each ended by its place."""
        if not members:
            return None, {}
        places, present = list(members), list(members.values())
        orders = schedule.cycles(len(present), seed=self._settings.seed, block=self._block, first=self._slots[0].cell)
        taking = TurnTaking(present, orders)
        if self._block == 0:
            taking.watch_terminals(lengths.TERMINAL_STEPS)
        length = self._state.turn_length(self._comparison) or self._turn_length(slots, members, taking)
        steps_s = sum(member.step_ns for member in present) / 1e9
        cycles = lengths.cycles(self._settings, length, steps_s, workers=self._comparison.workers)
        taking.lead_in(
            length, schedule.lead_steps(seed=self._settings.seed, block=self._block, turn_steps=length.steps)
        )
        taking.take(length, cycles=cycles)
        return length, {places[number]: outcome for number, outcome in taking.end(length).items()}

    def _turn_length(self, slots: Sequence[Slot], members: dict[int, Member], taking: TurnTaking) -> TurnLength:
        """In a comparison's first block: by a pilot, and what the reference needs a step, or failing that anybody."""
        cells = [slots[place].cell for place in members]
        typical = cells.index(self._reference) if self._reference in cells else 0
        workers, device = self._comparison.workers, self._comparison.device
        if device != "cpu" or len(members) == 1 or self._settings.scripts is not None:  # they may be short
            return lengths.turn(taking.members[typical].step_ns / 1e3, workers=workers, device=device)
        seen = taking.pilot(lengths.PILOT, cycles=lengths.PILOT_CYCLES)
        step_us = lengths.warm_us(seen[typical] or next(filter(None, seen), [[1]]))
        return lengths.turn(step_us, workers=workers, cold_us=lengths.cold_us(seen))

    def _trial(
        self,
        slot: Slot,
        outcome: Outcome,
        timing: Timing | None,
        *,
        started_at: datetime,
        wall_s: float,
        load: Load | None,
        no_load: str | None,
        alone: str | None,
        warmup_steps: int,
    ) -> Trial:
        made = warmup_steps + (0 if timing is None else len(timing.step_ns))
        is_script = self._settings.scripts is not None
        return Trial(
            phase="timing",
            length=lengths.made(made, warmup_steps=warmup_steps, is_script=is_script),
            started_at=started_at,
            wall_s=wall_s,
            interpreter=outcome.interpreter,
            timing=timing,
            compilation=outcome.result.compilation,
            status=outcome.result.status,
            reason=outcome.result.reason,
            load=load,
            no_load=no_load,
            alone=alone,
            **asdict(slot),
        )


def _refuse_to_fill_memory(alive: Sequence[Member]) -> None:
    """Raise `DoesNotFitError` where the memory that there is, or may be used, is too small for one more trial."""
    if not alive:
        return
    try:
        available = memory.available()
    except reading.CAUSES:
        return
    largest = max(
        cell.ranks // cell.nodes * memory.resident_bytes(member.running.process.pid)
        for member in alive
        for cell in [member.running.request.cell]
    )
    if available.size_bytes < SPARE_MEMORY * largest:
        raise DoesNotFitError(
            f"{available.whose}'s memory is too small for all at once: {available.size_bytes / 1e9:.1f} GB are left "
            f"beside {len(alive)} of up to {largest / 1e9:.1f} GB"
        )


def _refuse_what_shares_badly(outcome: Outcome) -> None:
    """Raise `DoesNotFitError` where a trial ended because others hold the device."""
    reason = outcome.result.reason or ""
    if outcome.result.status == "oom":
        raise DoesNotFitError(f"the device's memory is too small for all at once ({reason})")
    if "busy or unavailable" in reason:  # CUDA's words for a card in exclusive mode
        raise DoesNotFitError("the device is in exclusive mode and takes one process at a time")
