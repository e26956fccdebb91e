"""Did the upgrade make it worse? Two environments side by side, in interleaved pairs, with a verdict.

python -m bench.upgrade --baseline "transformers==4.57.6"
python -m bench.upgrade --baseline "transformers==4.46.3" --candidate "transformers==4.47.1" --only counters
python -m bench.upgrade --requirements old.txt new.txt --fail-on time,memory,counters
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.conduct import carry_out
from bench.errors import ExitCode, UsageError
from bench.execute import probe, sides
from bench.plan import check
from bench.plan.settings import Flags
from bench.records import store
from bench.records.schema import CURRENT, Environment, Run, Summary

Flag = typer.Option
LONGEST_NAME = 60
"""Characters of a side in a folder's name."""
SPEC = "requirements, a wheel or a checkout's path"


def main(
    baseline: Annotated[
        str | None, Flag(help=f"What to compare with: {SPEC}, several in one text; or current.")
    ] = None,
    candidate: Annotated[str | None, Flag(help=f"What is judged: {SPEC} [the current environment].")] = None,
    requirements: Annotated[
        tuple[Path, Path] | None, Flag(help="Two requirements files, old and new, instead of the two above.")
    ] = None,
    margin: Annotated[str | None, Flag(help="How much worse is too much [3%].")] = None,
    fail_on: Annotated[
        str | None,
        Flag(help="time, memory, start, counters: what exit code 1 is for [time,memory; what --only tells]."),
    ] = None,
    only: Annotated[str | None, Flag(help="counters: judge exact figures alone, which takes seconds.")] = None,
    runner: Annotated[str | None, Flag(help="Loops to check [those that need a package that differs].")] = None,
    workload: Annotated[str | None, Flag(help="mlp, mlp-wide [mlp].")] = None,
    batch_size: Annotated[str | None, Flag(help=f"Micro-batch sizes [{check.BATCH_SIZES}].")] = None,
    device: Annotated[str | None, Flag(help="auto, cpu, cuda, cuda:1, mps or xpu [auto].")] = None,
    precision: Annotated[str | None, Flag(help="fp32, bf16 [fp32].")] = None,
    optimizer: Annotated[str | None, Flag(help="adamw, adamw-fused, sgd [adamw].")] = None,
    grad_accumulation: Annotated[str | None, Flag(help="Micro-batches in one optimizer step [1].")] = None,
    grad_clip: Annotated[str | None, Flag(help="Norms to clip gradients to, or off [off].")] = None,
    workers: Annotated[str | None, Flag(help="DataLoader worker processes [0].")] = None,
    blocks: Annotated[int | None, Flag(help=f"Blocks of the screening at most [{check.CAP}].")] = None,
    trials_per_block: Annotated[int | None, Flag(help="Trials of every arm in a block [1].")] = None,
    budget: Annotated[str | None, Flag(help="Start no block that would end later than this: 90s, 5m, 1h.")] = None,
    steps: Annotated[int | None, Flag(help="Optimizer steps of a trial, warm-up included [a pilot chooses].")] = None,
    warmup: Annotated[int | None, Flag(help="Steps before the measured region [a tenth of --steps].")] = None,
    threads: Annotated[int | None, Flag(help="Threads of torch [1].")] = None,
    timeout: Annotated[str | None, Flag(help="Kill a trial after this long [20 times what others needed].")] = None,
    seed: Annotated[int | None, Flag(help="Seed of weights, data, sample order and schedule [0].")] = None,
    out: Annotated[Path, Flag(help="Where run folders and their index go.")] = Path("results"),
    name: Annotated[str | None, Flag(help="Last part of the run folder's name [what is compared].")] = None,
) -> int:
    """Say whether a candidate environment trains slower or hungrier than a baseline, and by which functions.

    Both are measured side by side: packages that are not named stay what they are here, torch always.
    """  # fmt: skip
    flags = Flags(
        runner=runner,
        workload=workload,
        batch_size=batch_size or check.BATCH_SIZES,
        device=device,
        precision=precision,
        optimizer=optimizer,
        grad_accumulation=grad_accumulation,
        grad_clip=grad_clip,
        workers=workers,
        blocks=blocks,
        trials_per_block=trials_per_block,
        budget=budget,
        steps=steps,
        warmup=warmup,
        threads=threads,
        timeout=timeout,
        seed=seed,
        only=only,
    )
    refuse_unclear(baseline, candidate, requirements)
    machine, packages = probe.machine()
    check.refuse_wrong(flags, machine, margin=margin, fail_on=fail_on)
    compared = both(baseline, candidate, requirements)
    settings = check.settings(flags, machine, compared, margin=margin, fail_on=fail_on)
    run = Run(
        name=name or "-to-".join(label[-LONGEST_NAME:] for label in check.labels(*compared)),
        verb="upgrade",
        started_at=store.now(),
        command=shlex.join(["python", "-m", "bench.upgrade", *sys.argv[1:]]),
        settings=settings,
        machine=machine,
        packages=packages,
        git_revision=probe.git_revision(),
    )
    summary, interrupted = carry_out(store.create(out, run))
    return ExitCode.INTERRUPTED if interrupted else exit_code(summary)


def refuse_unclear(baseline: str | None, candidate: str | None, requirements: tuple[Path, Path] | None) -> None:
    """Raise `UsageError` where the command line does not name two sides."""
    if requirements is not None and (baseline is not None or candidate is not None):
        raise UsageError("--requirements names both sides; leave --baseline and --candidate out.")
    if requirements is None and baseline is None:
        raise UsageError('--baseline is missing: name what to compare with, such as --baseline "transformers==4.57.6".')


def both(
    baseline: str | None, candidate: str | None, requirements: tuple[Path, Path] | None
) -> tuple[Environment, Environment]:
    """The environments of the command line, built where they are not in the cache; raises `BenchError`."""
    if requirements is not None:
        old, new = requirements
        return sides.from_requirements(old), sides.from_requirements(new)
    return sides.side(baseline or CURRENT), sides.side(candidate or CURRENT)


def exit_code(summary: Summary) -> int:
    """1 when something that the check fails on regressed, 4 when cells failed, 3 when it is undecided, else 0."""
    from bench.analyse.figures_judged import GROUPS, decides, unanswered

    fail_on = summary.run.settings.fail_on
    if any(each.verdict == "regressed" and GROUPS[each.metric] in fail_on for each in summary.verdicts):
        return ExitCode.REGRESSED
    fine = all(cell.status == "ok" and cell.equivalence.proven for cell in summary.cells)
    if not fine or unanswered(summary):
        return ExitCode.SOME_CELLS_FAILED
    undecided = any(each.verdict == "undecided" and decides(each.metric, fail_on) for each in summary.verdicts)
    return ExitCode.UNDECIDED if undecided else ExitCode.FINE


if __name__ == "__main__":
    cli.run(main)
