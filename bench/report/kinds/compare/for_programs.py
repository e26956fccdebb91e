"""The comparison of two runs for programs."""

from __future__ import annotations

import json

from bench.records.schema import SCHEMA, TwoRuns
from bench.report.document import bridges

INFORMATIONAL = {"cell", "metric", "baseline", "candidate", "ratio", "real", "blocks"}
"""What there is of a figure that is told and not judged."""


def document(two_runs: TwoRuns, *, exit_code: int) -> str:
    """Write every verdict as JSON, each with the `group` that it counts for.

    Figures that decide nothing, such as raw times where ratios are judged, are `informational` and have no verdict.
    """
    content = {
        "schema": SCHEMA,
        "baseline": two_runs.folders[0],
        "candidate": two_runs.folders[1],
        "exit_code": exit_code,
        "margin": two_runs.margin,
        "fail_on": two_runs.fail_on,
        "packages": two_runs.packages,
        "unlike": two_runs.unlike,
        "controlled": two_runs.controlled,
        "verdicts": [
            judged.verdict.model_dump(mode="json") | {"group": judged.group}
            for judged in two_runs.judged
            if judged.group is not None
        ],
        "informational": [
            judged.verdict.model_dump(mode="json", include=INFORMATIONAL)
            for judged in two_runs.judged
            if judged.group is None
        ],
        "attribution": [row.model_dump(mode="json") for row in two_runs.attribution],
        "only_in_baseline": [cell.model_dump(mode="json") for cell in two_runs.only_in_baseline],
        "only_in_candidate": [cell.model_dump(mode="json") for cell in two_runs.only_in_candidate],
        "failures": two_runs.failures,
        "warnings": [*bridges.sentences(two_runs.baseline, two_runs.candidate), *two_runs.warnings],
    }
    return json.dumps(content, indent=1) + "\n"
