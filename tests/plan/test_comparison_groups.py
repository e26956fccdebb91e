"""Who is compared with whom."""

import pytest

from bench.plan.comparison_groups import ANCHORED_TOGETHER, ComparisonGroup, cell, cells, planned_groups
from bench.records.schema import Cell, Environment, PricedOption, Settings
from tests import factories

COMPARISON = factories.comparison()


def settings(
    design: str, runners: list[str], *environments: Environment | str, turns_s: float | None = 2.5
) -> Settings:
    known = [
        environment
        if isinstance(environment, Environment)
        else Environment(name=environment, python="/usr/bin/python3")
        for environment in environments
    ]
    return Settings(
        comparisons=[COMPARISON],
        runners=runners,
        design=design,
        environments=known,
        preset="quick",
        blocks=6,
        turns_s=turns_s,
    )


def clone_of(original: Cell) -> Cell:
    return original.model_copy(update={"clone": True})


def releases_of(each: ComparisonGroup) -> list[str]:
    return [member.environment for member in each.cells if member != each.reference]


def test_runners_are_compared_with_the_hand_written_loop_wherever_it_stands():
    (only,) = planned_groups(settings("runners", ["floor", "pytorch"]))
    assert [cell.runner for cell in only.cells] == ["floor", "pytorch"]
    assert only.reference == cell(COMPARISON, "pytorch")
    assert only.name(only.reference) == "pytorch"


def test_the_reference_takes_turns_with_a_clone_of_itself_that_has_no_row():
    (only,) = planned_groups(settings("runners", ["floor", "pytorch"]))
    assert only.clone == clone_of(only.reference)
    assert only.members == (*only.cells, only.clone)
    assert only.name(only.clone) == "clone"
    assert only.clone not in cells(settings("runners", ["floor", "pytorch"]))
    assert only.clone.comparison == COMPARISON  # but for noise it is the same


def test_an_environment_is_compared_with_the_first_for_each_runner():
    planned = settings("environments", ["hf-trainer", "lightning"], "old", "new")
    first, second = planned_groups(planned)
    assert [cell.environment for cell in first.cells] == ["old", "new"]
    assert {cell.runner for cell in second.cells} == {"lightning"}
    assert second.reference == cell(COMPARISON, "lightning", "old")
    assert second.name(second.cells[1]) == "new"
    assert second.clone == clone_of(second.reference)


def test_where_an_environment_is_a_clone_there_is_no_second_one():
    again = Environment(name="clone", python="/usr/bin/python3", clone_of="old")
    (only,) = planned_groups(settings("environments", ["hf-trainer"], "old", "new", again))
    assert only.clone is None
    assert [member.environment for member in only.members] == ["old", "new", "clone"]
    assert cells(settings("environments", ["hf-trainer"], "old", "new", again)) == list(only.cells)


@pytest.mark.parametrize(
    ("releases", "together"),
    [("a", ["a"]), ("abcd", ["abcd"]), ("abcde", ["ab", "cde"]), ("abcdefghi", ["abc", "def", "ghi"])],
)
def test_neighbouring_releases_take_turns_with_one_anchor_and_its_clone(releases, together):
    planned = planned_groups(settings("anchored", ["hf-trainer"], "anchor", *releases))
    anchor = cell(COMPARISON, "pytorch", "anchor")
    assert ["".join(releases_of(each)) for each in planned] == together
    for number, each in enumerate(planned):
        assert (each.reference, each.clone, each.number) == (anchor, clone_of(anchor), number)
        assert each.cells[0] == anchor
        assert {member.runner for member in each.cells[1:]} == {"hf-trainer"}
        assert len(each.cells) <= ANCHORED_TOGETHER + 1


def test_every_release_of_a_run_of_before_loops_took_turns_has_an_anchor_of_its_own():
    planned = planned_groups(settings("anchored", ["hf-trainer"], "anchor", *"abcde", turns_s=None))
    assert [releases_of(each) for each in planned] == [["a"], ["b"], ["c"], ["d"], ["e"]]
    assert [each.number for each in planned] == [0, 1, 2, 3, 4]
    assert {each.reference for each in planned} == {cell(COMPARISON, "pytorch", "anchor")}


@pytest.mark.parametrize("turns_s", [2.5, None])
def test_an_anchor_that_stands_in_several_rounds_is_one_cell(turns_s):
    planned = settings("anchored", ["hf-trainer"], "anchor", *"abcdef", turns_s=turns_s)
    wanted = [cell(COMPARISON, "pytorch", "anchor"), *(cell(COMPARISON, "hf-trainer", name) for name in "abcdef")]
    assert cells(planned) == wanted


@pytest.mark.parametrize("design", ["environments", "anchored"])
def test_a_search_of_which_nothing_could_be_installed_compares_nobody(design):
    assert planned_groups(settings(design, ["hf-trainer"])) == []
    assert cells(settings(design, ["hf-trainer"])) == []


def test_only_some_are_measured_but_always_with_the_reference_and_its_clone():
    planned = planned_groups(settings("anchored", ["hf-trainer"], "anchor", *"abcdefg"))
    second = planned[1]
    few = second.only([second.cells[2], planned[0].cells[1]])
    assert few.cells == (second.reference, second.cells[2])
    assert few.members == (second.reference, second.cells[2], clone_of(second.reference))
    assert (few.number, few.reference) == (1, second.reference)
    assert second.only([]).cells == (second.reference,)
    assert second.only(second.cells) == second


def test_a_cell_knows_its_comparison_wherever_it_is():
    assert cell(COMPARISON, "lightning", "old").without_environment == COMPARISON
    assert clone_of(cell(COMPARISON, "lightning", "old")).without_environment == COMPARISON


def test_options_take_turns_with_the_loop_without_any_in_groups_of_eight_and_those_with_workers_apart():
    names = [f"option-{number}" for number in range(10)]
    priced = [PricedOption(runner="fabric", name=name, setting=name) for name in names]
    priced += [PricedOption(runner="fabric", name="workers", setting="workers", workers=2)]
    priced += [PricedOption(runner="fabric", name="lacking", setting="lacking", missing="needs a package")]
    planned = settings("options", ["fabric"]).model_copy(update={"options": priced})
    groups = planned_groups(planned)
    none = cell(COMPARISON, "fabric")
    assert [[cell.option for cell in one.cells] for one in groups] == [
        [None, *names[:5]],
        [None, *names[5:]],
        [None, "workers"],
    ]
    assert {one.reference for one in groups} == {none}
    assert {one.clone for one in groups} == {clone_of(none)}
    assert [one.number for one in groups] == [0, 1, 2]
    assert groups[0].name(none) == "none"
    assert groups[0].name(groups[0].cells[1]) == "option-0"
    assert {member.comparison for one in groups for member in one.members} == {COMPARISON}


def both_profiles(*runners: str, design: str = "runners", environments: tuple[str, ...] = ()) -> Settings:
    planned = settings(design, list(runners), *environments)
    stock = COMPARISON.model_copy(update={"profile": "stock"})
    return planned.model_copy(update={"comparisons": [COMPARISON, stock]})


def test_both_profiles_take_turns_together_and_each_has_its_own_baseline():
    (only,) = planned_groups(both_profiles("pytorch", "hf-trainer"))
    assert [only.name(cell) for cell in only.cells] == [
        "pytorch",
        "hf-trainer",
        "pytorch (stock)",
        "hf-trainer (stock)",
    ]
    matched, stock = only.cells[1], only.cells[3]
    assert (only.baseline(matched), only.baseline(stock)) == (only.cells[0], only.cells[2])
    assert (only.matched(stock), only.matched(matched)) == (matched, None)
    assert only.clone == clone_of(only.cells[0])


def test_a_loop_without_defaults_is_in_the_matched_profile_alone():
    (only,) = planned_groups(both_profiles("pytorch", "floor", "path/to/own.py"))
    assert [cell.runner for cell in only.cells if cell.profile == "stock"] == ["pytorch"]


def test_other_comparisons_are_rounds_of_their_own():
    planned = both_profiles("pytorch")
    larger = [comparison.model_copy(update={"batch_size": 512}) for comparison in planned.comparisons]
    groups = planned_groups(planned.model_copy(update={"comparisons": [*planned.comparisons, *larger]}))
    assert [[cell.batch_size for cell in one.cells] for one in groups] == [[64, 64], [512, 512]]


def test_each_profile_is_compared_between_environments_by_itself():
    first, second = planned_groups(
        both_profiles("hf-trainer", "floor", design="environments", environments=("old", "new"))
    )[::2]
    assert [cell.profile for cell in first.cells] == ["matched"] * 2
    assert [cell.profile for cell in second.cells] == ["stock"] * 2
    assert second.baseline(second.cells[1]) == second.reference
