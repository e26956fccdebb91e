"""Carries out a planned bisection in its folder: install, count or time, look where to go on, and so on.

All of it goes to one journal as it ends, what cannot be installed included; where to go on follows
from the journal alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from bench.analyse.releases import probes, transitions
from bench.analyse.releases.search import most
from bench.analyse.summary import ratios_so_far
from bench.errors import UninstallableError
from bench.execute import checkup
from bench.execute.scheduler import TrialScheduler
from bench.plan import length
from bench.plan.bisect import STEP_TIME
from bench.plan.passes import UNTIMED_BLOCK
from bench.records import store
from bench.records.schema import Environment, Pass, Probe, Release, Run, Settings, Transition, Trial
from bench.report.kinds.bisect.report import progress_line
from bench.report.kinds.machine import calibration
from bench.report.media import progress

Obtain = Callable[[str], Environment]
"""The environment of a release; raises `UninstallableError` where it cannot be had."""


def hunted(folder: Path, obtain: Obtain, *, confirm: bool, quiet: bool) -> bool:
    """Search, and `confirm` the outcome by a timed comparison; false when it was interrupted.

    Raises `IndexUnreachableError`; what was measured until then is in the journal.
    """
    run = store.read_run(folder)
    way_on = f"what is in it is kept, but a bisection cannot go on: make room, then start again by {run.command}"
    with (
        store.journal(folder, way_on=way_on) as journal,
        checkup.record_during(folder, run) as beside,
        closing(progress.choose(sys.stderr, quiet=quiet)) as display,
    ):
        hunt = BisectSearch(folder, obtain, journal, display)
        if beside is not None:
            display.note(beside)
        try:
            hunt.search()
            hunt.confirm_transition(confirm=confirm)
        except KeyboardInterrupt:
            return False
    return True


class BisectSearch:
    """A bisection under way."""

    def __init__(self, folder: Path, obtain: Obtain, journal: store.Journal, display: progress.Progress) -> None:
        self._folder, self._obtain, self._journal, self._display = folder, obtain, journal, display
        self.run = store.read_run(folder)
        self.trials = store.read_trials(folder)

    @property
    def probes(self) -> list[Probe]:
        """What was seen so far."""
        return probes.probes(self.run, self.trials)

    @property
    def _releases(self) -> list[Release]:
        return probes.sought(self.run).releases

    @property
    def _is_timed(self) -> bool:
        return probes.sought(self.run).metric == STEP_TIME

    def search(self) -> None:
        """Probe one release after the other until nothing is due; both ends are counted at once."""
        count = len(self._releases)
        some = "" if probes.sought(self.run).every else f", {most(count)} to look at"
        self._display.start(None, f"looptax · {self._folder} · {count} releases{some}", blocks=None)
        if self.run.settings.by_calibration is not None:
            self._display.note(calibration.sentence(self.run.settings.by_calibration))
        while due := probes.searched(self.run, self.probes).due:
            releases = [self._releases[index].version for index in due]
            self._count([release for release in releases if self._is_installed(release)])
            if self._is_timed:
                self._time_beside_ends(releases)
            for probe in self.probes:
                if probe.release in releases:
                    self._display.note(progress_line(self.run, probe))

    def confirm_transition(self, *, confirm: bool) -> None:
        """Count both neighbours of the move once more, in fresh interpreters, and time them if asked to."""
        moves = transitions.transitions(self.run, self.trials, self.probes)
        if not moves or moves[0].untested:
            return
        neighbours = [moves[0].older, moves[0].newer]
        self._count(neighbours, replicates=2)
        if confirm:
            self._confirm(moves[0])

    def _is_installed(self, release: str) -> bool:
        """Whether the release has its environment now; one that cannot have any is a row of the journal."""
        if any(other.name == release for other in self.run.settings.environments):
            return True
        try:
            environment = self._obtain(release)
        except UninstallableError as error:
            self._keep(self._missing(release, str(error)))
            return False
        self._add(environment.model_copy(update={"name": release}))
        return True

    def _missing(self, release: str, reason: str) -> Trial:
        return Trial(
            phase="counting",
            cell=probes.cell_of(self.run, release),
            length=length.COUNTING,
            block=UNTIMED_BLOCK,
            replicate=0,
            position=0,
            status="missing",
            reason=reason,
            started_at=store.now(),
            wall_s=0.0,
        )

    def _add(self, environment: Environment) -> None:
        """Record one more environment, in the order of the releases; the clone comes last."""
        order = [release.version for release in self._releases]
        environments = [*self.run.settings.environments, environment]
        environments.sort(key=lambda release: order.index(release.name) if release.name in order else len(order))
        settings = self.run.settings.model_copy(update={"environments": environments})
        self._write(self.run.model_copy(update={"settings": settings}))

    def _write(self, run: Run) -> None:
        self.run = run
        store.write_run(self._folder, run)

    def _keep(self, *trials: Trial) -> None:
        self._journal.append(*trials)
        self.trials += trials

    def _count(self, releases: Sequence[str], *, replicates: int = 1) -> None:
        """Prove and count each release in an interpreter of its own, all of them alive together."""
        if not releases:
            return
        settings = self._settings(releases, ["equivalence", "counting"])
        wanted: dict[Pass, int] = {"equivalence": 1, "counting": replicates}
        for trials in TrialScheduler(settings, done=self.trials, replicates=wanted).run(lambda *_: []):
            self._keep(*trials)

    def _time_beside_ends(self, releases: Sequence[str]) -> None:
        """Time both ends beside each other, or a release beside both, until it is known which it is like."""
        usable = [probe.release for probe in self.probes if probe.status == "ok"]
        if len(usable) < 2 or not set(releases) & set(usable):
            return
        target = next((release for release in releases if release in usable[1:-1]), usable[-1])
        self._time(list(dict.fromkeys([usable[0], target, usable[-1]])), lambda blocks: self._is_placed(target, blocks))

    def _is_placed(self, release: str, blocks: int) -> bool:
        probe = next(known for known in self.probes if known.release == release)
        return probe.like is not None or probe.status != "ok" or blocks >= self.run.settings.blocks

    def _confirm(self, transition: Transition) -> None:
        older = next(
            environment for environment in self.run.settings.environments if environment.name == transition.older
        )
        self._add(older.model_copy(update={"name": probes.CLONE, "clone_of": transition.older}))
        self._display.note(f"{transition.older} and {transition.newer} side by side")
        arms = [transition.older, transition.newer, probes.CLONE]
        self._time(arms, lambda blocks: blocks > 0 and transitions.is_confirmed(self.run, self.trials, transition))

    def _time(self, names: Sequence[str], enough: Callable[[int], bool]) -> None:
        """Time environments in blocks that no other comparison has part in, until `enough(blocks)`."""
        settings = self._settings(names, ["timing"])
        first_block = 1 + max((trial.block for trial in self.trials), default=UNTIMED_BLOCK)
        scheduler = TrialScheduler(settings, done=self.trials, first_block=first_block)
        for trials in scheduler.run(lambda blocks, _: [] if enough(blocks) else scheduler.groups):
            self._keep(*trials)
            self._show(trials, settings, first_block)

    def _show(self, trials: Sequence[Trial], settings: Settings, first_block: int) -> None:
        """Tell the display of timed trials: blocks and ratios are those of this comparison."""
        own = [earlier for earlier in self.trials if earlier.phase != "timing" or earlier.block >= first_block]
        ratios = ratios_so_far(self.run.model_copy(update={"settings": settings}), own, trials[0].cell)
        for trial in trials:
            shown = trial.model_copy(update={"block": trial.block - first_block})
            self._display.trial(shown, done=len(self.trials), total=None, seconds_left=None, ratios=ratios)

    def _settings(self, names: Sequence[str], passes: list[Pass]) -> Settings:
        environments = {environment.name: environment for environment in self.run.settings.environments}
        update = {"environments": [environments[name] for name in names], "passes": passes}
        return self.run.settings.model_copy(update=update)
