"""The comparison of two runs for programs."""

from __future__ import annotations

import json

from bench.analyse.verdicts import comparability
from bench.analyse.verdicts.compare import TwoRuns
from bench.analyse.verdicts.controls import doubts
from bench.records.schema import SCHEMA
from bench.report.document import bridges
from bench.report.kinds.compare.opening import Asked

INFORMATIONAL = {"cell", "metric", "baseline", "candidate", "ratio", "real", "blocks"}
"""What there is of a figure that is told and not judged."""


def document(found: TwoRuns, asked: Asked, *, exit_code: int) -> str:
    """Write every verdict as JSON, each with the `group` that it counts for.

    Figures that decide nothing, such as raw times where ratios are judged, are `informational` and have no verdict.
    """
    content = {
        "schema": SCHEMA,
        "baseline": asked.baseline,
        "candidate": asked.candidate,
        "exit_code": exit_code,
        "margin": found.margin,
        "fail_on": list(asked.fail_on),
        "packages": comparability.moved(found.baseline, found.candidate),
        "unlike": [each.told("in A", "in B") for each in asked.forced],
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
        "failures": list(found.failures),
        "warnings": [*bridges.told(found.baseline, found.candidate), *doubts(found)],
    }
    return json.dumps(content, indent=1) + "\n"
