from __future__ import annotations

import html
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.records.schema import STEP_QUANTILES, CellSummary, DeviceMemory, Estimate, Summary
from bench.report import charts
from bench.report.charts import bars, distribution, forest, lines, parts, render
from bench.report.charts.history import ReleasePoint, history
from bench.report.charts.names import clipped, short_names
from bench.report.charts.notes import placed
from bench.report.charts.spans import Span, apart, covering
from bench.report.charts.theme import DARK, LIGHT, MARKS, Look, Theme, colours, stylesheet
from bench.report.document.groups import Group, groups
from tests.report.rows import baseline, different, estimate, failed, floor, row, summary_of

ROOT = Path(__file__).parents[3]
PHASES = {"data": 150.0, "forward": 70.0, "backward": 110.0, "optimizer": 120.0, "rest": 19.0}
CATEGORIES = {"parameters": 10_568, "gradients": 2_248, "optimizer_state": 21_160, "batch": 33_792}
OWN, OTHER = "/home/x/a/my_loop.py", "/home/x/b/my_loop.py"


def one_size() -> Summary:
    return summary_of(baseline(), row(), failed("lightning"), different("fabric"), floor(), row(OWN))


def several_sizes() -> Summary:
    """Lightning stops at 64, accelerate has a hole at 64 and no intervals, fabric is nowhere."""
    cells = []
    for size, factor in ((8, 0.5), (64, 1.0), (512, 1.5)):
        at = {"batch_size": size, "samples_per_second": estimate(9e4 * factor, 8e4 * factor, 1e5 * factor)}
        cells += [baseline(**at), row(**at, phases_us=PHASES, tensor_bytes_by_category=CATEGORIES), floor(**at)]
        cells.append(failed("lightning", batch_size=size) if size == 512 else row("lightning", **at))
        bare = at | {"samples_per_second": estimate(7e4), "overhead_us": estimate(143), "ratio": estimate(1.4)}
        cells.append(failed("accelerate", "timeout", batch_size=size) if size == 64 else row("accelerate", **bare))
        cells.append(failed("fabric", "missing", batch_size=size))
    return summary_of(*cells)


def only(summary: Summary) -> Group:
    (group,) = groups(summary)
    return group


def svg(chart: object) -> str:
    return render.svg(chart, "a chart")


def texts(picture: str) -> list[str]:
    """All that is written in a picture; the lines of one text joined by a space."""
    found = re.findall(r"<text[^>]*?(?<!/)>(.*?)</text>", picture)
    return [html.unescape(" ".join(re.sub(r"<[^>]*>", " ", text).split())) for text in found]


def rows_of(chart: Any, layer: int) -> list[dict[str, Any]]:
    """The data of one layer, which Altair may keep beside the layers."""
    spec = chart.to_dict()
    data = spec["layer"][layer].get("data") or spec["data"]
    found: list[dict[str, Any]] = data["values"] if "values" in data else spec["datasets"][data["name"]]
    return found


def spread(summary: Summary) -> Summary:
    """The same with a distribution of step times in every row that was timed."""
    quantiles = {"step_quantiles_us": np.linspace(300.0, 900.0, STEP_QUANTILES).tolist()}
    cells = [cell.model_copy(update=quantiles) if cell.step_time_us else cell for cell in summary.cells]
    return summary.model_copy(update={"cells": cells})


def everything() -> dict[str, str]:
    """Every kind of chart, by a name."""
    many, one = spread(several_sizes()), spread(one_size())
    points = [ReleasePoint(release="4.34.1", ratio=estimate(1, 0.99, 1.01), counters={"python_calls": 760})]
    points += [ReleasePoint(release="4.40.0", change=True, note="a note"), ReleasePoint(release="5.0.0")]
    return {
        **{f"many/{name}": text for name, text in charts.svgs(many).items()},
        **{f"one/{name}": text for name, text in charts.svgs(one).items()},
        "device": svg(bars.device_memory(only(on_a_card()))),
        "history": svg(history(points, package="transformers", anchor="4.34.1")),
    }


def on_a_card() -> Summary:
    full = DeviceMemory(allocated=17e6, reserved=23e6, process=520e6)
    part = DeviceMemory(allocated=18e6)
    at = {"device": "cuda:0"}
    return summary_of(
        baseline(**at, device_memory_bytes=full), row(**at, device_memory_bytes=part), failed("fabric", **at)
    )


# --- what there is to draw, and how it is named


def test_a_summary_has_the_charts_that_it_has_figures_for() -> None:
    summary = several_sizes()
    assert [picture.kind for picture in charts.pictures(summary)] == [
        "throughput", "overhead", "ratios", "phases", "tensor-memory",
    ]  # fmt: skip
    assert charts.pictures(spread(summary))[-1].file == "distribution-mlp-on-cpu.svg"
    assert [picture.kind for picture in charts.pictures(on_a_card())][-1] == "device-memory"
    assert charts.pictures(summary_of(failed("pytorch"))) == []
    assert charts.svgs(summary_of(failed("pytorch"))) == {}


def test_each_group_has_charts_of_its_own() -> None:
    cells = [made(precision=precision) for precision in ("fp32", "bf16") for made in (baseline, row)]
    files = [picture.file for picture in charts.pictures(summary_of(*cells)) if picture.kind == "ratios"]
    assert files == ["ratios-mlp-on-cpu-fp32.svg", "ratios-mlp-on-cpu-bf16.svg"]


def test_two_groups_whose_names_look_alike_do_not_share_a_file() -> None:
    files = [picture.file for picture in charts.pictures(summary_of(row(device="cuda:0"), row(device="cuda-0")))]
    assert len(files) == len(set(files)) == 6
    assert "ratios-mlp-on-cuda-0-2.svg" in files


def test_a_chart_says_what_it_shows() -> None:
    picture = charts.pictures(one_size())[2]
    assert picture.file == "ratios-mlp-on-cpu.svg"
    assert picture.alt == "Step time over that of the hand-written loop, mlp on cpu, by batch size and runner."


def test_listing_the_charts_starts_neither_altair_nor_the_renderer() -> None:
    code = (
        "import sys; from bench.report import charts; from tests.report.rows import *\n"
        "found = charts.pictures(summary_of(baseline(), row()))\n"
        "print(len(found), sorted({'altair', 'vl_convert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "3 []\n"


def test_writing_leaves_whole_files_and_nothing_else(tmp_path: Path) -> None:
    written = charts.write(one_size(), tmp_path)
    found = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert found == sorted(picture.file for picture in written) == [
        "overhead-mlp-on-cpu.svg", "ratios-mlp-on-cpu.svg", "throughput-mlp-on-cpu.svg",
    ]  # fmt: skip
    assert (tmp_path / "charts" / found[0]).read_text() == charts.svgs(one_size())[found[0]]


# --- what holds for every chart


def test_every_chart_fits_the_column_and_has_no_small_print() -> None:
    for name, picture in everything().items():
        width = float(re.search(r'<svg[^>]* width="([\d.]+)"', picture)[1])
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', picture)]
        assert 500 < width <= 720, name
        assert min(sizes) >= 11, name


def test_the_same_figures_give_the_same_bytes_whatever_was_drawn_before() -> None:
    assert everything() == everything()


def test_a_chart_is_valid_by_the_schema_of_vega_lite() -> None:
    for summary in (several_sizes(), one_size(), on_a_card()):
        for picture in charts.pictures(spread(summary)):
            assert picture.draw(charts.look_of(summary)).to_dict(validate=True)["$schema"]


def test_a_chart_fetches_nothing_and_says_what_it_shows() -> None:
    for name, picture in everything().items():
        assert set(re.findall(r'https?://[^"]+', picture)) <= {
            "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
        }, name  # fmt: skip
        assert re.match(
            r'<svg [^>]*role="img" aria-label="[^"]+"><style>@media \(prefers-color-scheme: dark\)', picture
        )


def test_names_cannot_become_markup() -> None:
    summary = summary_of(baseline(), row('<b>"&'))
    picture = charts.svgs(summary)["ratios-mlp-on-cpu.svg"]
    assert "<b>" not in picture
    assert "&lt;b&gt;" in picture


def test_a_theme_gives_its_own_colours_and_no_media_query() -> None:
    dark = charts.svgs(one_size(), theme=DARK)["ratios-mlp-on-cpu.svg"]
    assert f'fill="{DARK.background}"' in dark
    assert "<style>" not in dark
    assert not set(colours(LIGHT)) - set(colours(DARK)) & set(re.findall("#[0-9a-f]{6}", dark))


def test_the_stylesheet_turns_the_light_chart_into_the_dark_one() -> None:
    drawn = {theme: charts.svgs(several_sizes(), theme=theme)["overhead-mlp-on-cpu.svg"] for theme in (LIGHT, DARK)}
    rules = dict(re.findall(r'\[fill="(#\w+)"\]\{fill:(#\w+)\}', stylesheet()))
    assert re.sub("#[0-9a-f]{6}", lambda found: rules.get(found[0], found[0]), drawn[LIGHT]) == drawn[DARK]


# --- colours, shapes and names


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_everything_stands_out_from_its_background(theme: Theme) -> None:
    look = Look(theme=theme).knowing([*MARKS, "a.py", "b.py", "c.py"])
    assert all(contrast(look.colour(runner), theme.background) >= 3 for runner in look.runners)
    assert contrast(theme.ink, theme.background) >= 7
    assert contrast(theme.muted, theme.background) >= 4.5
    inside = [theme.on_dark] * 2 + [theme.on_light] * 3
    assert all(contrast(text, part) >= 3.9 for text, part in zip(inside, theme.parts, strict=True))


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_neighbouring_parts_differ_without_colour(theme: Theme) -> None:
    lightness = [luminance(part) for part in theme.parts]
    assert all((b + 0.05) / (a + 0.05) > 1.2 for a, b in pairwise(lightness))


def test_a_colour_stands_for_one_thing_so_that_a_stylesheet_can_exchange_it() -> None:
    assert len(set(colours(LIGHT))) == len(colours(LIGHT)) == len(colours(DARK))
    assert not set(colours(DARK)) & (set(colours(LIGHT)) - {"#fefefe", "#010101"})


def test_no_two_runners_look_alike() -> None:
    look = Look().knowing([*MARKS, *(f"{index}.py" for index in range(20))])
    marks = [look.mark(runner) for runner in look.runners]
    assert len(set(marks)) == 26
    assert len({(mark.shape, mark.dash) for mark in marks}) == 26  # told apart without colour
    assert len({mark.colour for mark in marks[:9]}) == 9


def test_a_runner_looks_the_same_in_every_chart_of_a_run() -> None:
    look = charts.look_of(summary_of(baseline(), row(OWN), row(OTHER)))
    assert look.mark(OTHER).shape == "triangle-left"
    assert look.knowing([OTHER, "zzz.py"]).mark(OTHER) == look.mark(OTHER)


def test_a_file_is_called_by_the_end_of_its_path_that_no_other_has() -> None:
    assert short_names(["pytorch", "/home/x/my_loop.py"])["/home/x/my_loop.py"] == "my_loop.py"
    assert list(short_names([OWN, OTHER]).values()) == ["a/my_loop.py", "b/my_loop.py"]
    long = [f"/{'a' * 40}_{index}_{'b' * 40}.py" for index in range(2)]
    assert short_names(long)[long[1]].endswith("bbb.py (2)")
    assert clipped("a_training_loop_of_many_words.py") == "a_training_l\N{HORIZONTAL ELLIPSIS}ny_words.py"


# --- where things lie


def test_labels_are_moved_apart_as_little_as_possible() -> None:
    assert apart([10, 100], 15, 0, 200) == [10, 100]
    assert apart([100, 100], 15, 0, 200) == [92.5, 107.5]
    assert apart([107, 100, 50], 15, 0, 200) == [111, 96, 50]
    assert apart([0, 0, 0], 15, 0, 200) == [0, 15, 30]
    assert apart([200, 199], 15, 0, 200) == [200, 185]
    assert apart([5, 5, 5], 15, 0, 20) == [0, 15, 30]  # no room: on they go, but never over each other


def test_a_span_knows_where_a_value_lies() -> None:
    span = Span(low=1, high=100, size_px=200, log=True)
    assert span.pixel(10) == pytest.approx(100)
    assert span.value(100) == pytest.approx(10)
    assert span.padded(50, 50).pixel(1) == pytest.approx(50)
    assert span.extended(100).high == pytest.approx(1000)
    assert span.extended(100).pixel(10) == pytest.approx(100)
    assert covering([5.0], 100, log=True).pixel(5) == pytest.approx(50)
    assert covering([-1, 0, 3], 100, log=True).low < 3 < covering([-1, 0, 3], 100, log=True).high


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (0.93, 1.86, True, [1.0, 1.2, 1.4, 1.6, 1.8]),
        (0.975, 1.03, True, [0.98, 0.99, 1.0, 1.01, 1.02, 1.03]),
        (9e3, 3e6, True, [1e4, 3e4, 1e5, 3e5, 1e6, 3e6]),
        (-200, 950, False, [-200, 0, 200, 400, 600, 800]),
    ],
)
def test_axes_are_marked_at_round_values(low: float, high: float, log: bool, ticks: list[float]) -> None:
    assert Span(low=low, high=high, size_px=300, log=log).ticks() == pytest.approx(ticks)


def test_a_note_stands_below_those_whose_text_its_rule_would_cross() -> None:
    notes, rows = placed([(0, "a first note"), (1, "a second note"), (9, "a note near the edge")], 10, 620)
    assert [(note.index, note.row, note.left) for note in notes] == [(0, 0, True), (1, 1, True), (9, 0, False)]
    assert rows == 2
    assert placed([], 10, 620) == ([], 0)


# --- what single charts say


def test_throughput_is_drawn_against_batch_size_with_a_label_at_each_end() -> None:
    told = texts(svg(lines.throughput(only(several_sizes()))))
    assert {"8", "64", "512", "batch size, samples", "samples a second"} <= set(told)
    assert {"pytorch", "hf-trainer", "lightning (to 64)", "accelerate", "floor"} <= set(told)
    assert "fabric" not in told
    missing = "No figure: fabric (not installed), accelerate at 64 (timed out), lightning at 512 (out of memory)."
    assert any(missing in text for text in told)


def test_an_interval_that_is_not_known_is_not_drawn() -> None:
    intervals = rows_of(lines.throughput(only(several_sizes())), 0)
    assert "accelerate" not in {each["runner"] for each in intervals}
    assert [(each["low"], each["high"]) for each in intervals if each["runner"] == "pytorch"][1] == (8e4, 1e5)


def test_a_line_is_broken_where_a_cell_is_missing() -> None:
    values = {
        each["batch"]: each["y"]
        for each in rows_of(lines.throughput(only(several_sizes())), 1)
        if each["runner"] == "accelerate"
    }
    assert values == {8: 7e4, 64: None, 512: 7e4}


def test_the_label_of_a_line_that_ends_early_hangs_on_no_line_across_the_plot() -> None:
    chart = lines.throughput(only(several_sizes()))
    leaders = {each["runner"]: each for each in rows_of(chart, -2)}
    edge = max(each["x"] for each in leaders.values())
    early = leaders["lightning"]  # out of memory at 512
    assert early["text"] == "lightning (to 64)"
    assert (early["x"], early["y"]) == (edge, early["at"])
    assert leaders["hf-trainer"]["y"] == 9e4 * 1.5  # at its line's end


def test_overhead_has_the_baseline_as_its_zero_and_no_floor() -> None:
    told = texts(svg(lines.overhead(only(several_sizes()))))
    assert "overhead, µs a step" in told
    assert "pytorch" in told
    assert "floor" not in told


@pytest.mark.parametrize("draw", [lines.throughput, lines.overhead])
def test_a_single_batch_size_is_no_line(draw: object) -> None:
    told = texts(svg(draw(only(one_size()))))
    assert {"batch", "runner", "64", "out of memory", "my_loop.py"} <= set(told)


def test_ratios_show_each_figure_or_why_there_is_none() -> None:
    told = texts(svg(forest.ratios(only(one_size()))))
    assert "1.88 [1.85, 1.90]" in told
    assert {"out of memory", "not proven equal"} <= set(told)
    assert "pytorch" not in told
    assert "floor" not in told


def test_no_difference_is_a_hollow_dot_and_a_tilde() -> None:
    same = summary_of(baseline(), row(ratio=estimate(1.01, 0.98, 1.04)))
    told = texts(svg(forest.ratios(only(same))))
    assert "~" in told
    chart = forest.ratios(only(same))
    hollow = [index for index, layer in enumerate(chart.to_dict()["layer"]) if layer["mark"].get("fill")]
    assert [each["shown"] for index in hollow for each in rows_of(chart, index)] == ["~"]


def test_a_margin_is_a_band_that_is_as_wide_below_as_above() -> None:
    chart = forest.changes(only(one_size()), margin=0.03)
    assert chart.to_dict()["layer"][0]["mark"]["type"] == "rect"
    (band,) = rows_of(chart, 0)
    assert band["low"] == pytest.approx(1 / 1.03)
    assert band["high"] == 1.03


def test_an_interval_that_tells_nothing_is_cut_with_arrows() -> None:
    wild = summary_of(baseline(), row(), row("lightning", ratio=estimate(1.1, 0.001, 900)))
    spec = forest.ratios(only(wild)).to_dict()
    arrows = [layer["mark"]["shape"] for layer in spec["layer"] if layer["mark"].get("shape")]
    assert arrows == ["triangle-left", "triangle-right"]
    scales = [layer["encoding"]["x"]["scale"] for layer in spec["layer"] if "scale" in layer["encoding"].get("x", {})]
    assert {tuple(scale["domain"]) for scale in scales} == {tuple(scales[0]["domain"])}
    assert 0.05 < scales[0]["domain"][0] < 0.8
    assert 2.5 < scales[0]["domain"][1] < 20


def test_phases_stack_up_to_the_step_and_noise_below_nothing_is_nothing() -> None:
    told = texts(svg(bars.phases({"pytorch": PHASES, "fabric": PHASES | {"rest": -5.0}}, where="mlp on cpu, batch 64")))
    assert {"data", "forward", "backward", "optimizer", "rest", "time in a step, µs"} <= set(told)
    assert {"469", "450"} <= set(told)
    assert "Where the step goes, mlp on cpu, batch 64" in told


@pytest.mark.parametrize(("factor", "unit", "total"), [(1, "kB", "67.8"), (1000, "MB", "67.8"), (2e6, "GB", "136")])
def test_tensor_memory_picks_its_unit(factor: float, unit: str, total: str) -> None:
    told = texts(svg(bars.tensor_memory({"pytorch": {key: value * factor for key, value in CATEGORIES.items()}})))
    assert f"tensor memory, {unit}" in told
    assert total in told


def test_floor_is_left_out_where_its_batches_would_leave_no_room() -> None:
    crowded = {"pytorch": CATEGORIES, "floor": CATEGORIES | {"batch": 500_000}}
    told = texts(svg(bars.tensor_memory(crowded)))
    assert "floor" not in told
    assert any("Without floor" in text for text in told)
    assert "floor" in texts(svg(bars.tensor_memory({"pytorch": CATEGORIES, "floor": CATEGORIES})))


def test_device_memory_stacks_what_each_peak_adds() -> None:
    group = only(on_a_card())
    assert bars.device_stacks(group) == {
        "pytorch": {"allocated": 17e6, "reserved": 6e6, "process": 497e6},
        "hf-trainer": {"allocated": 18e6},
    }
    told = texts(svg(bars.device_memory(group)))
    assert {"device memory, MB", "520", "497"} <= set(told)
    assert any("Not all of them are known of hf-trainer." in text for text in told)


def test_a_distribution_has_its_quantiles_and_tells_the_median() -> None:
    steps = {"pytorch": np.linspace(400, 599, STEP_QUANTILES).tolist(), "hf-trainer": [900.0] * STEP_QUANTILES}
    curve = [each for each in rows_of(distribution.distribution(steps), 0) if each["runner"] == "pytorch"]
    assert len(curve) == 200
    assert (curve[0]["x"], curve[0]["y"]) == (400, 0)
    assert (curve[-1]["x"], curve[-1]["y"]) == (599, 99.5)
    told = texts(svg(distribution.distribution(steps)))
    assert {"pytorch, 500 µs", "hf-trainer, 900 µs", "step time, µs, log scale", "share of steps, %"} <= set(told)


def releases(**first: object) -> list[ReleasePoint]:
    return [
        ReleasePoint(release="4.34.1", ratio=Estimate(value=1.0, low=0.99, high=1.01), counters={"python_calls": 760}),
        ReleasePoint(release="4.40.0", counters={"python_calls": 761}),
        ReleasePoint(
            release="4.52.4", ratio=Estimate(value=1.12), counters={"python_calls": 850}, change=True, note="a sampler"
        ),
        ReleasePoint(release="5.0.0", ratio=Estimate(value=1.1), change=True),
    ]


def test_a_history_names_its_changes_and_counts_below() -> None:
    told = texts(svg(history(releases(), package="transformers", anchor="4.34.1", subject="hf-trainer, batch 64")))
    assert {"4.52.4: a sampler", "step time \N{DIVISION SIGN} that of 4.34.1", "Python calls a step"} <= set(told)
    assert {"release of transformers", "4.34.1", "4.40.0", "4.52.4", "5.0.0"} <= set(told)
    assert told.count("\N{MULTIPLICATION SIGN}") == 2  # one release without a ratio, one without a count


def test_a_history_of_counts_alone_has_one_panel_with_the_notes() -> None:
    points = [ReleasePoint(release=p.release, counters=p.counters, change=p.change, note=p.note) for p in releases()]
    told = texts(svg(history(points, package="transformers", anchor="4.34.1")))
    assert "4.52.4: a sampler" in told
    assert not any("step time" in text for text in told)
    assert "kernels a step" not in texts(svg(history(points, package="x", anchor="1", counter="kernels")))


def test_many_releases_are_written_at_a_slant_the_newest_among_them() -> None:
    points = [ReleasePoint(release=f"4.{index}.0", ratio=Estimate(value=1.0)) for index in range(90)]
    picture = svg(history(points, package="transformers", anchor="4.0.0"))
    written = [text for text in texts(picture) if re.fullmatch(r"4\.\d+\.0", text)]
    assert len(written) == 30
    assert written[-1] == "4.89.0"
    assert "rotate(315)" in picture


def test_a_cell_without_any_interval_anywhere_is_drawn() -> None:
    bare = {"ratio": estimate(1.2), "overhead_us": estimate(70.0), "samples_per_second": estimate(100.0)}
    cells: list[CellSummary] = [baseline(**bare), row(**bare)]
    for picture in charts.svgs(summary_of(*cells)).values():
        assert "NaN" not in picture
    assert "1.20 [?]" in texts(svg(forest.ratios(only(summary_of(*cells)))))


def test_a_tooltip_has_the_whole_name() -> None:
    fields = [tip.to_dict()["field"] for tip in parts.tooltip("samples a second")]
    assert fields == ["runner", "batch", "shown"]
