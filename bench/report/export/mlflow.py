"""MLflow: a run with the report, and below it a run a cell with its parameters and metrics."""

from __future__ import annotations

from pathlib import Path

from bench.records import store
from bench.records.metrics import known
from bench.records.schema import CellSummary, Summary

EXPERIMENT = "looptax"
LONGEST_TAG = 5000
"""Characters that every tracking store takes."""


def push(summary: Summary, folder: Path, place: str) -> str:
    """Log to the tracking server `place`, or without one where MLflow itself would; return its address."""
    import mlflow

    if place:
        mlflow.set_tracking_uri(place)
    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=folder.resolve().name, tags=_tags(summary)):
        for name in ("report.md", store.SUMMARY):
            if (folder / name).is_file():
                mlflow.log_artifact(str(folder / name))
        for cell in summary.cells:
            with mlflow.start_run(run_name=f"{cell.runner} at batch {cell.batch_size}", nested=True):
                mlflow.log_params(_parameters(cell))
                mlflow.log_metrics({metric.key: float(estimate.value) for metric, estimate in known(cell)})
    return str(mlflow.get_tracking_uri())


def _tags(summary: Summary) -> dict[str, str]:
    versions = {f"version.{name}": version for name, version in summary.packages.items()}
    tags = {"verb": summary.run.verb, "command": summary.run.command, "cpu": summary.machine.cpu} | versions
    return {name: value[:LONGEST_TAG] for name, value in tags.items()}


def _parameters(cell: CellSummary) -> dict[str, object]:
    return cell.cell.model_dump() | {"status": cell.status, "equivalence": cell.equivalence.verdict}
