"""Options that several verbs have, under one name and with one meaning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.plan import presets
from trainloops import workloads

Flag = typer.Option

WORKLOADS = (
    f"What is trained: {', '.join(workloads.REGISTRY)}, or your own, as path/to/file.py:function or "
    "package.module:function"
)
Workload = Annotated[str | None, Flag(help=f"{WORKLOADS} [mlp].")]
Script = Annotated[
    list[str] | None,
    Flag(
        help='A training script, as it is: train.py, or "train.py -- --its args". Several are compared with the first.'
    ),
]
Arguments = Annotated[
    list[str] | None, typer.Argument(metavar="[-- ARGUMENTS]", show_default=False, help="Those of the one script.")
]
Tick = Annotated[
    str | None,
    Flag(help="Which optimizer step ends a script's step: last (of those that take turns), every, every Nth [last]."),
]
TickOn = Annotated[
    str | None, Flag(help="A module:function that ends a step when it returns; __main__: is the script.")
]
SamplesPerStep = Annotated[int | None, Flag(help="Samples per step of a script [those of its DataLoader's batches].")]
Unlike = Annotated[
    bool | None, Flag("--unlike", help="Compare scripts even if they are not equivalent, and report how they differ.")
]
ToTheEnd = Annotated[
    bool | None, Flag("--to-the-end", help="Time scripts to their own end [until their steps are known well enough].")
]
Cwd = Annotated[Path | None, Flag(help="Where scripts run [each trial in a copy of the current folder].")]
Device = Annotated[str | None, Flag(help="auto, cpu, cuda, cuda:1, mps or xpu [auto].")]
Precision = Annotated[str | None, Flag(help="fp32, bf16, or on accelerators fp16 [fp32].")]
Optimizer = Annotated[str | None, Flag(help="adamw, adamw-fused, sgd [adamw].")]
GradAccumulation = Annotated[str | None, Flag(help="Micro-batches in one optimizer step [1].")]
GradClip = Annotated[str | None, Flag(help="Norms to clip gradients to, or off [off].")]
Workers = Annotated[str | None, Flag(help="DataLoader worker processes [0].")]
Profile = Annotated[
    str | None,
    Flag(help="matched: all that can be set is equal; stock: each framework with its defaults, as it comes [matched]."),
]
Compile = Annotated[str | None, Flag(help="torch.compile of the model: off, on, or off,on [off].")]
Budget = Annotated[str | None, Flag(help="Time budget: no block starts that would exceed it, such as 90s, 5m, 1h.")]
Steps = Annotated[int | None, Flag(help="Timed optimizer steps of a loop in a block [as many as there is time for].")]
Warmup = Annotated[int | None, Flag(help="Optimizer steps before the first turn [50, fewer of long ones].")]
Threads = Annotated[int | None, Flag(help="Threads of torch [1: loops differ in Python, more threads only add noise].")]
Timeout = Annotated[str | None, Flag(help="Kill a trial after this long [20 times what the others took].")]
Seed = Annotated[int | None, Flag(help="Seed of weights, data, sample order and schedule [0].")]
Quiet = Annotated[bool, Flag("--quiet", "-q", help="Print nothing but the report's path, and errors.")]
Json = Annotated[bool, Flag("--json", help="Print the result as one JSON object, and nothing else.")]
Format = Annotated[
    str,
    Flag(
        "--format",
        help="text; markdown: the whole report; or github: step summary, annotations and outputs.",
    ),
]
Junit = Annotated[
    Path | None, Flag("--junit", metavar="FILE", help="Also write the verdicts, or of a run its cells, as JUnit XML.")
]
Out = Annotated[Path, Flag(help="Where run folders and their index go.")]


def batch_sizes(asked: str | None, workload: str | None, usual: str, *, script: Sequence[str] | None) -> dict[str, str]:
    """The batch sizes of a verb that has some by itself; a script has its own."""
    return {} if script else {"batch_size": presets.batch_sizes(asked, workload, usual)}
