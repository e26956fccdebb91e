"""What did every release of a package cost? Each beside the hand-written loop, in interleaved pairs.

python -m bench.history transformers --from 4.34.1 --to 5.23.0
python -m bench.history accelerate --from 0.24.1 --every minor --only counters
python -m bench.history pytorch-lightning --from 2.1.4
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.conduct import carry_out
from bench.errors import ExitCode, IndexUnreachableError, UninstallableError
from bench.execute import pip, probe, sides
from bench.execute.companions import companions
from bench.plan import history as plan
from bench.plan.releases import chosen
from bench.plan.settings import Flags
from bench.records import store
from bench.records.schema import CURRENT, Environment, Run, Summary

Flag = typer.Option


def main(
    package: Annotated[str, typer.Argument(help="transformers, accelerate, pytorch-lightning or another package.")],
    first: Annotated[str | None, Flag("--from", help="The oldest release [the first].")] = None,
    last: Annotated[str | None, Flag("--to", help="The newest release [the last].")] = None,
    every: Annotated[str, Flag(help="release, minor or major: of each series the newest release.")] = "minor",
    only: Annotated[str | None, Flag(help="counters: time nothing.")] = None,
    runner: Annotated[str | None, Flag(help="The loop [the one that needs the package].")] = None,
    workload: Annotated[str | None, Flag(help="mlp, mlp-wide [mlp].")] = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch sizes [{plan.BATCH_SIZE}].")] = None,
    device: Annotated[str | None, Flag(help="auto, cpu, cuda, cuda:1, mps or xpu [auto].")] = None,
    precision: Annotated[str | None, Flag(help="fp32, bf16 [fp32].")] = None,
    optimizer: Annotated[str | None, Flag(help="adamw, adamw-fused, sgd [adamw].")] = None,
    grad_accumulation: Annotated[str | None, Flag(help="Micro-batches in one optimizer step [1].")] = None,
    grad_clip: Annotated[str | None, Flag(help="Norms to clip gradients to, or off [off].")] = None,
    workers: Annotated[str | None, Flag(help="DataLoader worker processes [0].")] = None,
    blocks: Annotated[int | None, Flag(help=f"Pairs of every release [{plan.BLOCKS}].")] = None,
    budget: Annotated[str | None, Flag(help="Start no block that would end later than this: 90s, 5m, 1h.")] = None,
    threads: Annotated[int | None, Flag(help="Threads of torch [1].")] = None,
    timeout: Annotated[str | None, Flag(help="Kill a trial after this long [20 times what others needed].")] = None,
    seed: Annotated[int | None, Flag(help="Seed of weights, data, sample order and schedule [0].")] = None,
    out: Annotated[Path, Flag(help="Where run folders and their index go.")] = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [history-<package>].")] = None,
) -> int:
    """Tell what every release of a package costs a step, and with which release that changed."""
    flags = Flags(
        runner=runner,
        workload=workload,
        batch_size=batch_size or plan.BATCH_SIZE,
        device=device,
        precision=precision,
        optimizer=optimizer,
        grad_accumulation=grad_accumulation,
        grad_clip=grad_clip,
        workers=workers,
        blocks=blocks,
        budget=budget,
        threads=threads,
        timeout=timeout,
        seed=seed,
        only=only,
    )
    plan.runner_of(package, runner)
    versions = chosen([each.version for each in pip.releases(package)], first=first, last=last, every=every)
    machine, packages = probe.machine()
    environments, unusable = built(package, versions)
    run = Run(
        name=name or f"history-{package}",
        verb="history",
        started_at=store.now(),
        command=shlex.join(["python", "-m", "bench.history", *sys.argv[1:]]),
        settings=plan.settings(flags, machine, package, environments, anchor=sides.side(CURRENT), unusable=unusable),
        machine=machine,
        packages=packages,
        git_revision=probe.git_revision(),
    )
    summary, interrupted = carry_out(store.create(out, run))
    return ExitCode.INTERRUPTED if interrupted else exit_code(summary)


def built(package: str, versions: list[str]) -> tuple[list[Environment], dict[str, str]]:
    """The environment of every release, oldest first, and why others have none; raises where no index answers."""
    environments: list[Environment] = []
    unusable: dict[str, str] = {}
    for version in versions:
        typer.echo(f"{package} {version}", err=True)
        try:
            found = sides.side(" ".join([f"{package}=={version}", *companions(package, version)]))
        except IndexUnreachableError:
            raise
        except UninstallableError as error:
            unusable[version] = str(error)
            continue
        environments.append(found.model_copy(update={"name": version}))
    if not environments:
        raise UninstallableError(f"No release of {package} can be used here: {next(iter(unusable.values()))}")
    return environments, unusable


def exit_code(summary: Summary) -> int:
    """4 when a release that was installed has no figures, else 0."""
    return ExitCode.FINE if all(cell.status == "ok" for cell in summary.cells) else ExitCode.SOME_CELLS_FAILED


if __name__ == "__main__":
    cli.run(main)
