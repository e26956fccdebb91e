"""What is said of options that are switched on in a loop, and what of those that are switched off in a script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.records.cells import SCRIPT

if TYPE_CHECKING:
    from bench.records.schema import Comparison, Summary

PER_STEP = (
    "**µs/step**: step time with the option minus step time without, from turns that follow each other within "
    "moments, with its 95 % interval; ~ means no measurable difference: the interval holds 0, or a clone of the loop "
    "{plain} differs by as much; [?] has no interval, and may be nothing but noise. One interval in twenty "
    "misses its price."
)
VARIES = (
    "it varies where steps differ among themselves, as with a bar that draws by the clock, and there is no usual count "
    "to subtract"
)

TENSORS = "**tensor kB**: by how much the peak of all tensors alive in a step is higher with the option than without."


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """The words in which the two kinds of price lists differ."""

    title: str
    switched: str
    """What is done with an option, and next to what it is measured."""
    step: str
    """What a step is called that others are compared with."""
    share: str
    """What follows a share of the step in a sentence."""
    switches: str
    """What stands over how options are switched."""
    how_to_read: tuple[str, ...]


OF_LOOPS = Words(
    title="What do the options of {} cost?",
    switched="One option at a time is switched on; {}.",
    step="without options",
    share="",
    switches="How each option is switched on",
    how_to_read=(
        PER_STEP.format(plain="without options"),
        "**of the step**: the same in percent of the step without options; for ~ its bounds.",
        "**Python calls, C calls, ops, syncs**: exact counts, how many more than without the option; of an event, how "
        f"many more than in the steps between; {VARIES}.",
        TENSORS,
        "**terminal B**: bytes written to a terminal per step, over 300 steps at a stretch.",
        "**what happens**: an event that the option brings now and then, and what one takes beyond the step that it "
        "falls into. It is no part of µs/step, which is the usual step between events.",
    ),
)
OF_SCRIPTS = Words(
    title="What do the options that {} has on cost it?",
    switched="One option at a time is switched off, before the script trains and without a change to its file; {}.",
    step="as the script is",
    share=" of every step",
    switches="How each option is on, and how it was switched off",
    how_to_read=(
        PER_STEP.format(plain="as it is"),
        "**of the step**: the same in percent of the script's step as it is: what it would save to switch the option "
        "off; for ~ its bounds. Options may have work in common, so that shares need not add up.",
        "**switched on by, switched off by**: how its own objects say that it is on, and what was done instead.",
        "**Python calls, C calls, ops, syncs**: exact counts, how many more a step makes than without the option; "
        f"{VARIES}.",
        TENSORS,
        "**what happens**: an event that the option brings now and then, and what one takes beyond what happens in the "
        "same steps without the option; in the column next to it spread over the steps up to the next. It is no part "
        "of µs/step, which is the usual step between events.",
    ),
)


def of(summary: Summary) -> Words:
    """The words of a price list."""
    return OF_LOOPS if summary.run.settings.scripts is None else OF_SCRIPTS


def of_comparison(comparison: Comparison) -> Words:
    """The words of a part of one."""
    return OF_SCRIPTS if comparison.workload == SCRIPT else OF_LOOPS
