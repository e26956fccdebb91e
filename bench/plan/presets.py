"""How thorough a run is, by name; every figure of a preset can be overridden on the command line."""

from __future__ import annotations

from dataclasses import dataclass

TURNS_S = 4.0
"""How long the turns of a block last: to start its trials takes half as long, and their luck differs by less."""
MAX_BLOCKS = 40
"""Beyond it, more blocks of one machine do not help."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preset:
    """Defaults of a run.

    Six blocks are the fewest that give a 95 % interval (exact signed-rank), which spans all of them.
    That of seven or eight leaves out the outermost. Blocks are added for the loops whose ratios are not
    known to within `target_ci`, a fraction, until there are `max_blocks`. Interpreters serve
    `blocks_per_set` blocks, the trials of which take turns for `turns_s`. docs/method.md has the figures.
    """

    batch_sizes: str
    workloads: str
    blocks: int
    target_ci: float
    max_blocks: int
    blocks_per_set: int
    turns_s: float = TURNS_S


BATCH_SIZES = "8,32,128,512,2048"
LIGHT_WORKLOADS = ("mlp", "mlp-wide")
"""A sample of theirs costs so little that thousands make a batch; of others, the user's own among them, it may not."""
BATCH_SIZES_OF_OTHERS = "8"
PRESETS = {
    "quick": Preset(batch_sizes="64", workloads="mlp", blocks=8, target_ci=0.02, max_blocks=12, blocks_per_set=6),
    "standard": Preset(
        batch_sizes=BATCH_SIZES, workloads="mlp", blocks=8, target_ci=0.015, max_blocks=9, blocks_per_set=5
    ),
    "thorough": Preset(
        batch_sizes=BATCH_SIZES, workloads="mlp,mlp-wide", blocks=12, target_ci=0.01, max_blocks=32, blocks_per_set=4
    ),
}


def batch_sizes(asked: str | None, workload: str | None, usual: str) -> str:
    """What `--batch-size` says, else what is `usual`, or of workloads that may be heavy the one size that is not."""
    trained = {name.strip() for name in workload.split(",")} if workload else set()
    return asked or (usual if trained <= set(LIGHT_WORKLOADS) else BATCH_SIZES_OF_OTHERS)
