"""What a check of prices says: what became more expensive, what is known of it, and what is no option's doing."""

import re

from bench.analyse.summary import summarise
from bench.plan.upgrade import BASELINE, CANDIDATE
from bench.report.kinds.price_changes import grid, rows, sentences
from tests.price_changes import a_check, an_option, calls, counted, planned, timed


def counts(**more):
    """A check that counts alone, by option the Python calls that it adds on either side."""
    run = planned(*map(an_option, more), passes=("counting",))
    planted = {
        (side, name): calls(calls_)
        for name, both in more.items()
        for side, calls_ in zip((BASELINE, CANDIDATE), both, strict=True)
    }
    return summarise(run, counted(run, planted))


def test_the_answer_names_what_became_more_expensive():
    assert sentences.answer(a_check()) == "Worse: 1 of 2 options became more expensive: dearer."
    assert (
        sentences.answer(counts(one=(3, 4), two=(5, 5))) == "Worse: 1 of 2 options do more per step than before: one."
    )
    assert sentences.answer(counts(two=(5, 5))) == "OK: none of 1 option does more per step than before."
    assert sentences.answer(summarise(planned(), [])) == "Inconclusive: no option could be compared."
    assert sentences.one_line(counts(two=(5, 5))).startswith("prices, transformers==4.46.3 → transformers==4.47.1: OK")


def test_what_the_check_does_not_fail_on_is_told_by_itself():
    summary = a_check()
    run = summary.run.model_copy(update={"settings": summary.run.settings.model_copy(update={"fail_on": ["counters"]})})
    opening = sentences.answer(summary.model_copy(update={"run": run}))
    assert opening == "Worse: 1 of 2 options do more per step than before: dearer."
    dearer, same = summary.price_changes
    cheap = [verdict.model_copy(update={"verdict": "not-regressed"}) for verdict in dearer.verdicts[:1]]
    other = summary.model_copy(
        update={"price_changes": [dearer.model_copy(update={"verdicts": [*cheap, *dearer.verdicts[1:]]}), same]}
    )
    assert sentences.answer(other) == (
        "OK: none of 2 options became more expensive. More expensive otherwise, on which this check does not fail "
        "(--fail-on time,counters would): dearer."
    )


def test_what_the_loop_itself_does_more_is_told_as_no_options_doing():
    assert sentences.of_loops(a_check()) == [
        "hf-trainer at batch 64 of mlp on cpu without options: Python calls 882 → 891. What the loop does anyway is no "
        "option's price."
    ]
    assert sentences.of_loops(counts(two=(5, 5))) == []


def test_the_compact_table_has_the_worst_first_and_no_empty_columns():
    table = grid.grid(counts(**{f"same-{number}": (5, 5) for number in range(14)}, worse=(5, 6), better=(6, 5)))
    assert table.headers[:4] == ("batch", "runner", "option", "Python calls")
    assert [row[2:4] for row in table.texts[:2]] == [("worse", "+5 → +6"), ("better", "+6 → +5")]
    assert table.caption == "4 other options are in the report."
    assert len(grid.whole_grid(a_check()).headers) == len(table.headers) + 3


def test_a_difference_is_told_with_its_interval_or_not_at_all():
    run = planned(an_option(), passes=("timing",))
    prices_us = {(BASELINE, "asked"): 100.0, (CANDIDATE, "asked"): 200.0}
    few, enough = (summarise(run, timed(run, prices_us, blocks=blocks)) for blocks in (3, 20))
    assert [rows.difference(row) for row in rows.changed(few)] == ["[?]"]
    (only,) = rows.changed(enough)
    same = summarise(run, timed(run, {}, blocks=10))
    assert re.fullmatch(r"\+(9|10)[\d.]+ \[[\d.]+, [\d.]+\]", rows.difference(only))
    assert [rows.difference(row) for row in rows.changed(same)] == ["~"]
    assert f"difference {rows.difference(only)}" in sentences.line(only)
