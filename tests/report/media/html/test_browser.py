"""The pages in a real browser, from files: filters, sorting, the view of functions, and what must not happen."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from bench.report import charts
from bench.report.charts import vega
from bench.report.kinds.index import entries as index
from bench.report.kinds.index.entries import Entry, brief
from bench.report.media.html import render
from tests.report.media.html.browser import requested, started
from tests.report.media.html.runs import EVIL, LOOP, several
from tests.report.rows import row, summary_of

WAIT_S = 20


@pytest.fixture(scope="module")
def browser():
    with started() as driver:
        yield driver


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    summary = several()
    (folder / "report.html").write_text(
        render.page(summary, "results/a", charts.drawings(summary), vega.vega()), encoding="utf-8"
    )
    runs = [Entry(folder=name, brief=brief(summary_of(row(device=name)))) for name in ("cpu", "cuda")]
    runs.append(Entry(folder=f"evil {EVIL}", brief=brief(summary)))
    (folder / "index.html").write_text(render.written(index.document(runs)), encoding="utf-8")
    return folder


@pytest.fixture
def report(browser, files):
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(f"file://{files}/report.html")
    WebDriverWait(browser, WAIT_S).until(lambda b: b.execute_script("return document.documentElement.dataset.drawn"))
    return browser


def choose(browser, name: str, value: str) -> None:
    Select(browser.find_element(By.CSS_SELECTOR, f"[data-filter={name}]")).select_by_visible_text(value)


def shown_rows(browser, table: str) -> list[list[str]]:
    """The texts of the rows in sight of the table below a heading."""
    script = """return [...document.querySelectorAll('.grid')]
        .filter(g => g.querySelector('h3')?.textContent == arguments[0])
        .flatMap(g => [...g.querySelectorAll('tbody tr')]).filter(r => r.offsetParent)
        .map(r => [...r.cells].map(c => c.textContent))"""
    return browser.execute_script(script, table)


def test_it_renders_without_an_error_and_asks_for_nothing(report):
    assert [entry for entry in report.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    schemes = [url.partition(":")[0] for url in requested(report)]
    assert set(schemes) <= {"file", "data"}
    assert schemes.count("file") == 1
    assert len(report.find_elements(By.CSS_SELECTOR, "[data-chart] svg")) == len(charts.pictures(several()))


def test_names_stay_text(report):
    assert report.execute_script("return window.hacked") is None
    assert EVIL in report.title
    assert EVIL in report.find_element(By.ID, "warnings").text
    assert [LOOP in texts for texts in shown_rows(report, "Time")].count(True) == 4


def test_figures_in_the_tables_are_those_of_the_summary(report):
    script = """return [...document.querySelectorAll('.grid')].find(g => g.querySelector('h3')?.textContent == 'Time')
        .querySelector('tbody').querySelectorAll('td:nth-child(4)')"""
    values = [cell.get_attribute("data-value") for cell in report.execute_script(script)]
    expected = [None if cell.step_time_us is None else cell.step_time_us.value for cell in in_order()]
    assert [value and float(value) for value in values] == expected


def in_order():
    from bench.report.document.groups import groups

    return [cell for group in groups(several()) for cell in group.cells]


def test_filters_change_the_tables(report):
    everything = shown_rows(report, "Time")
    choose(report, "workload", "mlp-wide")
    choose(report, "batch-size", "8")
    rows = shown_rows(report, "Time")
    assert len(everything) == 17
    assert [texts[:3] for texts in rows] == [
        ["8", name, "mlp-wide"] for name in ("pytorch", "hf-trainer", LOOP, "fabric, different (1)")
    ]
    assert "4 of 17 rows" in report.find_element(By.CSS_SELECTOR, ".grid .shown").text
    leads = [lead.text for lead in report.find_elements(By.CSS_SELECTOR, ".answer .strong") if lead.text]
    assert leads
    assert all(lead.startswith("mlp-wide on cpu") for lead in leads)
    choose(report, "metric", "memory and start-up")
    assert shown_rows(report, "Time") == []
    assert len(shown_rows(report, "Memory and start-up")) == 4
    assert not report.find_element(By.ID, "charts").is_displayed()
    report.find_element(By.CSS_SELECTOR, "[type=reset]").click()
    WebDriverWait(report, WAIT_S).until(lambda b: shown_rows(b, "Time") == everything)


def test_a_header_sorts_by_the_figure_and_says_so(report):
    before = shown_rows(report, "Time")
    header = report.find_element(By.XPATH, "//h3[text()='Time']/..//th[contains(., 'step time')]")
    button = header.find_element(By.TAG_NAME, "button")
    orders = {}
    for _ in range(3):
        button.send_keys(Keys.ENTER)
        orders[header.get_attribute("aria-sort")] = [texts[3] for texts in shown_rows(report, "Time")]
    assert list(orders) == ["ascending", "descending", "none"]
    assert [orders["ascending"][0][:3], orders["descending"][0][:3]] == ["363", "681"]
    assert "out of memory" in orders["ascending"][-1]
    assert "out of memory" in orders["descending"][-1]
    assert shown_rows(report, "Time") == before


def test_the_view_of_functions(report):
    view = report.find_element(By.CSS_SELECTOR, ".flames")
    blocks = [each.get_attribute("aria-label") for each in view.find_elements(By.CSS_SELECTOR, ".icicle button")]
    assert blocks[0] == "hf-trainer: +50 Python calls per step"
    assert "transformers: +42 Python calls per step" in blocks
    assert "transformers/trainer.py:100 Trainer.training_step: +30 Python calls per step" in blocks
    assert "+45 Python calls per step in 4 functions" in view.find_element(By.CLASS_NAME, "shown").text
    assert "1 function, -5 Python calls" in view.find_element(By.CLASS_NAME, "undrawn").text
    widths = [b.rect["width"] for b in view.find_elements(By.CSS_SELECTOR, ".level:nth-child(2) button")]
    assert widths[0] / sum(widths) == pytest.approx(42 / 50, abs=0.01)


def test_functions_can_be_searched(report):
    view = report.find_element(By.CSS_SELECTOR, ".flames")
    view.find_element(By.NAME, "find").send_keys("COMPUTE_loss")
    assert view.find_element(By.CLASS_NAME, "shown").text == (
        "1 of 4 functions match: +12 of +45 Python calls per step."
    )
    rows = view.find_elements(By.CSS_SELECTOR, "tbody tr")
    assert [row.text for row in rows] == ["Trainer.compute_loss transformers/trainer.py:200 0 12 +12"]
    assert [b.text for b in view.find_elements(By.CSS_SELECTOR, ".hit")] == ["Trainer.compute_loss +12"]


def test_functions_can_be_walked_by_keyboard(report):
    blocks = report.find_elements(By.CSS_SELECTOR, ".icicle button")
    assert [b.get_attribute("tabindex") for b in blocks].count("0") == 1
    blocks[0].send_keys(Keys.ARROW_DOWN)
    report.switch_to.active_element.send_keys(Keys.ENTER)
    focused = report.switch_to.active_element
    assert focused.text == "transformers +42"
    assert focused.rect["width"] == pytest.approx(report.find_element(By.CLASS_NAME, "icicle").rect["width"], abs=2)
    focused.send_keys(Keys.ESCAPE)
    assert report.switch_to.active_element.text == "hf-trainer +50"


def test_a_choice_of_the_page_narrows_the_functions(report):
    choose(report, "workload", "mlp-wide")
    at = Select(report.find_element(By.NAME, "at"))
    assert [option.text for option in at.options] == ["batch 8, mlp-wide", "batch 64, mlp-wide"]


@pytest.mark.parametrize("width_px", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_its_window_and_can_be_read(report, width_px, scheme):
    size = {"width": width_px, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    report.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    assert report.execute_script("return document.documentElement.scrollWidth") <= width_px
    colours = report.execute_script(
        "const s = getComputedStyle(document.body); const c = document.querySelector('.chart svg');"
        "return [s.backgroundColor, getComputedStyle(c).backgroundColor, s.color]"
    )
    page, chart, text = colours
    assert (page == "rgb(255, 255, 255)") == (scheme == "light")
    assert page == chart != text
    report.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    report.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_chart_says_what_lies_under_the_pointer(report):
    point = report.find_element(By.CSS_SELECTOR, "[data-chart] svg .mark-symbol path")
    report.execute_script("arguments[0].scrollIntoView({block: 'center'})", point)
    box = "const r = arguments[0].getBoundingClientRect(); const at = {clientX: r.x + r.width / 2, clientY: r.y + 2,"
    report.execute_script(
        f"{box} bubbles: true}}; arguments[0].dispatchEvent(new PointerEvent('pointermove', at));"
        "arguments[0].dispatchEvent(new MouseEvent('mousemove', at));",
        point,
    )
    tip = WebDriverWait(report, WAIT_S).until(lambda b: b.find_element(By.CSS_SELECTOR, ".tip:not([hidden])"))
    assert "runner" in tip.text


def test_runs_can_be_found(browser, files):
    browser.get(f"file://{files}/index.html")
    names = "return [...document.querySelectorAll('tbody tr')].filter(r => r.offsetParent).map(r => r.dataset.device)"
    assert browser.execute_script(names) == ["cpu", "cuda", "cpu"]
    choose(browser, "device", "cuda")
    assert browser.execute_script(names) == ["cuda"]
    choose(browser, "device", "all")
    browser.find_element(By.CSS_SELECTOR, "[data-filter=text]").send_keys("EVIL")
    assert browser.execute_script(names) == ["cpu"]
    assert browser.execute_script("return window.hacked") is None
    browser.find_element(By.CSS_SELECTOR, "[data-filter=text]").send_keys(" nowhere")
    assert browser.execute_script(names) == []
    assert browser.find_element(By.CSS_SELECTOR, ".shown").text == "0 of 3 rows"
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    WebDriverWait(browser, WAIT_S).until(lambda b: len(b.execute_script(names)) == 3)
    header = browser.find_element(By.XPATH, "//th[button[text()='cells']]/button")
    header.click()
    ascending = browser.execute_script(CELLS)
    assert ascending == sorted(ascending)
    header.click()
    assert browser.execute_script(CELLS) == ascending[::-1] != ascending
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


CELLS = "return [...document.querySelectorAll('td[data-value]')].map(cell => Number(cell.dataset.value))"
