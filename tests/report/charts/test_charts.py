from __future__ import annotations

import html
import re
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import altair
import numpy as np
import pytest

from bench.records.schema import STEP_QUANTILES, CellSummary, DeviceMemory, Estimate, Summary
from bench.report import charts
from bench.report.charts import bars, distribution, forest, frame, lines
from bench.report.charts.history import ReleasePoint, history
from bench.report.charts.names import clipped, short_names
from bench.report.charts.theme import DARK, LIGHT, MARKS, Style, Theme, colours, stylesheet
from bench.report.document import columns
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


def drawn(draw: Any, summary: Summary, style: Style | None = None) -> Any:
    """One chart of a run with one group of rows."""
    return draw(only(summary), style or charts.look_of(summary))


def svg(chart: Any) -> str:
    return charts.drawing("a.svg", "a chart", chart).svg


def svgs(summary: Summary) -> dict[str, str]:
    return {drawing.file: drawing.svg for drawing in charts.drawings(summary)}


def texts(picture: str) -> list[str]:
    """All that is written in a picture; the lines of one text joined by a space."""
    words = re.findall(r"<text[^>]*?(?<!/)>(.*?)</text>", picture)
    return [html.unescape(" ".join(re.sub(r"<[^>]*>", " ", text).split())) for text in words]


def rows_in(spec: Any) -> list[dict[str, Any]]:
    """The rows of a chart that its layers share."""
    rows: list[dict[str, Any]] = spec["data"]["values"]
    return rows


def layers_of(spec: Any, mark: str) -> list[Any]:
    return [layer for layer in spec["layer"] if layer["mark"]["type"] == mark]


def dots_of(spec: Any) -> Any:
    """How the dots of the figures are drawn."""
    (dots,) = (layer["encoding"] for layer in layers_of(spec, "point") if "fill" in layer["encoding"])
    return dots


def spread(summary: Summary) -> Summary:
    """The same with a distribution of step times in every row that was timed."""
    quantiles = {"step_quantiles_us": np.linspace(300.0, 900.0, STEP_QUANTILES).tolist()}
    cells = [cell.model_copy(update=quantiles) if cell.step_time_us else cell for cell in summary.cells]
    return summary.model_copy(update={"cells": cells})


@pytest.fixture(scope="module")
def all_charts() -> dict[str, str]:
    return everything()


def everything() -> dict[str, str]:
    """Every kind of chart, by a name."""
    many, one = spread(several_sizes()), spread(one_size())
    points = [ReleasePoint(release="4.34.1", ratio=estimate(1, 0.99, 1.01), python_calls=760)]
    points += [ReleasePoint(release="4.40.0", change=True, note="a note"), ReleasePoint(release="5.0.0")]
    return {
        **{f"many/{name}": text for name, text in svgs(many).items()},
        **{f"one/{name}": text for name, text in svgs(one).items()},
        "device": svg(drawn(bars.device_memory, on_a_card())),
        "history": svg(history(points, Style(), package="transformers", anchor="4.34.1", subject="hf-trainer")),
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
    assert svgs(summary_of(failed("pytorch"))) == {}


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


def test_listing_the_charts_does_not_start_the_renderer() -> None:
    code = (
        "import sys; from bench.report import charts; from tests.report.rows import *\n"
        "pictures = charts.pictures(summary_of(baseline(), row()))\n"
        "print(len(pictures), 'vl_convert' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "3 False\n"


# --- what holds for every chart


def test_every_chart_fits_the_column_and_has_no_small_print(all_charts: dict[str, str]) -> None:
    for name, picture in all_charts.items():
        width = float(re.search(r'<svg[^>]* width="([\d.]+)"', picture)[1])
        sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', picture)]
        assert 500 < width <= 720, name
        assert min(sizes) >= 11, name


def test_the_same_figures_give_the_same_bytes_whatever_was_drawn_before(all_charts: dict[str, str]) -> None:
    assert everything() == all_charts


def test_a_chart_is_valid_by_the_schema_of_vega_lite() -> None:
    for summary in (several_sizes(), one_size(), on_a_card()):
        for picture in charts.pictures(spread(summary)):
            altair.LayerChart.validate(picture.draw(charts.look_of(summary)))  # raises where it is not
    altair.VConcatChart.validate(
        history(releases(), Style(), package="transformers", anchor="4.34.1", subject="hf-trainer")
    )


def test_a_chart_fetches_nothing_and_says_what_it_shows(all_charts: dict[str, str]) -> None:
    for name, picture in all_charts.items():
        assert set(re.findall(r'https?://[^"]+', picture)) <= {
            "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
        }, name  # fmt: skip
        assert re.match(
            r'<svg [^>]*role="img" aria-label="[^"]+"><style>@media \(prefers-color-scheme: dark\)', picture
        )


def test_names_cannot_become_markup() -> None:
    summary = summary_of(baseline(), row('<b>"&'))
    picture = svgs(summary)["ratios-mlp-on-cpu.svg"]
    assert "<b>" not in picture
    assert "&lt;b&gt;" in picture


def test_the_stylesheet_turns_the_light_chart_into_the_dark_one() -> None:
    looks = [replace(charts.look_of(several_sizes()), theme=theme) for theme in (LIGHT, DARK)]
    for draw in (lines.overhead, forest.ratios, bars.phases):
        light, dark = (re.sub("<style>.*?</style>", "", svg(drawn(draw, several_sizes(), style))) for style in looks)
        rules = dict(re.findall(r'\[fill="(#\w+)"\]\{fill:(#\w+)\}', stylesheet()))
        assert f'fill="{LIGHT.background}"' in light
        assert re.sub("#[0-9a-f]{6}", lambda match: rules.get(match[0], match[0]), light) == dark  # noqa: B023


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
    style = Style(theme=theme).with_runners([*MARKS, "a.py", "b.py", "c.py"])
    assert all(contrast(style.colour(runner), theme.background) >= 3 for runner in style.runners)
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
    style = Style().with_runners([*MARKS, *(f"{index}.py" for index in range(20))])
    marks = [style.mark(runner) for runner in style.runners]
    assert len(set(marks)) == 26
    assert len({(mark.shape, mark.dash) for mark in marks}) == 26  # told apart without colour
    assert len({mark.colour for mark in marks[:9]}) == 9


def test_a_runner_looks_the_same_in_every_chart_of_a_run() -> None:
    style = charts.look_of(summary_of(baseline(), row(OWN), row(OTHER)))
    assert style.mark(OTHER).shape == "triangle-left"
    assert style.with_runners([OTHER, "zzz.py"]).mark(OTHER) == style.mark(OTHER)


def test_a_file_is_called_by_the_end_of_its_path_that_no_other_has() -> None:
    assert short_names(["pytorch", "/home/x/my_loop.py"])["/home/x/my_loop.py"] == "my_loop.py"
    assert list(short_names([OWN, OTHER]).values()) == ["a/my_loop.py", "b/my_loop.py"]
    long = [f"/{'a' * 40}_{index}_{'b' * 40}.py" for index in range(2)]
    assert short_names(long)[long[1]].endswith("bbb.py (2)")
    assert clipped("a_training_loop_of_many_words.py") == "a_training_l\N{HORIZONTAL ELLIPSIS}ny_words.py"


# --- what single charts say


@pytest.mark.parametrize("draw", [lines.throughput, lines.overhead, distribution.distribution])
def test_a_chart_is_as_high_as_its_legend(draw: Any) -> None:
    runners = [f"loop_{index}.py" for index in range(20)]
    cells = [
        made for size in (8, 64) for made in (baseline(batch_size=size), *(row(r, batch_size=size) for r in runners))
    ]
    spec = drawn(draw, spread(summary_of(*cells)))
    legend = re.search(
        r'role-legend"[^>]*><g transform="[^"]*"><path class="background"[^>]* d="M0,0h\d+v(\d+)h', svg(spec)
    )
    assert 280 < float(legend[1]) <= spec["height"]


def test_throughput_is_drawn_against_batch_size_with_a_legend_in_the_order_of_the_ends() -> None:
    chart = drawn(lines.throughput, several_sizes())
    words = texts(svg(chart))
    assert {"8", "64", "512", "batch size, samples", "samples per second"} <= set(words)
    assert {"pytorch", "hf-trainer", "lightning", "accelerate", "floor"} <= set(words)
    assert "fabric" not in words
    missing = "No figure: fabric (not installed), accelerate at 64 (timed out), lightning at 512 (out of memory)."
    assert any(missing in text for text in words)
    points = dots_of(chart)
    assert points["shape"]["legend"]["values"] == ["pytorch", "hf-trainer", "floor", "lightning", "accelerate"]


def test_an_interval_that_is_not_known_has_no_ends() -> None:
    figures = {(chart["runner"], chart["batch"]): chart for chart in rows_in(drawn(lines.throughput, several_sizes()))}
    assert (figures["pytorch", 64]["low"], figures["pytorch", 64]["high"]) == (8e4, 1e5)
    assert (figures["accelerate", 8]["low"], figures["accelerate", 8]["high"]) == (None, None)


def test_a_line_is_broken_where_a_cell_is_missing() -> None:
    chart = drawn(lines.throughput, several_sizes())
    figures = [row for row in rows_in(chart) if row["runner"] == "accelerate"]
    assert [(figure["batch"], figure.get("value")) for figure in figures] == [(8, 7e4), (64, None), (512, 7e4)]
    dash = ",".join(map(str, MARKS["accelerate"].dash))
    assert re.search(f'<path d="([^"]*)"[^>]*stroke-dasharray="{dash}"', svg(chart))[1].count("M") == 2


def test_overhead_has_the_baseline_as_its_zero_and_no_floor() -> None:
    chart = drawn(lines.overhead, several_sizes())
    assert layers_of(chart, "rule")[0]["encoding"] == {"y": {"datum": 0}}
    assert "overhead, µs per step" in texts(svg(chart))
    assert {row["runner"] for row in rows_in(chart)} == {"hf-trainer", "lightning", "accelerate", "fabric"}


def test_overheads_of_one_batch_size_lie_side_by_side() -> None:
    places = dots_of(drawn(lines.overhead, several_sizes()))["xOffset"]["scale"]
    assert places == {"domain": ["hf-trainer", "lightning", "accelerate"], "range": [-8, 8]}


@pytest.mark.parametrize("draw", [lines.throughput, lines.overhead])
def test_a_single_batch_size_is_no_line(draw: object) -> None:
    words = texts(svg(drawn(draw, one_size())))
    assert {"batch 64", "out of memory", "my_loop.py"} <= set(words)


def test_ratios_show_each_figure_or_why_there_is_none() -> None:
    words = texts(svg(drawn(forest.ratios, one_size())))
    assert "1.88 [1.85, 1.90]" in words
    assert {"out of memory", "not proven equal"} <= set(words)
    assert "pytorch" not in words
    assert "floor" not in words


@pytest.mark.parametrize(
    "close",
    [
        row(ratio=estimate(1.01, 0.98, 1.04), overhead_us=estimate(4, -7, 15)),
        row(ratio=estimate(1.03, 1.02, 1.04), overhead_us=estimate(11, 7, 15), noise_floor=0.04),
    ],
    ids=["its interval holds the line", "inside the noise floor"],
)
@pytest.mark.parametrize(("draw", "key"), [(forest.ratios, "ratio"), (forest.overhead, "overhead_us")])
def test_a_row_is_hollow_where_the_table_has_a_tilde(draw: Any, key: str, close: CellSummary) -> None:
    spec = drawn(draw, summary_of(baseline(), close, row("lightning", noise_floor=0.04)))
    near, far = (each for each in spec["data"]["values"] if "runner" in each)
    assert (near["shown"], near["same"]) == (columns.WRITTEN[key](close), True) == ("~", True)
    assert far["same"] is False
    assert dots_of(spec)["fill"]["condition"] == {"test": "datum.same", "value": LIGHT.background}


def test_a_point_of_a_line_is_hollow_where_the_table_has_a_tilde() -> None:
    close = [row(batch_size=size, noise_floor=0.9, ratio=estimate(1.876, 1.855, 1.899)) for size in (8, 64)]
    spec = drawn(lines.overhead, summary_of(*(baseline(batch_size=size) for size in (8, 64)), *close))
    assert [(row["shown"], row["same"]) for row in rows_in(spec)] == [("~", True)] * 2
    assert dots_of(spec)["fill"]["condition"] == {"test": "datum.same", "value": LIGHT.background}


def test_a_margin_is_a_band_that_is_as_wide_below_as_above() -> None:
    (band,) = layers_of(forest.changes(only(one_size()), charts.look_of(one_size()), margin=0.03, text=str), "rect")
    assert band["encoding"]["x"]["datum"] == pytest.approx(1 / 1.03)
    assert band["encoding"]["x2"]["datum"] == 1.03


def test_an_interval_that_tells_nothing_is_cut_with_arrows() -> None:
    wild = summary_of(baseline(), row(), row("lightning", ratio=estimate(1.1, 0.001, 900)))
    spec = drawn(forest.ratios, wild)
    axes = [layer["encoding"]["x"]["scale"] for layer in spec["layer"] if "scale" in layer["encoding"]["x"]]
    assert all(axis == axes[0] for axis in axes)
    assert axes[0]["clamp"]
    low, high = axes[0]["domain"]
    assert 0.05 < low < 0.8
    assert 2.5 < high < 20
    arrows = {layer["mark"]["shape"]: layer for layer in layers_of(spec, "point") if "shape" in layer["mark"]}
    assert arrows["triangle-left"]["transform"] == [{"filter": f"isValid(datum.low) && datum.low < {low}"}]
    assert arrows["triangle-right"]["transform"] == [{"filter": f"datum.high > {high}"}]


def test_an_interval_that_is_known_is_drawn_to_its_ends() -> None:
    spec = drawn(forest.ratios, summary_of(baseline(), row(ratio=estimate(1.3, 1.2, 1.5))))
    (line, bars) = layers_of(spec, "rule")
    assert line["encoding"]["x"]["datum"] == 1.0
    assert bars["encoding"]["x"]["scale"]["domain"] == [1.0, 1.5]
    assert [(each["low"], each["high"]) for each in spec["data"]["values"] if "low" in each] == [(1.2, 1.5)]


def stacked(**stacks: dict[str, float]) -> Summary:
    """Runners with so many bytes of tensors by category."""
    return summary_of(*(row(runner, tensor_bytes_by_category=stack) for runner, stack in stacks.items()))


def test_phases_stack_up_to_the_step_and_noise_below_nothing_is_nothing() -> None:
    summary = summary_of(row("pytorch", phases_us=PHASES), row("fabric", phases_us=PHASES | {"rest": -5.0}))
    words = texts(svg(drawn(bars.phases, summary)))
    assert {"data", "forward", "backward", "optimizer", "rest", "time per step, µs"} <= set(words)
    assert {"469", "450"} <= set(words)
    assert "Where the step goes, mlp on cpu, batch 64" in words


@pytest.mark.parametrize(("factor", "unit", "total"), [(1, "kB", "67.8"), (1000, "MB", "67.8"), (2e6, "GB", "136")])
def test_tensor_memory_picks_its_unit(factor: float, unit: str, total: str) -> None:
    summary = stacked(pytorch={key: value * factor for key, value in CATEGORIES.items()})
    words = texts(svg(drawn(bars.tensor_memory, summary)))
    assert f"tensor memory, {unit}" in words
    assert total in words


def test_floor_is_left_out_where_its_batches_would_leave_no_room() -> None:
    crowded = stacked(pytorch=CATEGORIES, floor=CATEGORIES | {"batch": 500_000})
    words = texts(svg(drawn(bars.tensor_memory, crowded)))
    assert "floor" not in words
    assert any("Without floor" in text for text in words)
    assert "floor" in texts(svg(drawn(bars.tensor_memory, stacked(pytorch=CATEGORIES, floor=CATEGORIES))))


def test_device_memory_stacks_what_each_peak_adds() -> None:
    assert bars.device_stacks(only(on_a_card())) == {
        "pytorch": {"allocated": 17e6, "reserved": 6e6, "process": 497e6},
        "hf-trainer": {"allocated": 18e6},
    }
    words = texts(svg(drawn(bars.device_memory, on_a_card())))
    assert {"device memory, MB", "520", "497"} <= set(words)
    assert any("Not all of them are known of hf-trainer." in text for text in words)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("draw", [bars.phases, bars.device_memory])
def test_a_figure_stands_out_from_the_part_that_it_stands_in(draw: Any, theme: Theme) -> None:
    summary = summary_of(*(cell.model_copy(update={"phases_us": PHASES}) for cell in on_a_card().cells))
    spec = drawn(draw, summary, replace(charts.look_of(summary), theme=theme))
    parts, figures = (layer["encoding"]["color"] for layer in spec["layer"][0]["layer"])
    dark = int(figures["condition"]["test"].removeprefix("datum.rank < "))
    for rank, part in enumerate(parts["scale"]["range"]):
        assert contrast(figures["condition"]["value"] if rank < dark else figures["value"], part) >= 3.9


def test_a_figure_is_left_out_of_a_part_that_is_too_narrow_for_it() -> None:
    spec = drawn(bars.phases, summary_of(row(phases_us={"data": 995.0, "forward": 5.0})))
    shown = [(row["shown"], row["inside"]) for row in rows_in(spec["layer"][0])]
    assert shown == [("995", "995"), ("5", "")]


def test_a_distribution_has_its_quantiles_and_tells_the_median() -> None:
    steps = {"pytorch": [900.0] * STEP_QUANTILES, "hf-trainer": np.linspace(400, 599, STEP_QUANTILES).tolist()}
    chart = drawn(
        distribution.distribution, summary_of(*(row(name, step_quantiles_us=us) for name, us in steps.items()))
    )
    curves, dots = chart["layer"]
    curve = [row for row in rows_in(curves) if row["runner"] == "hf-trainer"]
    assert len(curve) == 200
    assert (curve[0]["us"], curve[0]["share"]) == (400, 0)
    assert (curve[-1]["us"], curve[-1]["share"]) == (599, 99.5)
    assert [(row["runner"], row["us"], row["share"]) for row in rows_in(dots)] == [
        ("pytorch", 900, 50), ("hf-trainer", 500, 50),
    ]  # fmt: skip
    words = texts(svg(chart))
    assert {"step time, µs, log scale", "share of steps, %"} <= set(words)
    named = [text for text in words if text.endswith(" µs")]
    assert named == ["hf-trainer, 500 µs", "pytorch, 900 µs"]  # the fastest first


def releases(**first: object) -> list[ReleasePoint]:
    return [
        ReleasePoint(release="4.34.1", ratio=Estimate(value=1.0, low=0.99, high=1.01), python_calls=760),
        ReleasePoint(release="4.40.0", python_calls=761),
        ReleasePoint(release="4.52.4", ratio=Estimate(value=1.12), python_calls=850, change=True, note="a sampler"),
        ReleasePoint(release="5.0.0", ratio=Estimate(value=1.1), change=True),
    ]


def test_a_history_names_its_changes_and_counts_below() -> None:
    words = texts(
        svg(history(releases(), Style(), package="transformers", anchor="4.34.1", subject="hf-trainer, batch 64"))
    )
    assert {"4.52.4: a sampler", "step time \N{DIVISION SIGN} that of 4.34.1", "Python calls per step"} <= set(words)
    assert {"release of transformers", "4.34.1", "4.40.0", "4.52.4", "5.0.0"} <= set(words)
    assert words.count("\N{MULTIPLICATION SIGN}") == 2  # one release without a ratio, one without a count


def noted(changes: dict[int, str], releases: int) -> list[dict[str, Any]]:
    """Where the notes of a history stand, from the top."""
    points = [
        ReleasePoint(release=f"4.{index}.0", ratio=estimate(1), change=index in changes, note=changes.get(index))
        for index in range(releases)
    ]
    (panel,) = history(points, Style(), package="x", anchor="4.0.0", subject="hf-trainer")["vconcat"]
    return sorted(rows_in(panel["layer"][1]), key=lambda note: note["y"])


def test_a_note_has_a_line_of_its_own_below_those_whose_text_its_rule_would_cross() -> None:
    notes = noted({0: "first", 1: "second", 8: "near the edge", 9: "at the edge"}, 10)
    assert [(note["note"], note["align"]) for note in notes] == [
        ("4.9.0: at the edge", "right"),
        ("4.8.0: near the edge", "right"),
        ("4.0.0: first", "left"),
        ("4.1.0: second", "left"),
    ]
    assert all(b["y"] - a["y"] >= 17 for a, b in pairwise(notes))
    assert noted({}, 10) == []


def test_a_history_of_counts_alone_has_one_panel_with_the_notes() -> None:
    points = [
        ReleasePoint(release=p.release, python_calls=p.python_calls, change=p.change, note=p.note) for p in releases()
    ]
    words = texts(svg(history(points, Style(), package="transformers", anchor="4.34.1", subject="hf-trainer")))
    assert "4.52.4: a sampler" in words
    assert not any("step time" in text for text in words)


def test_many_releases_are_written_at_a_slant_the_newest_among_them() -> None:
    points = [ReleasePoint(release=f"4.{index}.0", ratio=Estimate(value=1.0)) for index in range(90)]
    picture = svg(history(points, Style(), package="transformers", anchor="4.0.0", subject="hf-trainer"))
    written = [text for text in texts(picture) if re.fullmatch(r"4\.\d+\.0", text)]
    assert len(written) == 30
    assert written[-1] == "4.89.0"
    assert "rotate(315)" in picture


def test_a_cell_without_any_interval_anywhere_is_drawn() -> None:
    bare = {"ratio": estimate(1.2), "overhead_us": estimate(70.0), "samples_per_second": estimate(100.0)}
    cells: list[CellSummary] = [baseline(**bare), row(**bare)]
    for picture in svgs(summary_of(*cells)).values():
        assert "NaN" not in picture
    assert "1.20 [?]" in texts(svg(drawn(forest.ratios, summary_of(*cells))))


def test_a_tooltip_has_the_whole_name() -> None:
    fields = [tip["field"] for tip in frame.cell_tooltip("samples per second")]
    assert fields == ["runner", "batch", "shown"]
