"""Who is compared with whom."""

from bench.plan.rounds import cell, cells, rounds
from bench.records.schema import Environment, Settings
from tests import factories

COMPARISON = factories.comparison()
ENVIRONMENTS = [Environment(name=name, python="/usr/bin/python3") for name in ("old", "new", "old again")]


def settings(design: str, runners: list[str]) -> Settings:
    return Settings(
        comparisons=[COMPARISON],
        runners=runners,
        design=design,
        environments=ENVIRONMENTS,
        preset="quick",
        blocks=6,
        trials_per_block=1,
    )


def test_runners_are_compared_with_the_hand_written_loop_wherever_it_stands():
    (only,) = rounds(settings("runners", ["floor", "pytorch"]))
    assert [each.runner for each in only.cells] == ["floor", "pytorch"]
    assert only.reference == cell(COMPARISON, "pytorch")
    assert only.name(only.reference) == "pytorch"


def test_an_environment_is_compared_with_the_first_for_each_runner():
    first, second = rounds(settings("environments", ["hf-trainer", "lightning"]))
    assert [each.environment for each in first.cells] == ["old", "new", "old again"]
    assert {each.runner for each in second.cells} == {"lightning"}
    assert second.reference == cell(COMPARISON, "lightning", "old")
    assert second.name(second.cells[1]) == "new"


def test_every_release_has_a_pair_of_its_own_with_the_anchor():
    planned = rounds(settings("anchored", ["hf-trainer"]))
    anchor = cell(COMPARISON, "pytorch", "old")
    assert [each.reference for each in planned] == [anchor, anchor]
    assert [each.cells[1] for each in planned] == [cell(COMPARISON, "hf-trainer", n) for n in ("new", "old again")]
    assert cells(settings("anchored", ["hf-trainer"])) == [anchor, *(each.cells[1] for each in planned)]


def test_a_cell_knows_its_comparison_wherever_it_is():
    assert cell(COMPARISON, "lightning", "old").anywhere == COMPARISON
