"""Which timed blocks others disturbed: a rule that the plan declares, which marks blocks and drops none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bench.analyse.caution import Caution
from bench.analyse.cells.seen import Seen
from bench.records.schema import Load, MarkedBlock, Run

MAX_NAMED = 8


def marked(run: Run, trials: Sequence[Seen]) -> list[MarkedBlock]:
    """The timed blocks in which others took more of the processors than `settings.foreign_load_limit`, in order.

    A block's load is what others used of the processors that the run may use, while its trials ran, in
    units of one core; what the hypervisor took belongs to it. Trials are summed first: the ticks of one
    alone are coarse, and a negative difference is as likely an error as a positive one. A block of several kinds
    of machine is one of each.
    """
    blocks = (_block(*place, loads) for place, loads in sorted(_by_block(trials).items(), key=_in_order))
    return [block for block in blocks if block.cores > run.settings.foreign_load_limit]


def warnings_of(blocks: Sequence[MarkedBlock], run: Run, trials: Sequence[Seen]) -> Iterator[Caution]:
    """One sentence on all marked blocks, the worst of them named, or on why nothing is known of their load."""
    timed = [trial for trial in trials if trial.phase == "timing"]
    if blocks:
        yield _sentence(blocks, run.settings.foreign_load_limit, len(set(map(_place, timed))))
    reasons = {trial.no_load for trial in timed if trial.no_load is not None}
    unknown = "whether other processes disturbed the blocks is unknown"
    yield from (Caution(unknown, f": {reason}") for reason in sorted(reasons))


Place = tuple[int, str | None]
"""The number of a block, and the kind of machine."""


def _place(trial: Seen) -> Place:
    return trial.block, trial.cell.accelerator_type


def _in_order(item: tuple[Place, object]) -> tuple[int, str]:
    (block, accelerator_type), _ = item
    return block, accelerator_type or ""


def _by_block(trials: Sequence[Seen]) -> dict[Place, list[Load]]:
    by_block: defaultdict[Place, list[Load]] = defaultdict(list)
    for trial in trials:
        if trial.phase == "timing" and trial.load is not None:
            by_block[_place(trial)].append(trial.load)
    return by_block


def _block(block: int, accelerator_type: str | None, loads: Sequence[Load]) -> MarkedBlock:
    return MarkedBlock(
        block=block,
        accelerator_type=accelerator_type,
        cores=cores(loads),
        foreign_s=_foreign_s(loads),
        stolen_s=sum(load.stolen_s for load in loads),
    )


def cores(loads: Sequence[Load]) -> float:
    """What others used while these trials ran, the hypervisor's share included, in units of one core; at least 0."""
    return (_foreign_s(loads) + sum(load.stolen_s for load in loads)) / sum(load.wall_s for load in loads)


def _foreign_s(loads: Sequence[Load]) -> float:
    return max(sum(load.busy_s - load.own_s for load in loads), 0.0)


def _sentence(blocks: Sequence[MarkedBlock], limit: float, timed: int) -> Caution:
    worst = sorted(blocks, key=lambda block: -block.cores)[:MAX_NAMED]
    named = ", ".join(f"block {block.block + 1}{_on(block)} {_percent(block.cores)}" for block in worst)
    more = f" and {len(blocks) - len(worst)} more" if len(blocks) > len(worst) else ""
    stolen_s, foreign_s = (sum(getattr(block, name) for block in blocks) for name in ("stolen_s", "foreign_s"))
    who = "the hypervisor" if stolen_s > foreign_s else "other processes"
    return Caution(
        f"foreign load: in {len(blocks)} of {timed} timed blocks {who} took more than {_percent(limit)} of one core "
        "while trials ran",
        f" ({named}{more}); they are kept, but step times in them may be too long and intervals wider",
    )


def _on(block: MarkedBlock) -> str:
    return "" if block.accelerator_type is None else f" on {block.accelerator_type}"


def _percent(cores: float) -> str:
    return f"{100 * cores:.0f} %"
