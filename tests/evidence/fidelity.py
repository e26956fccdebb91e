"""Step time under the harness over that of a plain script of the same framework."""

from __future__ import annotations

from argparse import Namespace

from tests.evidence.table import section
from tests.perf_trials import fidelity_rows


def fidelity(args: Namespace) -> str:
    """Both in fresh interpreters, in random order, the runners taking turns."""
    rows = [
        [row.what.partition(":")[0], row.measured, "yes" if row.met else "no"] for row in fidelity_rows(args.rounds)
    ]
    return section(f"Fidelity: {args.rounds} pairs", ["runner", "harness over plain script", "within 2 %"], rows)
