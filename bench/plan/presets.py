"""How thorough a run is, by name; every figure of a preset can be overridden on the command line."""

from __future__ import annotations

from dataclasses import dataclass

MAX_BLOCKS = 40
"""Beyond it, more blocks of one machine do not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """Defaults of a run.

    Six blocks are the fewest that give a 95 % interval (exact signed-rank), which spans all of them.
    That of seven leaves out the outermost two; more blocks of one trial would mostly import frameworks.
    Blocks are added for the loops whose ratios are not known to within `target_ci`, a fraction, until
    there are `max_blocks`. docs/method.md has the figures.
    """

    batch_sizes: str
    workloads: str
    blocks: int
    trials_per_block: int
    target_ci: float | None = None
    max_blocks: int = MAX_BLOCKS


BATCH_SIZES = "8,32,128,512,2048"
PRESETS = {
    "quick": Preset(batch_sizes="64", workloads="mlp", blocks=6, trials_per_block=1),
    "standard": Preset(
        batch_sizes=BATCH_SIZES, workloads="mlp", blocks=7, trials_per_block=2, target_ci=0.02, max_blocks=16
    ),
    "thorough": Preset(
        batch_sizes=BATCH_SIZES, workloads="mlp,mlp-wide", blocks=12, trials_per_block=3, target_ci=0.02, max_blocks=24
    ),
}
