"""The page as text: what can be said of it without a browser."""

import json
import re
from html.parser import HTMLParser

import pytest

from bench.report import charts
from bench.report.charts import Drawing, vega
from bench.report.document.text import Code, Strong, marked
from bench.report.kinds.run import report
from bench.report.media.html import layout, render
from bench.report.media.html.functions import functions
from tests.report.media.html.runs import EVIL, several
from tests.report.rows import summary_of

VOID = {"meta", "link", "img", "input", "br"}
MAX_BYTES = 3_000_000


class Strict(HTMLParser):
    """Holds the nesting of a page, its text, and the attributes of each of its elements."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.open, self.getpos())

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.text.append(data)


def parsed(text: str) -> Strict:
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


def drawing(file: str = "ratios-mlp-on-cpu.svg") -> Drawing:
    return Drawing(file=file, alt=f"what {EVIL} shows", svg="<svg/>", specification={"title": EVIL})


def data_of(text: str) -> dict:
    block = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert block is not None
    return json.loads(block[1])


@pytest.fixture(scope="module")
def page() -> str:
    return render.page(several(), "results/a", [drawing()], vega.vega())


def test_it_is_well_formed_and_no_name_becomes_markup(page):
    tags = [tag for tag, _ in parsed(page).elements]
    assert "b" not in tags
    assert tags.count("script") == 2 + len((*render.SCRIPTS, *render.SCRIPTS_OF_FIGURES))  # data and Vega
    assert "window.hacked" not in re.sub(r"&lt;|\\u003c", "", "".join(re.findall(r"<script>[^<]*window.hacked", page)))


def test_names_stay_text_in_the_data(page):
    data = data_of(page)
    assert data["charts"]["ratios-mlp-on-cpu.svg"] == {"title": EVIL}
    assert ["torch", "torch/optim/optimizer.py", f"step{EVIL}", 300] in data["functions"]["places"]


def test_nothing_in_it_is_fetched(page):
    elements = parsed(page).elements
    links = [each[name] or "" for _, each in elements for name in ("src", "href") if name in each]
    assert links
    assert all(link.startswith(("data:", "#")) for link in links)
    policy = next(each["content"] for _, each in elements if each.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy


def test_figures_are_those_of_the_summary(page):
    shown = {
        float(each["data-value"] or "nan")
        for tag, each in parsed(page).elements
        if tag == "td" and "data-value" in each
    }
    for cell in several().cells:
        if cell.step_time_us is not None:
            assert {cell.step_time_us.value, cell.batch_size, cell.host_rss_bytes, cell.import_s} <= shown
        if cell.ratio is not None:
            assert {cell.ratio.value, cell.overhead_us.value} <= shown


def test_what_is_withheld_has_no_figure_either():
    from tests.report.rows import baseline, different, estimate

    withheld = different(ratio=estimate(1.777, 1.7, 1.8))
    assert "1.777" not in render.page(summary_of(baseline(), withheld), "a")


def test_filters_are_offered_where_there_is_a_choice():
    choices = render.choices(layout.page(report.document(several(), "a")))
    assert choices == {
        "workload": ["mlp", "mlp-wide"],
        "batch size": ["8", "64"],
        "metric": ["time", "memory and start-up"],
    }


def test_functions_keep_their_figures():
    listed = functions(several())
    cell = listed["cells"][listed["start"]]
    assert (cell["runner"], cell["facets"]["batch size"]) == ("hf-trainer", "8")
    rows = {
        tuple(listed["places"][place][1:3]): (before, after) for place, before, after in cell["rows"]["python_calls"]
    }
    assert rows["transformers/trainer.py", "Trainer.training_step"] == (0, 30)
    assert rows["torch/utils/data.py", "fetch"] == (9, 4)


def test_a_figure_that_json_cannot_say_is_none():
    assert render.finite({"a": [float("nan"), 1.5, (float("inf"), "x")]}) == {"a": [None, 1.5, [None, "x"]]}


def test_what_is_marked_in_a_glossary_stands_out_and_nothing_else_is_markup():
    entry = marked("**a & b**: see `<x>`.")
    assert entry == (Strong(("a & b",)), ": see ", Code("<x>"), ".")
    assert render.rich(entry) == "<strong>a &amp; b</strong>: see <code>&lt;x&gt;</code>."


def test_a_run_with_charts_is_small_enough():
    summary = several()
    text = render.page(summary, "a", charts.drawings(summary), vega.vega())
    assert 600_000 < len(text.encode()) < MAX_BYTES


def test_the_library_cannot_close_its_block(monkeypatch, tmp_path):
    import vl_convert

    monkeypatch.setenv("LOOPTAX_CACHE", str(tmp_path))
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: f'"</SCRIPT></script>"; {snippet}')
    vega.vega.cache_clear()
    assert vega.vega() == f'"<\\/SCRIPT><\\/script>"; {vega.SNIPPET}'
    vega.vega.cache_clear()


def test_the_same_summary_gives_the_same_page(page):
    assert page == render.page(several(), "results/a", [drawing()], vega.vega())
