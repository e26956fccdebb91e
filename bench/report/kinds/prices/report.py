"""The report of a price list: what each option costs, per step and each time that something happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.analyse.warnings import name
from bench.plan.rounds import cell
from bench.report.document import numbers, steadiness
from bench.report.document.environment import machine_and_packages
from bench.report.document.parts import Paragraph
from bench.report.document.text import code, escape, folded, listed, plural, table
from bench.report.kinds.prices import rows
from bench.report.kinds.run import sentences

if TYPE_CHECKING:
    from bench.records.schema import Price, Summary
    from bench.report.kinds.prices.rows import PriceList

MAX_NAMED = 5
HOW_TO_READ = (
    "- **µs/step**: step time with the option minus step time without, from turns that follow each other within "
    "moments, with its 95 % interval; ~ is what cannot be told from nothing, since the interval holds 0 or a clone of "
    "the loop without options differs by as much.",
    "- **of a step**: the same in per cent of the step without options; of ~ between which bounds.",
    "- **Python calls, C calls, ops, syncs**: exact counts, how many more than without the option.",
    "- **terminal B**: bytes written to a terminal per step, over 300 steps at a stretch.",
    "- **what happens**: an event that the option brings now and then, and what one takes beyond the step that it "
    "falls into. It is no part of µs/step, which is the usual step between events.",
)


def report(summary: Summary, folder: str) -> str:
    """Write the whole report; the same summary always gives the same text."""
    del folder  # a price list is repeated by its command, not by its folder
    parts = [f"# {escape(title(summary))}", escape(setting(summary))]
    for each in rows.lists(summary):
        parts += _section(each)
    parts += [
        *_warnings(summary),
        folded("How to read this report", "\n".join(HOW_TO_READ)),
        "## How to repeat it",
        code(summary.run.command),
        folded("Machine and packages", machine_and_packages(summary)),
    ]
    return "\n\n".join(parts) + "\n"


def _section(each: PriceList) -> list[str]:
    parts = [f"## {escape(heading(each))}", escape(answer(each))]
    if each.prices:
        parts.append(table(rows.PER_STEP, list(map(rows.per_step, each.prices)), names=2))
    if each.events:
        parts += ["What happens now and then:", table(rows.PER_EVENT, list(map(rows.per_event, each.events)), names=2)]
    return parts + ([_bullets(missing(each))] if each.missing else [])


def _warnings(summary: Summary) -> list[str]:
    return ["## Warnings", _bullets(summary.warnings)] if summary.warnings else []


def _bullets(lines: list[str]) -> str:
    return "\n".join(f"- {escape(line)}" for line in lines)


def title(summary: Summary) -> str:
    """The question that the report answers."""
    return f"What do the options of {listed(summary.run.settings.runners)} cost?"


def setting(summary: Summary) -> str:
    """How it was measured."""
    settings = summary.run.settings
    timed = f"each option took turns with the same loop without any, in {plural(settings.blocks, 'block')} or more"
    how = timed if "timing" in settings.passes else "steps were counted, not timed"
    return steadiness.after(f"One option at a time is switched on; {how}.", summary)


def heading(each: PriceList) -> str:
    """Which list it is."""
    return name(cell(each.comparison, each.runner))


def answer(each: PriceList) -> str:
    """What a step takes without options, and which are the most expensive."""
    if each.step_us is None:
        return f"{plural(len(each.prices), 'option')} counted."
    plain = f"A step takes {numbers.number(each.step_us.value)} µs without options."
    named = [line(price) for price in each.prices if _costs(price)][:MAX_NAMED]
    nothing = sum(price.is_noise for price in each.prices)
    rest = f" {plural(nothing, 'option')} cannot be told from nothing." if nothing else ""
    return f"{plain} Per step, the most expensive: {'; '.join(named)}.{rest}" if named else f"{plain}{rest}"


def _costs(price: Price) -> bool:
    return price.step_us is not None and price.step_us.value > 0 and not price.is_noise


def line(price: Price) -> str:
    """`logging-1 +152 [148, 157] µs (+11 %)`."""
    return f"{price.cell.option} {rows.step_time(price)} µs ({rows.share(price)})"


def missing(each: PriceList) -> list[str]:
    """Which options have no price, and why."""
    return [f"{price.cell.option}: {price.reason}" for price in each.missing]


def paragraphs(summary: Summary) -> list[Paragraph]:
    """Write the answer as plain text: the report's first lines."""
    told = [
        Paragraph(lead=heading(each), lines=(answer(each), *missing(each)), answers=True)
        for each in rows.lists(summary)
    ]
    return [Paragraph(lead=setting(summary)), *told, *(Paragraph(lead=each) for each in sentences.failures(summary))]


def one_line(summary: Summary) -> str:
    """What was priced, and what costs most, for a list of runs."""
    found = [price for each in rows.lists(summary) for price in each.prices]
    shares = [(price.share.value, price) for price in found if price.share is not None and not price.is_noise]
    most = max(shares, key=lambda each: each[0])[1] if shares else None
    told = f"; most per step: {most.cell.option} of {most.cell.runner} {rows.share(most)}" if most else ""
    return f"prices of {plural(len(found), 'option')} of {listed(summary.run.settings.runners)}{told}"
