"""Weights & Biases, offline: one run with a table of all cells, for `wandb sync` to upload if you want it to."""

from __future__ import annotations

from pathlib import Path

from bench.analyse.cells.names import unusual
from bench.records.metrics import known
from bench.records.schema import Summary
from bench.report.export import frames

PROJECT = "looptax"


def push(summary: Summary, folder: Path, place: str) -> str:
    """Write an offline run below `place`; nothing is sent anywhere."""
    import wandb

    Path(place).mkdir(parents=True, exist_ok=True)
    settings = summary.run.model_dump(mode="json", include={"verb", "command", "packages", "settings"})
    with wandb.init(mode="offline", dir=place, project=PROJECT, name=folder.resolve().name, config=settings) as run:
        run.log({"cells": wandb.Table(dataframe=frames.wide(summary))})
        for cell in summary.cells:
            conditions = unusual(cell.comparison.without_environment)
            place = f"{cell.workload}/{cell.device_name}{conditions}"
            where = f"{cell.environment}/{place}/{cell.batch_size}/{cell.runner}"
            run.summary.update({f"{where}/{metric.key}": estimate.value for metric, estimate in known(cell)})
        return str(run.dir)
