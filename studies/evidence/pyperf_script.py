"""The loop as a pyperf benchmark: `python -m studies.evidence.pyperf_script --share 0.03 --output after.json`."""

from __future__ import annotations

from time import perf_counter

import pyperf

from studies.evidence.script import ROUND_STEPS, train


def timed(loops: int, share: float) -> float:
    """The seconds of so many trainings."""
    began = perf_counter()
    for _ in range(loops):
        train(steps=ROUND_STEPS, share=share)
    return perf_counter() - began


def passed_on(command: list[str], args: object) -> None:
    """Give the workers our own option."""
    command += ["--share", str(getattr(args, "share", 0.0))]


if __name__ == "__main__":
    runner = pyperf.Runner(add_cmdline_args=passed_on, program_args=("-m", "studies.evidence.pyperf_script"))
    runner.argparser.add_argument("--share", type=float, default=0.0)
    share = runner.parse_args().share
    runner.bench_time_func("train", timed, share)
