import json
import re

import pandas as pd
import pytest

from bench.errors import UsageError
from bench.report.export import files, frames
from tests import checks
from tests.report.rows import baseline, failed, row, summary_of


@pytest.fixture
def made():
    return summary_of(baseline(), row(counters={"python_calls": 882}), failed())


def test_csv_and_json_have_a_row_a_cell_and_units_in_the_names(made, tmp_path):
    written = files.export(made, tmp_path, ["csv", "json"])
    assert [path.relative_to(tmp_path).as_posix() for path in written] == ["export/cells.csv", "export/cells.json"]
    frame = pd.read_csv(written[0]).set_index("runner")
    assert frame.loc["hf-trainer", ["step_time_us", "step_time_us_low", "step_time_us_high"]].tolist() == [
        681,
        675,
        690,
    ]
    assert frame.loc["hf-trainer", "python_calls"] == 882
    assert pd.isna(frame.loc["lightning", "step_time_us"])
    (first, *_) = json.loads(written[1].read_text())
    assert (first["runner"], first["samples_per_second"], first["device_allocated_bytes"]) == ("pytorch", 176_000, None)


def test_what_only_some_tables_show_is_exported_all_the_same():
    cell = row(noise_floor=0.012, collector_pauses_per_1000_steps=2.5, collector_pause_us=8_100.0, import_torch_s=1.9)
    frame = frames.wide(summary_of(baseline(), cell)).set_index("runner")
    names = ["noise_floor", "collector_pauses_per_1000_steps", "collector_pause_us", "import_torch_s"]
    assert frame.loc["hf-trainer", names].tolist() == [0.012, 2.5, 8_100, 1.9]


def test_verdicts_are_exported_where_there_are_some(tmp_path):
    run = checks.planned()
    summary = checks.ended(run, checks.timed(run, checks.steps(checks.QUIET, 0.08)))
    files.export(summary, tmp_path, ["csv"])
    frame = pd.read_csv(tmp_path / "export" / "verdicts.csv").set_index("metric")
    assert 1.05 < frame.loc["step_time_us", "ratio"] < 1.11
    assert frame.loc["step_time_us", "runner"] == "hf-trainer"


def test_a_column_without_figures_has_the_type_that_it_has_in_other_runs(made):
    frame = frames.wide(made)
    assert frame["device_allocated_bytes"].dtype == frame["step_time_us"].dtype == "float64"


def test_latex_is_a_booktabs_table_in_which_nothing_is_markup(tmp_path):
    nasty = r"a_b&c%d$e#f{g}h~i^j\k"
    cells = (baseline(), row(nasty), row(overhead_us={"value": -63.3, "low": -69.0, "high": -58.7}))
    files.export(summary_of(*cells), tmp_path, ["latex"])
    text = (tmp_path / "export" / "table.tex").read_text()
    assert text.splitlines()[0] == r"% \usepackage{booktabs}, for pdfLaTeX also {textcomp}"
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1
    assert r"a\_b\&c\%d\$e\#f\{g\}h$\sim$i\textasciicircum{}j\textbackslash{}k" in text
    assert r"681 $\pm$1.3 \% & 94,100 & 1.88 {[}1.85, 1.90] & $-$63.3 {[}$-$69.0, $-$58.7] \\" in text
    assert "hf-trainer" in text
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {5}
    assert text.isascii()


def test_a_long_table_breaks_across_pages():
    cells = [make(batch_size=size) for size in range(1, 22) for make in (baseline, row)]
    text = files.latex(summary_of(*cells))
    assert text.startswith(r"% \usepackage{booktabs,longtable}")
    assert text.count(r"\\" + "\n") > 42


@pytest.mark.parametrize("asked", ["xls", "", "csv,xls"])
def test_an_unknown_format_is_refused(asked):
    with pytest.raises(UsageError, match="choose from csv, json, parquet and latex"):
        files.formats(asked)


def test_parquet_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="needs pyarrow, which is not installed: pip install pyarrow"):
        files.formats("csv,parquet")


def test_parquet_has_what_csv_has(made, tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    csv, parquet = files.export(made, tmp_path, files.formats("csv,parquet"))
    assert pd.read_parquet(parquet).to_csv(index=False) == csv.read_text()
