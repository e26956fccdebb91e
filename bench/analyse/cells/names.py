"""What a cell is called in sentences."""

from __future__ import annotations

from bench.records.schema import Cell, Comparison


def name(cell: Cell) -> str:
    """Name a cell as in `lightning at batch 64 of mlp on cpu, precision=bf16`: with what is not the default."""
    has = "without" if cell.is_script else "with"
    option = "" if cell.option is None else f" {has} {cell.option}"
    return f"{cell.runner}{option}{cell.at_batch}{cell.of_place}{unusual(cell)}"


def unusual(cell: Comparison) -> str:
    """What is not the default, beside what a place tells: `, precision=bf16`."""
    return "".join(
        f", {field}={value}"
        for field, info in Comparison.model_fields.items()
        if not info.is_required() and field != "accelerator_type" and (value := getattr(cell, field)) != info.default
    )
