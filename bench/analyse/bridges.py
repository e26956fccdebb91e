"""Where a bridge in a runner (`trainloops.runners.compat`) hides what a release did to its users."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from bench.records.schema import Run

SUMMED = {(4, 46), (4, 47)}
"""Releases of transformers that sum the gradients of micro-batches where every other averages them."""
RUNNER, PACKAGE = "hf-trainer", "transformers"


def hidden(run: Run) -> Iterator[str]:
    """One sentence for each release whose fault the run's figures do not show."""
    most = max((comparison.grad_accumulation for comparison in run.settings.comparisons), default=1)
    if most == 1 or RUNNER not in run.settings.runners:
        return
    installed = [environment.packages for environment in run.settings.environments] or [run.packages]
    for version in dict.fromkeys(packages[PACKAGE] for packages in installed if PACKAGE in packages):
        if Version(version).release[:2] in SUMMED:
            yield (
                f"{PACKAGE} {version} sums the gradients of micro-batches where other releases average them "
                f"(huggingface/transformers#35438), so that its users' gradients were {most} times too large: {RUNNER} "
                "divides the loss here, which makes the arithmetic equal; the "
                "division's own ops and calls are in no count"
            )
