"""Every renderer that shows a whole document shows all that it says, whichever kind of report it is."""

import html
import re
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

from bench.analyse.verdicts.compare import Stored, compare
from bench.plan.calibration import defaults
from bench.report import kinds
from bench.report.charts import Drawing
from bench.report.document.blocks import Block, CellTable, Figure, Flames, Warnings, leaves
from bench.report.document.tables import batch_and_runner, tabulated
from bench.report.kinds.compare.kind import KIND as COMPARE
from bench.report.kinds.index import entries as index
from bench.report.kinds.machine import calibration, doctor
from bench.report.kinds.side_by_side import report as side_by_side
from bench.report.media import github, markdown, terminal
from bench.report.media.html import render
from tests import factories, searches
from tests.analyse.releases.test_history import a_summary
from tests.plan.test_calibration import NOISY
from tests.report.answers import answer
from tests.report.kinds.bisect.test_report import bisected, by_time
from tests.report.kinds.machine.test_doctor import FINE, NOTE, UNFIT, WARNING, diagnosis
from tests.report.kinds.run.test_counters import COUNTERS
from tests.report.kinds.run.test_phases import PHASES
from tests.report.kinds.side_by_side.test_report import both
from tests.report.kinds.upgrade.test_report import one_more_sync, regressed
from tests.report.media.html.runs import attribution, several
from tests.report.media.html.test_page import parsed
from tests.report.rows import baseline, failed, floor, row, summary_of, with_settings

EVERY_PASS = ["equivalence", "timing", "counting", "phases", "trace"]
NOT_SAID = {
    *("facets", "metric", "wide", "role", "strong", "file", "target", "against", "counted", "names", "urgent"),
    "droppable",
}
"""Fields that say how a block is shown, and nothing to its reader; the links of a page are words."""
COLLECTED = {"collector_pauses_per_1000_steps": 2.5, "collector_pause_us": 4120.0, "collector_us_per_step": 10.3}


def whole_run():
    """A run of every pass, two workloads and two batch sizes, with more warnings than are shown at once."""
    cells, extra = [], []
    for workload in ("mlp", "mlp-wide"):
        for size in (8, 64):
            at = {"workload": workload, "batch_size": size, "workers": 2, "counters": COUNTERS, "phases_us": PHASES}
            cells += [baseline(**at), row(**at, **COLLECTED, tensor_bytes=70_000), floor(**at)]
            extra += attribution("hf-trainer", workload=workload, batch_size=size, workers=2)
    warnings = [f"warning {number} <b>" for number in range(13)]
    made = summary_of(*cells, failed("lightning", workload="mlp", batch_size=64), warnings=warnings)
    return with_settings(made, passes=EVERY_PASS).model_copy(update={"attribution": extra})


def stepped_around():
    run = searches.planned()
    return searches.summary(
        run, searches.counted(run, {"4.46.3": 6, "4.47.0": 7}), [searches.unusable(run, "4.47.1", "no *wheel*")]
    )


def of_run(summary):
    return kinds.of(summary.run.kind).document(summary, "results/a")


def two_runs():
    run, newer = factories.run(runners=("pytorch", "hf-trainer")), factories.run(runners=("pytorch", "hf-trainer"))
    slower = {"pytorch": 400.0, "hf-trainer": 900.0}
    sides = [
        Stored(folder=name, run=of, trials=factories.journal(of, **step))
        for name, of, step in (("results/a", run, {}), ("results/b", newer, {"step_us": slower}))
    ]
    return COMPARE.document(compare(*sides, margin=0.03, fail_on=["time"]))


def side_by_side_with_charts():
    sides = both()
    return side_by_side.document(sides, "out", [(sides[0], Drawing(file="a.svg", alt="A.", svg="", specification={}))])


def index_of_runs():
    runs = {"whole": whole_run(), "upgrade": regressed(), "bisect": bisected(), "evil <b>": several()}
    return index.document(
        index.Entry(folder=name, brief=index.brief(summary), has_page=name != "bisect")
        for name, summary in runs.items()
    )


DOCUMENTS = {
    "run": lambda: of_run(whole_run()),
    "run with wicked names": lambda: of_run(several()),
    "run without figures": lambda: of_run(summary_of(failed("pytorch"), failed())),
    "upgrade": lambda: of_run(regressed()),
    "upgrade by counters": lambda: of_run(one_more_sync()),
    "history": lambda: of_run(a_summary()),
    "bisect": lambda: of_run(bisected()),
    "bisect by time": lambda: of_run(by_time()),
    "bisect around a release": lambda: of_run(stepped_around()),
    "compare": two_runs,
    "side by side": side_by_side_with_charts,
    "index": index_of_runs,
    "doctor": lambda: doctor.document(diagnosis(NOTE, FINE, UNFIT, WARNING)),
    "calibration": lambda: calibration.document(NOISY, defaults(NOISY), Path("calibrations") / "cpu.json"),
}


@pytest.fixture(params=DOCUMENTS)
def document(request):
    return DOCUMENTS[request.param]()


def said(thing):
    """Every word of a document: all strings of its blocks, and of each table of cells what stands in its rows."""
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, CellTable):
        table = tabulated(thing.cells, [c for c in thing.columns if c.key not in thing.wide], batch_and_runner)
        yield from (thing.title, *table.headers, *table.left_out, *table.notes)
        yield from (re.sub(r" \(\d+\)$", "", text) for line in table.texts for text in line)
    elif isinstance(thing, Warnings):
        yield from thing.lines or [thing.nothing]
    elif isinstance(thing, tuple | list):
        yield from (text for each in thing for text in said(each))
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from said(getattr(thing, field.name)) if field.name not in NOT_SAID else ()


def squeezed(text):
    """Without blanks, which renderers fold, and in small letters: a title may stand in a heading or after one."""
    return "".join(text.split()).lower()


def words_of_markdown(text):
    return squeezed(html.unescape(re.sub(r"\\(.)", r"\1", text)))


def words_of_page(text):
    page = parsed(text)
    return squeezed(" ".join(page.text) + " ".join(each["alt"] or "" for _, each in page.elements if "alt" in each))


def drawn(document):
    """A chart for each that the document has."""
    figures = [block for block in leaves(document.blocks) if isinstance(block, Figure)]
    return [Drawing(file=figure.file, alt=figure.alt, svg="<svg/>", specification={}) for figure in figures]


def missing(blocks, shown):
    # Backslashes are markdown's own sign.
    return [text for text in said(blocks) if squeezed(text).replace("\\", "") not in shown]


def test_all_that_a_document_says_is_in_report_md(document):
    to_read = [block for block in document.blocks if not all_flames(block)]
    assert missing((document.title, *to_read), words_of_markdown(markdown.written(document))) == []


def all_flames(block):
    """Whether there is nothing to read in a block, and all to be looked through."""
    return all(isinstance(each, Flames) for each in leaves((block,)))


def test_all_that_a_document_says_is_on_its_page(document):
    assert missing((document.title, *document.blocks), words_of_page(render.written(document, drawn(document)))) == []


def test_a_ci_summary_has_every_section(document):
    text = github.summary(answer(document=document))
    for block in document.blocks:
        if not getattr(block, "answers", False) and hasattr(block, "title"):
            assert f"<summary>{markdown.escape(block.title)}</summary>" in text or not markdown.Writer(
                beside_folder=False
            ).body(block.blocks, level=3)


def test_wherever_little_is_told_the_answer_and_the_gravest_warnings_are(document):
    warned = [(block.gravest or block.lines)[:2] for block in leaves(document.blocks) if isinstance(block, Warnings)]
    lines = {line.strip() for line in terminal.lines(document)}
    summary = words_of_markdown(github.summary(answer(document=document)).split("<details>")[0])
    for line in (line for lines in warned for line in lines):
        assert " ".join(line.split()) in lines
        assert squeezed(line) in summary


def test_no_sort_of_block_is_untried():
    tried = {type(block) for make in DOCUMENTS.values() for block in every(make().blocks)}
    assert tried == set(Block.__args__)


def every(blocks):
    for block in blocks:
        yield block
        yield from every(getattr(block, "blocks", ()))


def test_what_is_looked_through_on_a_page_is_a_file_beside_the_report():
    text = markdown.written(of_run(whole_run()))
    assert any(isinstance(block, Flames) for block in leaves(of_run(whole_run()).blocks))
    assert "[tables/attribution.csv](tables/attribution.csv)" in text
