"""The rule that marks blocks: others' processor time over the block, against the limit that the plan declares."""

import pytest

from bench.analyse.machine import foreign_load
from bench.analyse.summary import summarise
from bench.records.schema import Load, MarkedBlock, Trial
from tests import factories


def loaded(block: int, foreign_s: float, *, stolen_s: float = 0.0, wall_s: float = 2.0, **changes) -> Trial:
    load = Load(wall_s=wall_s, cpus=2, busy_s=wall_s + foreign_s, own_s=wall_s, stolen_s=stolen_s)
    return factories.trial(block=block, **{"load": load} | changes)


def marked(*trials: Trial, limit: float = 0.1) -> list[MarkedBlock]:
    run = factories.run(runners=["pytorch"])
    settings = run.settings.model_copy(update={"foreign_load_limit": limit})
    return foreign_load.marked(run.model_copy(update={"settings": settings}), trials)


def test_a_block_is_marked_by_the_sum_over_its_trials():
    (blocks,) = marked(loaded(0, 0.1), loaded(0, 0.4), loaded(1, 0.1), loaded(1, 0.2))
    assert (blocks.block, blocks.stolen_s) == (0, 0.0)
    assert (blocks.cores, blocks.foreign_s) == (pytest.approx(0.125), pytest.approx(0.5))


def test_ticks_that_miss_on_either_side_cancel():
    assert marked(loaded(0, 0.5), loaded(0, -0.5)) == []
    assert [each.cores for each in marked(loaded(0, -0.5), limit=-1)] == [0.0]


def test_a_block_of_two_kinds_of_machine_is_one_of_each():
    quiet, busy = (factories.cell(accelerator_type=kind) for kind in ("A100", "H100"))
    trials = [loaded(0, 0.0, cell=quiet), loaded(0, 0.3, cell=busy)]  # 7 % of a core over both
    (blocks,) = marked(*trials)
    assert (blocks.block, blocks.accelerator_type, blocks.cores) == (0, "H100", pytest.approx(0.15))
    (sentence,) = foreign_load.warnings_of([blocks], factories.run(), trials)
    assert "in 1 of 2 timed blocks" in sentence
    assert "(block 1 on H100 15 %)" in sentence


def test_what_the_hypervisor_took_counts_too():
    (blocks,) = marked(loaded(3, 0.0, stolen_s=0.5))
    assert (blocks.block, blocks.cores, blocks.stolen_s) == (3, 0.25, 0.5)


def test_the_limit_is_the_plan_s():
    assert len(marked(loaded(0, 0.3), limit=0.1)) == 1
    assert marked(loaded(0, 0.3), limit=0.2) == []


def test_only_timed_trials_that_know_their_load_are_judged():
    assert marked(loaded(-1, 2.0, phase="equivalence"), factories.trial(block=0)) == []


def test_a_marked_block_is_told_and_kept():
    run = factories.run(runners=["pytorch"])
    trials = [factories.trial(phase="equivalence", block=-1)]
    trials += [loaded(block, 1.9 if block in (2, 5) else 0.02, step_us=363 + block) for block in range(7)]
    summary = summarise(run, trials)
    assert [block.block for block in summary.marked_blocks] == [2, 5]
    assert summary.cells[0].blocks == 7
    sentence = (
        "foreign load: in 2 of 7 timed blocks other processes took more than 10 % of one core while trials ran (block "
        "3 95 %, block 6 95 %); they are kept, but step times in them may be too long and intervals wider"
    )
    assert summary.machine_warnings == [sentence]
    assert sentence.startswith(f"{summary.first_warning} (block ")
    assert summary.warnings[0] == sentence


def test_many_marked_blocks_are_one_sentence_with_the_worst_in_it():
    run = factories.run(runners=["pytorch"])
    trials = [loaded(block, 0.5 + block / 10) for block in range(12)]
    (sentence,) = foreign_load.warnings_of(foreign_load.marked(run, trials), run, trials)
    assert "in 12 of 12 timed blocks" in sentence
    assert "(block 12 80 %, block 11 75 %" in sentence
    assert "and 4 more)" in sentence


def test_who_took_it_is_said():
    run = factories.run(runners=["pytorch"])
    trials = [loaded(0, 0.1, stolen_s=1.0)]
    (sentence,) = foreign_load.warnings_of(foreign_load.marked(run, trials), run, trials)
    assert "in 1 of 1 timed blocks the hypervisor took more than" in sentence


def test_a_load_that_cannot_be_known_is_not_no_load():
    trials = [factories.trial(block=block, no_load="/proc/stat cannot be read") for block in range(3)]
    assert summarise(factories.run(runners=["pytorch"]), trials).machine_warnings == [
        "whether other processes disturbed the blocks is unknown: /proc/stat cannot be read"
    ]
