"""What was asked for and where it was made: run.json."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from pydantic import Field

from bench.records.base import CURRENT, SCHEMA, FigureGroup, Finite, Pass, Record, Verb
from bench.records.cells import Comparison
from bench.records.foreign_text import ForeignText


class Environment(Record):
    """An interpreter that cells run in, and what it sees; package names are normalised."""

    name: str
    """As the cells know it."""
    python: str
    """The path of its interpreter."""
    clone_of: str | None = None
    """The environment that this is the same as; only its processes are others."""
    requirements: list[ForeignText] = []
    packages: dict[str, str] = {}
    moved: dict[str, tuple[str | None, str]] = {}
    """Version in the current environment (None: not there) and here, of each package that differs."""
    unasked: list[str] = []
    """Those that moved without being asked for."""
    conflicts: list[ForeignText] = []
    """What pip says of packages that no longer fit each other."""


class Release(Record):
    """One release of a package."""

    version: str
    uploaded: datetime | None = None
    """When its first file was uploaded, where the index says so."""


class Bisection(Record):
    """What a bisection looks for."""

    metric: str
    """A counter's name, or `step_time`."""
    releases: list[Release]
    """Of `Settings.package`, oldest first, both ends included."""
    every: bool = False
    """Whether all moves between unlike releases are looked for, not one."""


class PricedOption(Record):
    """What a price list switches on in a runner, or off in a script."""

    runner: str
    environment: str = CURRENT
    """Where: releases do not have the same options."""
    name: str
    setting: ForeignText
    """How it is switched on, as a user writes it."""
    off: ForeignText | None = None
    """Of a script, which has it on: how it is switched off, as a user writes it."""
    changes_arithmetic: bool = False
    """Of a script, whether a step computes something else without it."""
    event: str | None = None
    """What happens now and then because of it, and has a price of its own."""
    every: int | Literal["epoch", "start"] | None = None
    """Optimizer steps from one event to the next, or where else it happens."""
    workers: int = 0
    """Processes of its own that load data."""
    missing: str | None = None
    """Why it cannot be switched on here, or off."""


class ByCalibration(Record):
    """What the calibration of the machine made of a default."""

    made_at: datetime
    """When the machine was calibrated."""
    setting: Literal["blocks", "max_blocks", "margin"]
    usual: Finite
    """The default without a calibration."""
    chosen: Finite
    resolves: float | None
    """What the run can tell then, as a fraction: half the interval of a ratio, or the change that a check finds."""


class Script(Record):
    """A training script of the user's own: a cell of the run is named after it."""

    name: str
    file: str
    """The whole path."""
    arguments: list[str] = []


class Scripts(Record):
    """The scripts of a run, the baseline first, and what is said of all of them."""

    each: list[Script]
    tick: str = "last"
    """After which optimizer steps a step of the script ends: last, every, or a number of optimizer steps."""
    tick_on: str | None = None
    """A function, as `module:function`, whose return ends a step instead."""
    samples_per_step: int | None = None
    """What a step trains, where that is not to be read from its batches."""
    unlike: bool = False
    """Whether those that did other arithmetic than the first are compared with it all the same."""
    folder: str
    """Where the scripts run, or where trials take a copy of."""
    in_place: bool = False
    """Whether they run in that very folder."""
    to_the_end: bool = False
    """Whether a timed script, when its turns are over, runs on to its own end."""

    def script(self, name: str) -> Script:
        """The script that cells of this name run."""
        return next(script for script in self.each if script.name == name)


class Fleet(Record):
    """A cluster on which blocks are spread."""

    address: str | None = None
    """Of Ray; None is a cluster of this machine alone."""
    accelerator_types: list[str] = []
    """The kinds of machine that each measure all, by Ray's names for them; empty where any node will do."""


class Settings(Record):
    """What the user asked for, after presets and defaults: what `--like` repeats."""

    comparisons: list[Comparison]
    runners: list[str]
    scripts: Scripts | None = None
    """What cells run in the place of runners, whose names `runners` then has."""
    design: Literal["runners", "environments", "anchored", "options"] = "runners"
    """Who is compared with whom, see `plan.comparison_groups`."""
    environments: list[Environment] = []
    """Where cells run; empty where that is the current environment alone."""
    options: list[PricedOption] = []
    """What is switched on, or in a script off, one at a time; where options are compared."""
    passes: list[Pass] = ["equivalence", "counting", "timing"]
    """What is done with every cell."""
    preset: str
    blocks: int
    blocks_per_set: int = 1
    """Blocks that are served by the same interpreters, before others with another layout take over."""
    budget_s: Finite | None = None
    target_ci: Finite | None = None
    """How well ratios shall be known, as a fraction: blocks are added for loops that are not known so well."""
    max_blocks: int = 40
    """Where adding ends."""
    turns_s: Finite | None = None
    """How long the turns of a block last, all of its trials together; None in runs of trials without turns."""
    steps: int | None = None
    """Timed steps of a trial, instead of as many as `turns_s` allows."""
    warmup_steps: int | None = None
    threads: int = 1
    seed: int = 0
    timeout_s: Finite | None = None
    memory_limit_bytes: int | None = None
    """What a trial on a CPU may have in memory at its peak, where the largest batch is looked for."""
    package: str | None = None
    """Whose releases the environments are; where releases are compared."""
    unusable: dict[str, ForeignText] = {}
    """Why a release has no environment, by version."""
    bisection: Bisection | None = None
    margin: Finite = 0.03
    """By how much worse is too much, as a fraction; where environments are compared."""
    fail_on: list[FigureGroup] = ["time", "memory"]
    """Which figures a check of an environment fails on."""
    time_margin: Finite | None = None
    """The margin of the figures of time, where it is another than `margin`, since the machine resolves no less."""
    by_calibration: ByCalibration | None = None
    """None where no calibration was there, or the user named the value."""
    fleet: Fleet | None = None
    """Where blocks are measured; None is here."""
    rdzv_endpoint: str | None = None
    """Where the nodes of a run meet whose ranks are on several, as `host:port`: the host is the node that measures."""
    foreign_load_limit: Finite = 0.1
    """A timed block is marked where others took more than this of one core while its trials ran (docs/method.md)."""

    @property
    def on_terminals(self) -> bool:
        """Whether trials write to a terminal, as people have one: where bars and log lines are what is measured."""
        return self.design == "options" or any(comparison.profile == "stock" for comparison in self.comparisons)

    @property
    def margin_of_time(self) -> float:
        """By how much longer is too long, as a fraction."""
        return self.margin if self.time_margin is None else self.time_margin


class AcceleratorInfo(Record):
    """One accelerator that torch sees."""

    device: str
    """torch's name for it, such as `cuda:0`."""
    name: str
    uuid: str | None = None
    """NVIDIA's name for the very card, by which NVML knows it too; None where torch does not tell."""


class Machine(Record):
    """Where a run was made."""

    system: str
    python: str
    cpu: str
    logical_cpus: int
    usable_cpus: int
    memory_bytes: int | None
    """The machine's, or what the container may have of it in which the run was made."""
    accelerators: list[AcceleratorInfo]
    torch_build: str
    variables: dict[str, str] = {}
    """Variables of the environment that change what a loop does, see `plan.variables`."""
    left_out: list[str] = []
    """Names of variables that trials were not shown."""

    def accelerators_of(self, devices: Collection[str]) -> list[AcceleratorInfo]:
        """Those that torch means by `devices`, of which `cuda` is `cuda:0`."""
        numbered = {device if ":" in device else f"{device}:0" for device in devices}
        return [accelerator for accelerator in self.accelerators if accelerator.device in numbered]


class Run(Record):
    """run.json: everything needed to repeat the run."""

    schema_version: int = Field(default=SCHEMA, alias="schema")
    name: str
    verb: Verb = "run"
    started_at: datetime
    command: ForeignText
    settings: Settings
    machine: Machine
    """Of several kinds of machine the first's."""
    machines: dict[str, Machine] = {}
    """By accelerator type, where a run has such: the first node of each."""
    other_nodes: list[Machine] = []
    """Where ranks are on several nodes: the machines beside this one, in the order of their numbers, from 1."""
    packages: dict[str, str]
    git_revision: str | None = None
    own_files: dict[str, str] = {}
    """SHA-256 of the file of each runner and workload of the user's own, by its name; not of what that imports."""

    @property
    def all_machines(self) -> list[Machine]:
        """One, or one of each accelerator type."""
        return list(self.machines.values()) or [self.machine]

    @property
    def kind(self) -> str:
        """How it is told: the folder in `report/kinds` of its verb, or of a check of prices."""
        return "price_changes" if self.verb == "upgrade" and self.settings.design == "options" else self.verb
