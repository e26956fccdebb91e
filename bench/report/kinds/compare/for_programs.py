"""The comparison of two runs for programs."""

from __future__ import annotations

import json

from bench.records.schema import SCHEMA, TwoRuns
from bench.report.document import bridges

INFORMATIONAL = {"cell", "metric", "baseline", "candidate", "ratio", "real", "blocks"}
"""What there is of a figure that is told and not judged."""


def document(found: TwoRuns, *, exit_code: int) -> str:
    """Write every verdict as JSON, each with the `group` that it counts for.

    Figures that decide nothing, such as raw times where ratios are judged, are `informational` and have no verdict.
    """
    content = {
        "schema": SCHEMA,
        "baseline": found.folders[0],
        "candidate": found.folders[1],
        "exit_code": exit_code,
        "margin": found.margin,
        "fail_on": found.fail_on,
        "packages": found.packages,
        "unlike": found.unlike,
        "controlled": found.controlled,
        "verdicts": [
            each.verdict.model_dump(mode="json") | {"group": each.group}
            for each in found.judged
            if each.group is not None
        ],
        "informational": [
            each.verdict.model_dump(mode="json", include=INFORMATIONAL) for each in found.judged if each.group is None
        ],
        "attribution": [row.model_dump(mode="json") for row in found.attribution],
        "only_in_baseline": [cell.model_dump(mode="json") for cell in found.only_in_baseline],
        "only_in_candidate": [cell.model_dump(mode="json") for cell in found.only_in_candidate],
        "failures": found.failures,
        "warnings": [*bridges.told(found.baseline, found.candidate), *found.warnings],
    }
    return json.dumps(content, indent=1) + "\n"
