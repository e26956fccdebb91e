"""Builders of synthetic bisections: a run over made-up releases, and a journal of those that were looked at."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bench.analyse.releases.probes import CLONE, cell_of
from bench.analyse.summary import summarise
from bench.records.schema import (
    Bisection,
    Count,
    Counters,
    Environment,
    FunctionCounts,
    Release,
    Run,
    Summary,
    Trial,
)
from tests import factories

VERSIONS = ("4.46.2", "4.46.3", "4.47.0", "4.47.1", "4.48.0", "4.49.0")
FIRST_DAY = datetime(2024, 11, 5, tzinfo=UTC)
BATCHES = {"file": "transformers/trainer.py", "function": "Trainer.get_batch_samples", "line": 5127}
STEP_US = 681.0
NOISE = (0.001, -0.002, 0.0005, -0.001, 0.002, -0.0005, 0.0015, -0.0015, 0.0025, -0.0025)


def environment(version: str, **changes: Any) -> Environment:
    packages = {"transformers": version, "tokenizers": "0.20.3", "torch": "2.13.0"}
    usual = {"python": f"/{version}/bin/python", "requirements": [f"transformers=={version}"], "packages": packages}
    return Environment(name=version, **usual | changes)


def planned(
    *,
    metric: str = "syncs",
    versions: Sequence[str] = VERSIONS,
    installed: Sequence[str | Environment] | None = None,
    every: bool = False,
    **settings: Any,
) -> Run:
    """A bisection through `versions`, of which `installed` (all) have an environment."""
    run = factories.run(runners=["hf-trainer"], blocks=14)
    releases = [
        Release(version=version, uploaded=FIRST_DAY + timedelta(days=10 * place))
        for place, version in enumerate(versions)
    ]
    made = versions if installed is None else installed
    usual = {
        "design": "environments",
        "environments": [environment(each) if isinstance(each, str) else each for each in made],
        "preset": "bisect",
        "package": "transformers",
        "bisection": Bisection(metric=metric, releases=releases, every=every),
        "passes": ["equivalence", "counting", *(["timing"] if metric == "step_time" else [])],
        "fail_on": ["time"],
    }
    command = f"python -m bench.bisect transformers {versions[0]} {versions[-1]} --metric {metric}"
    changed = run.settings.model_copy(update=usual | settings)
    return run.model_copy(update={"verb": "bisect", "settings": changed, "command": command})


def counters(syncs: int, *, python_calls: int = 780, **changes: Any) -> Counters:
    """All reads but six are in `Trainer.get_batch_samples`."""
    usual = {"c_calls": 214, "ops": 233, "tensor_bytes": 75_580, "syncs": syncs, "python_calls": python_calls}
    counts: dict[str, Any] = {name: Count(value=value, share=1.0) for name, value in (usual | changes).items()}
    functions = [
        FunctionCounts(**BATCHES, syncs=syncs - 6, python_calls=9),
        FunctionCounts(file="loop.py", function="train", line=7, syncs=6, python_calls=python_calls - 9),
    ]
    why_not = dict.fromkeys(("kernels", "device_syncs", "allocations"), "the device is the host")
    rest: dict[str, Any] = {"ops_by_name": {}, "tensor_bytes_by_category": {}, "unavailable": why_not}
    return Counters(steady_steps=11, functions=functions, **rest, **counts)


def counted(run: Run, syncs: Mapping[str, int], *, replicates: int = 1, **changes: Any) -> list[Trial]:
    """Every release of `syncs` proven and counted, `replicates` times alike."""
    return [
        trial
        for release, value in syncs.items()
        for trial in (
            factories.trial(cell=cell_of(run, release), phase="equivalence", block=-1),
            *(
                factories.trial(
                    cell=cell_of(run, release),
                    phase="counting",
                    block=-1,
                    replicate=replicate,
                    counters=counters(value, **changes),
                )
                for replicate in range(replicates)
            ),
        )
    ]


def unusable(run: Run, release: str, reason: str) -> Trial:
    return factories.trial(cell=cell_of(run, release), phase="counting", block=-1, status="missing", reason=reason)


def timed(
    run: Run, ratios: Mapping[str, float], *, first_block: int, blocks: int = 10, spread: float = 1.0
) -> list[Trial]:
    """Blocks of releases beside each other, whose step time is so much of the usual one; the machine wavers."""
    return [
        factories.trial(
            cell=cell_of(run, release),
            block=block,
            step_us=STEP_US * (1 + 0.1 * math.sin(block)) * ratio * math.exp(spread * NOISE[(block + 3 * place) % 10]),
        )
        for block in range(first_block, first_block + blocks)
        for place, (release, ratio) in enumerate(ratios.items())
    ]


def side_by_side(run: Run, older: str, newer: str, ratio: float, *, first_block: int, blocks: int = 20) -> list[Trial]:
    """The blocks of a confirmation: `newer` takes `ratio` times as long as `older` and its clone."""
    return timed(run, {older: 1.0, newer: ratio, CLONE: 1.0}, first_block=first_block, blocks=blocks)


def summary(run: Run, *trials: Sequence[Trial]) -> Summary:
    return summarise(run, [trial for part in trials for trial in part])
