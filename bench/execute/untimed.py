"""A trial that takes no turns: of a pass that proves, counts or looks, or of a search."""

from __future__ import annotations

from dataclasses import asdict
from time import monotonic

from bench.execute.state import RunState
from bench.execute.trial_files import TrialFiles
from bench.execute.workers.pool import Pool
from bench.execute.workers.request import Request
from bench.plan import length as lengths
from bench.plan import prices
from bench.plan.schedule import Slot
from bench.records.schema import Pass, Settings, Trial
from bench.records.store import now


class UntimedTrials:
    """Runs them one at a time."""

    def __init__(self, settings: Settings, state: RunState, files: TrialFiles) -> None:
        self._settings, self._state, self._files = settings, state, files

    def run(self, pool: Pool, phase: Pass, slot: Slot) -> Trial:
        """Run one to its end; never raises for what it does."""
        request = self._request(phase, slot)
        started_at, started_s = now(), monotonic()
        outcome = pool.run(request)
        return Trial(
            phase=phase,
            length=request.length,
            started_at=started_at,
            wall_s=monotonic() - started_s,
            interpreter=outcome.interpreter,
            **asdict(slot),
            **dict(outcome.result),
        )

    def _request(self, phase: Pass, slot: Slot) -> Request:
        settings, cell, comparison = self._settings, slot.cell, slot.cell.without_environment
        length = self._state.length(phase, comparison)
        return Request(
            phase=phase,
            cell=cell,
            length=length,
            seed=settings.seed,
            threads=settings.threads,
            timeout_s=self._state.timeout_s(phase, comparison),
            trace_to=self._files.trace(phase, cell),
            scripts=settings.scripts,
            log_to=self._files.log(phase, cell),
            event_steps=prices.event_steps(settings, cell, length),
            has_terminal=settings.on_terminals,
            memory_limit_bytes=settings.memory_limit_bytes if cell.device == "cpu" else None,
            warm_up=lengths.warm_up(settings, cell),
        )
