"""TensorBoard: a curve a loop over batch size, a chart a figure.

tensorboard --logdir DIR
"""

from __future__ import annotations

from pathlib import Path

from bench.records import store
from bench.records.metrics import known
from bench.records.schema import Summary
from bench.report.document.groups import titles


def push(summary: Summary, folder: Path, place: str) -> str:
    """Write event files below `place`/run/loop; the step of a curve is the batch size."""
    from torch.utils.tensorboard import SummaryWriter

    logs = Path(place) / folder.resolve().name
    curves: dict[str, SummaryWriter] = {}
    started = summary.run.started_at.timestamp()
    for cell, title in zip(summary.cells, titles(summary), strict=True):
        name = store.slug(f"{title}-{cell.runner}")
        if name not in curves:
            curves[name] = SummaryWriter(str(logs / name))
        for metric, estimate in known(cell):
            curves[name].add_scalar(metric.key, estimate.value, cell.batch_size, walltime=started)
    for writer in curves.values():
        writer.close()
    return str(logs)
