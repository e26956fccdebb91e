"""The profile `stock`: each framework with its defaults, what they cost, and what they are."""

from __future__ import annotations

import json

import pytest

from bench.analyse.summary import summarise
from bench.plan import comparison_groups
from bench.plan.upgrade import arms
from bench.records import store
from bench.records.schema import Environment
from bench.report.document.groups import shared_conditions
from bench.report.kinds.run import defaults, proof, report
from bench.report.kinds.upgrade import report as upgrade
from bench.report.media import markdown
from tests import factories, verbs
from trainloops import runners, stock

BOTH = [factories.comparison(), factories.comparison(profile="stock")]
STOCK_US = {"pytorch": 373, "hf-trainer": 881, "fabric": 482}
SETUPS = {
    "matched": {"optimizer": "AdamW", "lr": "0.001"},
    "stock": {"optimizer": "AdamW, fused", "lr": "0.001", "schedule": "linear"},
}


@pytest.fixture(scope="module")
def loops(tmp_path_factory):
    """What every runner with defaults did in both profiles."""
    folder = tmp_path_factory.mktemp("stock")
    return json.loads(verbs.program("tests.stock_seen", folder, cwd=folder).splitlines()[-1])


def summary(*, comparisons=BOTH, names=("pytorch", "hf-trainer", "fabric", "floor"), blocks=8):
    run = factories.run(comparisons=comparisons, runners=names, blocks=blocks)
    trials = []
    for cell in comparison_groups.cells(run.settings):
        losses = [0.5] if (cell.runner, cell.profile) == ("hf-trainer", "stock") else [0.7]
        proof = factories.fingerprint(losses=losses)
        trials.append(
            factories.trial(cell=cell, phase="equivalence", block=-1, fingerprint=proof, setup=SETUPS[cell.profile])
        )
    for block in range(blocks):
        for cell in comparison_groups.planned_groups(run.settings)[0].members:
            times = factories.STEP_US if cell.profile == "matched" else STOCK_US
            timing = factories.timing(
                times[cell.runner] * (1 + 0.001 * (block % 3)),
                jitter=0.01,
                seed=block,
                terminal_bytes_per_step=12.5 if block == 0 and cell.profile == "stock" else None,
            )
            trials.append(factories.trial(cell=cell, block=block, timing=timing))
    return summarise(run, trials)


def rows(of):
    return {(cell.runner, cell.profile): cell for cell in of.cells}


# The loops.


def test_every_runner_that_a_run_measures_has_defaults_apart_from_the_floor():
    assert set(stock.MODULES) == set(runners.REGISTRY) - {"floor"}


@pytest.mark.parametrize("name", stock.MODULES)
def test_a_loop_with_defaults_begins_with_the_same_weights_and_samples(loops, name):
    assert len(loops[name]["stock"]["losses"]) == 8
    assert loops[name]["stock"]["losses"][0] == loops[name]["matched"]["losses"][0]


@pytest.mark.parametrize("name", ["pytorch", "lightning", "accelerate", "fabric"])
def test_a_loop_whose_user_brings_the_optimizer_does_the_same_arithmetic(loops, name):
    assert loops[name]["stock"]["losses"] == loops[name]["matched"]["losses"]


def test_trainer_s_defaults_are_read_from_it(loops):
    matched, defaults = (loops["hf-trainer"][profile]["setup"] for profile in ("matched", "stock"))
    assert not matched.keys() & {"clipping", "checkpoints", "log lines", "NaN filter of logs"}
    assert (defaults["lr"], defaults["schedule"], defaults["clipping"]) == ("5e-05", "linear", "norm 1")
    assert (defaults["checkpoints"], defaults["log lines"]) == ("every 500 steps", "every 500 steps")
    assert "ProgressCallback" in defaults["callbacks"]
    assert defaults["parameter groups"] == "of 3 and 3 tensors"


def test_lightning_s_defaults_are_read_from_it(loops):
    matched, defaults = (loops["lightning"][profile]["setup"] for profile in ("matched", "stock"))
    assert not matched.keys() & {"callbacks", "checkpoints", "log lines"}
    assert defaults["checkpoints"] == "ModelCheckpoint"
    assert defaults["log lines"].endswith("Logger, every 50 steps")
    assert "ProgressBar" in defaults["callbacks"]


def test_the_hand_written_loop_has_a_bar_and_prints_its_loss(loops):
    assert loops["pytorch"]["stock"]["setup"]["progress bar"] == "tqdm"
    assert loops["pytorch"]["stock"]["printed"].count("step 0: loss 0.") == 2  # of every epoch's fifty steps the first
    assert "progress bar" not in loops["pytorch"]["matched"]["setup"]


# What is made of them.


def test_what_defaults_cost_is_told_by_pairs_with_the_same_loop():
    row = rows(summary())["hf-trainer", "stock"]
    assert row.defaults_us.value == pytest.approx(200, rel=0.01)
    assert row.defaults_us.low > 198
    assert row.defaults_us.high < 202
    assert row.defaults_ratio.value == pytest.approx(881 / 681, rel=1e-3)
    assert row.ratio.value == pytest.approx(881 / 373, rel=1e-3)  # over the hand-written loop of its own profile
    assert row.terminal_bytes_per_step == 12.5


def test_a_matched_loop_is_held_to_the_matched_hand_written_one():
    row = rows(summary())["hf-trainer", "matched"]
    assert row.ratio.value == pytest.approx(681 / 363, rel=1e-3)
    assert (row.defaults_us, row.defaults_ratio) == (None, None)
    assert row.unavailable["defaults_us"] == "in the matched profile nothing is left to defaults"


def test_equal_arithmetic_is_not_claimed_and_told_where_there_is_some():
    of = summary()
    by_loop = rows(of)
    assert by_loop["pytorch", "stock"].equivalence.verdict == "baseline"
    assert by_loop["fabric", "stock"].equivalence.verdict == "bitwise"
    assert by_loop["hf-trainer", "stock"].equivalence.verdict == "unlike"
    first, *others = proof.equivalence(of)
    assert first == "All 3 runners are bitwise equal to the hand-written loop, in every cell (3)."
    assert "In the stock profile equal arithmetic is not claimed. fabric did the hand-written loop's" in others[-2]
    assert others[-1].startswith("hf-trainer: with its framework's defaults it does other arithmetic than pytorch")


def test_a_matched_loop_that_differs_still_gets_no_ratio():
    run = factories.run(runners=("pytorch", "hf-trainer"))
    trials = factories.journal(run)
    other = factories.fingerprint(losses=[0.1])
    wrong = [t.model_copy(update={"fingerprint": other}) if t.cell.runner == "hf-trainer" else t for t in trials]
    row = rows(summarise(run, wrong))["hf-trainer", "matched"]
    assert (row.equivalence.verdict, row.ratio) == ("different", None)


def test_the_report_has_both_profiles_in_one_table_and_says_what_differs():
    of = summary()
    section = defaults.section(of)
    lines = [line for block in section.blocks for line in getattr(block, "lines", ())]
    assert lines[1].startswith("hf-trainer, stock: +200 [")
    assert lines[1].endswith(
        "µs per step over matched at batch 64 (+29 %); it writes 12.5 bytes per step to the terminal."
    )
    assert lines[2].startswith("fabric, stock: no measurable difference per step from matched at batch 64 (ratio 1.00")
    costs, differs = (block for block in section.blocks if hasattr(block, "headers"))
    assert costs.headers[3:] == ("matched µs", "stock µs", "defaults µs/step", "of the step", "terminal B/step")
    assert [row[2] for row in costs.texts] == ["pytorch", "hf-trainer", "fabric"]
    assert ("hf-trainer", "schedule", "none", "linear") in differs.texts
    assert ("hf-trainer", "optimizer", "AdamW", "AdamW, fused") in differs.texts
    assert not any(row[1] == "lr" for row in differs.texts)
    assert "## What do the defaults cost?" in markdown.written(report.document(of, "results/x"))


def test_stock_alone_is_held_to_the_hand_written_loop_with_its_bar():
    of = summary(comparisons=BOTH[1:], names=("pytorch", "hf-trainer"))
    section = defaults.section(of)
    costs = next(block for block in section.blocks if hasattr(block, "headers"))
    assert costs.headers[3:] == ("stock µs", "terminal B/step")
    assert proof.equivalence(of)[0] == "In the stock profile equal arithmetic is not claimed."
    assert rows(of)["hf-trainer", "stock"].unavailable["defaults_us"] == "its matched loop took no turns with it"


def test_conditions_that_stock_leaves_to_frameworks_are_said_of_matched_rows_alone():
    assert shared_conditions(summary()) == [
        "not compiled",
        "current environment",
        "all else in the matched profile (fp32, adamw, no accumulation, no clipping, no loader workers)",
    ]
    assert shared_conditions(summary(comparisons=BOTH[1:])) == ["not compiled", "stock profile", "current environment"]


def test_nothing_is_said_of_defaults_where_nobody_asked():
    of = factories.summary()
    assert defaults.section(of) is None
    assert all(not cell.setup and cell.terminal_bytes_per_step is None for cell in of.cells)


def test_too_few_blocks_have_no_share_of_the_step():
    section = defaults.section(summary(blocks=2))
    lines = [line for block in section.blocks for line in getattr(block, "lines", ())]
    assert "about +200 µs per step over matched at batch 64, but too few blocks (2) for an interval" in lines[1]
    costs = next(block for block in section.blocks if hasattr(block, "headers"))
    assert "of the step" not in costs.headers


def test_a_run_trains_with_defaults_on_a_terminal(tmp_path):
    options = ("--profile", "stock", "--only", "counters", "--device", "cpu", "--batch-size", "8")
    ended = verbs.process("run", *options, "--runner", "pytorch", "--out", ".", "--name", "stock", cwd=tmp_path)
    assert ended.code == 0, ended.err
    (folder,) = tmp_path.glob("*-stock")
    (proof,) = [trial for trial in store.read_trials(folder) if trial.phase == "equivalence"]
    assert proof.setup["progress bar"] == "tqdm"


def a_check():
    """One of a loop with defaults, of two environments."""
    run = factories.run(comparisons=[factories.comparison(profile="stock")], runners=("hf-trainer",), verb="upgrade")
    here = Environment(name="here", python="python3")
    plan = {"design": "environments", "environments": arms(here, here)}
    return run.model_copy(update={"settings": run.settings.model_copy(update=plan)})


def test_a_check_names_the_defaults_that_a_release_has_changed():
    run = a_check()
    before, after, clone = comparison_groups.cells(run.settings)
    losses = {before: [0.7], after: [0.5], clone: [0.7]}
    setups = {before: SETUPS["matched"], after: SETUPS["stock"], clone: SETUPS["matched"]}
    trials = [
        factories.trial(
            cell=each, phase="equivalence", fingerprint=factories.fingerprint(losses=own), setup=setups[each]
        )
        for each, own in losses.items()
    ]
    assert upgrade.equivalence(summarise(run, trials)) == (
        "Not claimed in the stock profile: hf-trainer at batch 64 of mlp on cpu, profile=stock did other arithmetic "
        "than before. Defaults have changed: optimizer: AdamW in baseline, AdamW, fused in candidate; schedule: none "
        "in baseline, linear in candidate."
    )
    text = markdown.written(upgrade.document(summarise(run, trials), "results/a"))
    assert "**Other than before: optimizer of hf-trainer and schedule of hf-trainer.**" in text
    assert rows_of(text, "hf-trainer", "optimizer") == [["AdamW", "AdamW, fused"]]
    assert rows_of(text, "hf-trainer", "schedule") == [["none", "linear"]]


def test_a_check_states_the_defaults_that_a_release_has_kept():
    run = a_check()
    known = {"candidate": {"callbacks": "unknown"}}  # to a release that has them elsewhere
    trials = [
        factories.trial(cell=cell, phase="equivalence", setup=SETUPS["stock"] | known.get(cell.environment, {}))
        for cell in comparison_groups.cells(run.settings)
    ]
    text = markdown.written(upgrade.document(summarise(run, trials), "results/a"))
    assert "**Every default is what it was.**" in text
    assert rows_of(text, "hf-trainer", "optimizer") == [["AdamW, fused", "AdamW, fused"]]


def rows_of(text, *names):
    """What a table has after these cells, row by row."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    return [row[len(names) :] for row in rows if row[: len(names)] == list(names)]
