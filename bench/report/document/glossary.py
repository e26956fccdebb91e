"""How to read a report, for someone who has never seen one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.report.document.blocks import Folded, bullets, folded
from bench.report.document.columns import NO_DIFFERENCE
from bench.report.document.numbers import TOO_FEW_BLOCKS
from bench.report.document.text import marked, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.records.schema import Settings

WORDS = {
    "runner": "One training loop. The hand-written PyTorch loop is the baseline. `floor` is the same loop without a "
    "loader, its batches already on the device: nobody trains like that, and what is left is arithmetic.",
    "cell": "One runner on one workload, device and batch size: one row.",
    "batch": "The size of the micro-batch: the samples of one forward and backward pass.",
    "step time": "From the end of one optimizer step to the end of the next, so that loading, transfer, callbacks and "
    "everything else between two steps is charged to the loop that causes it: the median steady step of each turn, by "
    "the device's own events where it has them, then the middle over turns and blocks. `±` is the interval's farther "
    "bound.",
    "steady": "Kept steps of a turn away from the ends of epochs, without what Python's collector paused.",
    "samples/s": "What a step's samples are over its mean time and its share of epochs and of the collector's pauses.",
    "ratio": "Step time divided by the hand-written loop's, from turns that met the same moment: 2 means that a step "
    "takes twice as long.",
    "noise floor": "How far the baseline seems to differ from a clone of itself that takes turns like any other loop: "
    "what noise alone can show.",
    "overhead": "Step time minus the hand-written loop's, from the same pairs. Most of it is Python that runs once a "
    "step, whatever the model is: what a loop adds to a tiny step it also adds to yours, where it may be a small "
    "share. Compare the batch sizes to see how constant it is.",
    "[low, high]": "The 95 % interval: the true figure lies in it, unless this run was one of the unlucky 5 %. "
    f"`{TOO_FEW_BLOCKS}` stands where the blocks were too few for one.",
    f"`{NO_DIFFERENCE}`": "No difference that this run can detect: the ratio is inside the noise floor, or its "
    "interval holds 1, or that of an overhead holds 0.",
    "withheld": "No ratio, because the loop is not proven to do the same arithmetic as the hand-written one.",
    "p95, p99": "95 (99) of 100 steady steps, taken over all trials, last no longer than this; on an "
    "accelerator that records them, by its own events.",
    "block": "One comparison measured once: a fresh process for each of its cells, which then take turns. Blocks are "
    "the repeats that count.",
    "trial": "One process that runs one cell once.",
    "turn": "A few steps of one trial, timed while the others of its comparison wait; the first of them, which find "
    "the caches of whoever ran before, are left out.",
    "allocated, reserved, process MB": "Peak device memory: what tensors held, what torch's allocator had taken for "
    "them, and what the driver counts for the whole process at its last step. 1 MB is 1,000,000 bytes.",
    "host MB": "Peak resident memory of the process, above that of a Python interpreter that has imported nothing yet. "
    "Loader workers are processes of their own, whose memory is not in it.",
    "first step": "From calling the loop to the end of its first optimizer step, imports not counted; `floor` "
    "also loads all of its batches in that time.",
    "epoch": "What an epoch costs beyond its steps, whichever of them do the work.",
    "pauses": "Full collections of Python's garbage: they look at every object there is.",
    "Python calls, C calls, ops, syncs": "Exact counts of one steady step, from runs of their own that are not timed: "
    "calls of Python functions and from Python into C in the loop's thread, torch's operators by themselves, and "
    "values that an operator reads back to the host. They depend on the versions installed, not on machine noise.",
    "data, forward, backward, optimizer, rest": "What a steady step waits for the loader, spends in the model and its "
    "loss, in autograd, in the optimizer's step, and in everything else that the loop does.",
    "own time": "Wall time that a function spends itself, what it calls not counted, by samples of a run of its own.",
    "J per 1,000 samples": "Energy by the hardware's own counter: a card's whole board, or a CPU's whole package with "
    "all that runs on it.",
    "tensor kB": "Peak bytes of the tensors alive in a steady step, the dataset's left out.",
    "import s, import MB": "What importing the runner takes, once per process: torch, and its framework on top.",
}

OF_SCRIPTS: dict[str, str | None] = {
    "runner": "One script with its arguments, run as it is. The first one is the baseline.",
    "cell": "One script on one device: one row.",
    "batch": None,
    "step time": "From the end of one step of the optimizer to the end of the next, so that loading, transfer, logging "
    "and everything else between two steps is charged to the script: the median step of each turn, by the device's own "
    "events where it has them, then the middle over turns and blocks. `±` is the interval's farther bound.",
    "steady": "Kept steps of a turn, without what Python's collector paused. Of the passes that are not timed: the "
    "steps after the first few.",
    "samples/s": "What a step's samples are over its mean time, in which is whatever the script does between steps, "
    "evaluation included, and its share of the collector's pauses.",
    "ratio": "Step time divided by the first script's, from turns that met the same moment: 2 means that a step takes "
    "twice as long.",
    "overhead": "Step time minus the first script's, from the same pairs.",
    "withheld": "No ratio, because the script is not proven to do the same arithmetic as the first one.",
    "first step": "From the script's start to the end of its first optimizer step; the imports that it begins with are "
    "not counted.",
    "epoch": None,
    "data, forward, backward, optimizer, rest": "What a steady step waits for a `DataLoader`, spends in modules, in "
    "autograd, in the optimizer's step, and in all else that the script does, such as a loss that is no module.",
    "evaluation": "From the moment at which what is trained is switched to evaluate until it trains again. No phase "
    "has it; samples/s has it.",
    "import s, import MB": "What the imports take that the script begins with, once per process: torch, and the others "
    "on top.",
}
"""What the words mean where scripts are compared; None of what they do not have."""
TO_THE_END = {
    "whole s": "From the script's start to its end, its exit handlers included, without the turns of the others; the "
    "imports that it begins with are not counted.",
    "after the last s": "What of that comes after the last step.",
}

ADDED = (
    "A block for the loops alone whose ratios were not precise enough yet, and the baseline with them. Ratios "
    "and overheads have its pairs; all other figures are of the blocks that every cell has part in, so rows "
    "can be compared with each other."
)


KERNELS = (
    "**kernels, device syncs**: counted likewise: what the host launches on the device, and how often it waits for it."
)
ALLOCATIONS = "**allocations**: how often a step asks torch's allocator for memory of the device."


def how_to_read(entries: Sequence[str]) -> Folded | None:
    """Fold entries, in which `code` and **words** are marked."""
    return folded("How to read this report", bullets(map(marked, entries)))


def of_device(settings: Settings, *, are_differences: bool = False) -> tuple[str, ...]:
    """What is counted on accelerators alone, and of some kinds of reports told as a difference."""
    if "counting" not in settings.passes or all(comparison.device == "cpu" for comparison in settings.comparisons):
        return ()
    return (KERNELS,) if are_differences else (KERNELS, ALLOCATIONS)


def entries(settings: Settings) -> list[str]:
    """One line a word, then why the number of threads is what it is."""
    lines = [f"**{word}**: {meaning}" for word, meaning in _words(settings).items() if meaning is not None]
    return [*lines, *of_device(settings), f"**threads**: {_threads(settings)}"]


def _words(settings: Settings) -> Mapping[str, str | None]:
    words: dict[str, str | None] = {**WORDS}
    if settings.scripts is not None:
        words |= OF_SCRIPTS | (TO_THE_END if settings.scripts.to_the_end else {})
    return words if settings.target_ci is None else words | {"added block": ADDED}


def _threads(settings: Settings) -> str:
    if settings.scripts is not None:
        return f"torch computes on {plural(settings.threads, 'CPU thread')}; `--threads` gives scripts more."
    if settings.threads == 1:
        return (
            "torch computes on one CPU thread, the default: the loops differ in their Python, which runs on one, "
            "and more for the arithmetic, which is equal in all of them, would only add noise."
        )
    return f"torch computes on {plural(settings.threads, 'CPU thread')} in every runner."
