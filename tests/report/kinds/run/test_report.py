from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from bench.records.schema import CompilationFigures, Script, Scripts, Summary
from bench.report.kinds.run import sentences
from bench.report.kinds.run.report import document
from bench.report.media import markdown, terminal
from tests import factories
from tests.report.rows import baseline, estimate, failed, floor, row, summary_of, with_settings

FOLDER = "results/20260102T030405Z-example"


def report(summary: Summary, folder: str) -> str:
    return markdown.written(document(summary, folder))


def one_run(**changes: object) -> str:
    return report(summary_of(baseline(), row(), floor(), **changes), FOLDER)


def section(text: str, heading: str) -> str:
    """What stands between `## heading` and the next heading of its rank."""
    return text.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_a_reader_is_answered_in_this_order() -> None:
    headings = [line for line in one_run().splitlines() if line.startswith("## ")]
    assert headings == [
        "## What each loop costs",
        "## Are they equivalent?",
        "## Tables",
        "## Exact costs",
        "## How much of the step is arithmetic?",
        "## What this machine can resolve",
        "## How to repeat it",
    ]


def test_the_opening_says_where_and_with_what() -> None:
    assert one_run().splitlines()[2] == (
        "Measured on 2026-01-02 on Imaginary CPU @ 2.00GHz, "
        "with torch 2.13.0, transformers 5.23.0, accelerate 1.15.0: 3 cells in 10 blocks."
    )


def test_what_a_compiler_did_has_a_table_where_one_was_asked_for() -> None:
    compilation = CompilationFigures(seconds=3.21, first_seconds=49.4, graphs=1, graph_breaks=0, in_turns=0)
    text = section(report(summary_of(row(compile=True, compilation=compilation)), FOLDER), "Tables")
    assert "| batch | runner     | compile s | first time s | graphs | graph breaks | in timed steps |" in text
    assert "| 64    | hf-trainer |      3.21 |         49.4 |      1 |            0 |              0 |" in text
    assert "torch.compile" not in one_run()


@pytest.mark.parametrize(
    ("device", "hardware"),
    [
        ("cpu", "Imaginary CPU @ 2.00GHz"),
        ("cuda", "Imaginary CPU @ 2.00GHz and Card A"),
        ("cuda:1", "Imaginary CPU @ 2.00GHz and Card B"),
    ],
)
def test_the_opening_names_the_card_that_was_used(device: str, hardware: str) -> None:
    text = report(summary_of(row(device=device), cards=("Card A", "Card B")), FOLDER)
    assert f"Measured on 2026-01-02 on {hardware}, with" in text
    assert "| cuda:1                | Card B " in text


def test_what_was_equal_is_said_once() -> None:
    assert section(one_run(), "Tables").strip().splitlines()[0] == (
        "Equal in all rows: fp32, adamw, no accumulation, no clipping, no loader workers, not compiled, "
        "matched profile, current environment, 1 thread."
    )


def test_warnings_are_all_there_the_first_ten_in_sight() -> None:
    text = section(one_run(warnings=[f"warning <{n}>" for n in range(12)]), "What this machine can resolve")
    seen, folded = text.split("<summary>2 more warnings</summary>")
    assert "**12 warnings:**" in seen
    assert "- warning &lt;9&gt;\n" in seen
    assert "warning &lt;10&gt;" not in seen
    assert "- warning &lt;10&gt;\n- warning &lt;11&gt;\n" in folded
    assert "No warnings." in section(one_run(), "What this machine can resolve")


def test_how_to_repeat_it() -> None:
    text = section(one_run(), "How to repeat it")
    assert f"```sh\npython -m bench.run --like {FOLDER}\n```" in text
    assert "```sh\npython -m bench.run --device cpu --preset quick\n```" in text
    assert "| transformers | 5.23.0  |" in text
    assert "0123456789abcdef0123456789abcdef01234567" in text
    assert "--like 'my results/a'" in report(summary_of(row()), "my results/a")


def test_every_fold_is_closed_and_has_blank_lines_inside() -> None:
    lines = one_run(warnings=["w"] * 11).splitlines()
    opened = [index for index, line in enumerate(lines) if line.startswith("<summary>")]
    assert len(opened) == lines.count("</details>") == lines.count("<details>") == 4
    assert all(lines[index + 1] == "" for index in opened)
    assert all(lines[index - 1] == "" for index, line in enumerate(lines) if line == "</details>")


def test_every_table_stands_between_blank_lines() -> None:
    lines = one_run().splitlines()
    rules = [index for index, line in enumerate(lines) if line.startswith("|--")]
    assert len(rules) == 7
    assert all(lines[index - 2] == "" for index in rules)


def test_shares_by_batch_size_where_there_are_several() -> None:
    cells = [cell for size in (8, 64) for cell in (row(batch_size=size), floor(batch_size=size))]
    text = section(report(summary_of(*cells), FOLDER), "How much of the step is arithmetic?")
    assert "| batch | hf-trainer |\n|-------|------------|\n| 8     |       38 % |\n| 64    |       38 % |" in text
    assert "| batch" not in section(one_run(), "How much of the step is arithmetic?")


def test_names_cannot_become_markup() -> None:
    text = report(summary_of(row("<b>|x.py"), name="<img>"), FOLDER)
    assert "<b>" not in text
    assert "<img>" not in text
    assert r"&lt;b&gt;\|x.py" in text


def test_the_same_summary_gives_the_same_text() -> None:
    assert one_run() == one_run()


def test_a_run_without_any_figure_is_reported() -> None:
    text = report(summary_of(failed("pytorch"), failed()), FOLDER)
    assert "No figures from 2 of 2 cells: all of pytorch (out of memory) and all of lightning (out of memory)." in text


def test_the_terminal_gets_the_answers_as_plain_text() -> None:
    lines = terminal.lines(document(summary_of(baseline(), row(), failed()), FOLDER))
    assert lines[2:4] == [
        "mlp on cpu, at batch 64:",
        "  pytorch: 176 k samples/s at batch 64, 363 µs per step; this is the hand-written loop, the baseline.",
    ]
    assert lines[-2:] == [
        "No figures from 1 of 3 cells: all of lightning (out of memory).",
        "hf-trainer is bitwise equal to the hand-written loop, in every cell that has figures (1); nothing is proven "
        "of lightning at batch 64 of mlp on cpu, without figures.",
    ]


def test_reporting_imports_no_framework() -> None:
    modules = "bench.report.kinds.run.report, bench.report.kinds.index.entries"
    code = f"import {modules}, sys; print({{m.partition('.')[0] for m in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'pandas'" in loaded
    assert not {"torch", "transformers", "accelerate", "pytorch_lightning", "rich"} & set(loaded.split("'"))


def of_scripts(*names: str, **changes: Any) -> str:
    """The report of scripts, the first of which is the baseline."""
    where = {"workload": "script", "batch_size": 0, **changes}
    first = baseline(**where).model_copy(update={"runner": names[0]})
    cells = [first, *(row(name, **where) for name in names[1:])]
    scripts = Scripts(each=[Script(name=name, file=f"/home/{name}") for name in names], folder=".", to_the_end=True)
    return report(with_settings(summary_of(*cells), scripts=scripts), FOLDER)


def test_a_report_of_scripts_speaks_of_scripts() -> None:
    one, two = of_scripts("train.py"), of_scripts("old.py", "new.py")
    assert one.startswith("# example: what does a step of train.py cost?\n")
    assert two.startswith("# example: what does a step of each script cost?\n")
    assert "accelerate 1.15.0: 1 script in 10 blocks." in one
    assert "\n- train.py: 176 k samples/s, 363 µs per step.\n" in one
    assert "| runner   | step time µs | samples/s | p95 µs | p99 µs |" in one
    assert "**new.py is bitwise equal to the first script, in every cell (1).**" in two
    for foreign in ("hand-written", "training loop", "each loop costs", "floor`", "runners", "micro-batch"):
        assert foreign not in two, foreign


def test_a_report_of_scripts_tells_whole_durations_and_evaluation_apart() -> None:
    whole: dict[str, Any] = {
        "whole_s": estimate(12.34),
        "whole_steps": 1200,
        "after_steps_s": estimate(0.703),
        "step_time_us": None,
    }
    text = of_scripts("train.py", **whole)
    assert (
        "To its end it takes 12.3 s, its first imports not counted (1,200 steps; 0.0512 s until the first has ended; "
        "0.703 s after the last)." in text
    )
    assert "| train.py |    12.3 | 1,200 |            0.703 |" in text
    seen: dict[str, Any] = {"evaluation_us": 100.0, "evaluation_share": 0.1, "evaluation_steps": 1200}
    assert sentences.evaluation(row("train.py", **seen)) == (
        "train.py: evaluation, which no phase has, took 100 µs per step on average over 1,200 steps, 10 % of their "
        "time."
    )
    assert sentences.evaluation(row("train.py", **(seen | {"evaluation_us": 0.0}))) == (
        "train.py: no evaluation was seen in 1,200 steps."
    )


def test_kinds_of_machine_are_rows_of_one_table_and_each_has_its_own_hardware() -> None:
    of_kinds = [factories.comparison(accelerator_type=kind) for kind in ("Xeon", "EPYC")]
    plain = factories.run().machine
    machines = {kind: plain.model_copy(update={"cpu": f"{kind} CPU"}) for kind in ("Xeon", "EPYC")}
    summary = factories.summary(comparisons=of_kinds, runners=["pytorch", "fabric"], blocks=8, machines=machines)
    ratios = {row.accelerator_type: row.ratio for row in summary.cells if row.runner == "fabric"}
    assert all(ratio is not None and 1.2 < ratio.value < 1.5 for ratio in ratios.values())
    text = report(summary, FOLDER)
    assert "on Xeon (Xeon CPU) and EPYC (EPYC CPU), with torch" in text
    answers = section(text, "What each loop costs")
    assert "mlp on cpu (Xeon), at batch 64:" in answers
    assert "mlp on cpu (EPYC), at batch 64:" in answers
    repeat = section(text, "How to repeat it")
    assert repeat.count("| machine with ") == 2
    for kind in machines:
        own = repeat.split(f"| machine with {kind} ", 1)[1].split("| machine with", 1)[0]
        assert f"{kind} CPU" in own
    assert "accelerator_type" not in text
