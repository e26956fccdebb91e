"""Summaries for pages: several workloads, devices and batch sizes, a chart or two, and names that would be markup."""

from __future__ import annotations

from bench.records.schema import AttributionRow, Summary
from tests import factories
from tests.report.rows import baseline, different, estimate, failed, row, summary_of

EVIL = "</script><script>window.hacked=1</script><b>"
"""A name that must stay text wherever it is told."""
LOOP = f"{EVIL}.py"


def attribution(runner: str, counter: str = "python_calls", **where: object) -> list[AttributionRow]:
    cell = factories.cell(runner, **where)
    functions = [
        ("transformers/trainer.py", "Trainer.training_step", 100, 0, 30),
        ("transformers/trainer.py", "Trainer.compute_loss", 200, 0, 12),
        ("torch/optim/optimizer.py", f"step{EVIL}", 300, 2, 10),
        ("torch/utils/data.py", "fetch", 400, 9, 4),
    ]
    return [
        AttributionRow(
            cell=cell, counter=counter, file=file, function=function, line=line, baseline=before, candidate=after,
            delta=after - before,
        )
        for file, function, line, before, after in functions
    ]  # fmt: skip


def several() -> Summary:
    """Two workloads, two batch sizes, four loops, one of them with a wicked name, and warnings of the same kind."""
    cells, extra = [], []
    for workload in ("mlp", "mlp-wide"):
        for size in (8, 64):
            at = {"workload": workload, "batch_size": size}
            slower = {
                "ratio": estimate(1.5 + size / 1000, 1.4, 1.7),
                "step_time_us": estimate(500.125 + size, 490, 590),
            }
            cells += [baseline(**at), row(**at, **slower), row(LOOP, **at), different(**at)]
            extra += attribution("hf-trainer", **at)
    cells.append(failed("lightning", workload="mlp", batch_size=64))
    extra += attribution(LOOP, workload="mlp", batch_size=64) + attribution("hf-trainer", "c_calls", **at)
    summary = summary_of(*cells, warnings=[f"beware of {EVIL}"], name=f"quick {EVIL}")
    packages = {**summary.packages, f"evil{EVIL}": "1.0"}
    run = summary.run.model_copy(update={"packages": packages})
    return summary.model_copy(update={"run": run, "packages": packages, "attribution": extra})
