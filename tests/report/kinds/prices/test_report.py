"""What a price list says: the most expensive first, what is noise as ~, and events by themselves."""

import re
from dataclasses import replace

from bench.analyse.summary import summarise
from bench.report.kinds.prices import grid, report, rows
from bench.report.media import markdown
from tests import factories
from tests.price_lists import a_list, a_list_of_a_script, a_run, an_option, counters, steps, trials_of


def test_the_most_expensive_comes_first_and_noise_is_told_with_its_bounds():
    (only,) = rows.lists(a_list())
    costs, *others = only.prices
    assert costs.cell.option == "costs"
    assert rows.step_time(costs).startswith(("+149", "+15"))
    assert rows.share(costs).startswith("+15")
    free = next(price for price in others if price.cell.option == "free")
    assert rows.step_time(free) == "~"
    assert rows.share(free).startswith("within ±0.")


def test_an_event_is_told_in_milliseconds_with_when_it_happens():
    (only,) = rows.lists(a_list())
    (event,) = only.events
    name, happens, time, *_ = rows.per_event(event, only.counters)
    assert (name, happens) == ("saves", "checkpoint, here every 7 steps")
    assert time.startswith(("8.9", "9.0"))
    assert " ms [" in time


def test_the_answer_names_what_costs_and_how_many_do_not():
    summary = a_list()
    (only,) = rows.lists(summary)
    text = report.answer(only)
    assert "Per step, the most expensive: costs +1" in text
    nothing = re.search(r"2 options cost nothing measurable, known to within ±([\d.]+) % of the step or better.$", text)
    bounds = [max(-price.share.low, price.share.high) for price in only.prices if price.is_noise]
    assert max(bounds) * 100 <= float(nothing[1]) < max(bounds) * 100 + 0.1
    assert report.missing(only) == ["lacking: needs a package: pip install a-package"]
    assert "most per step: costs of fabric +15 %" in report.one_line(summary)
    text = markdown.written(report.document(summary, "results/a"))
    assert "- lacking: needs a package: pip install a-package" in text


def test_the_compact_table_leaves_out_how_options_are_switched_on():
    table = grid.grid(a_list())
    assert table.headers[:5] == ("batch", "runner", "option", "µs/step", "of the step")
    assert table.texts[0][:3] == ("64", "fabric", "costs")
    assert all(len(row) == len(table.headers) for row in table.texts)


def test_how_options_are_switched_on_is_folded_and_what_no_row_has_is_no_column():
    text = markdown.written(report.document(a_list(), "results/a"))
    assert "| option |         µs/step |   of the step | Python calls | C calls | ops | syncs | tensor kB |\n" in text
    assert "<summary>How each option is switched on</summary>\n\n| option | switched on by |" in text
    assert "| costs  | costs=True     |" in text


def test_a_price_without_an_interval_comes_last_and_leads_nothing():
    summary = a_list()
    bare = [
        p.model_copy(update={name: without_interval(getattr(p, name)) for name in ("step_us", "share")})
        for p in summary.prices
    ]
    (only,) = rows.lists(summary.model_copy(update={"prices": [bare[0], *summary.prices[1:]]}))
    assert only.prices[-1].cell.option == "costs"
    assert rows.share(only.prices[-1]) == "+15 % [?]"
    text = report.answer(only)
    assert "most expensive" not in text
    assert "1 price [?] come last" not in text
    assert "1 price [?] comes last: an interval takes 6 blocks, for which the time did not suffice (--budget" in text
    text = report.answer(replace(only, asked_blocks=2))
    assert "1 price [?] comes last: an interval takes 6 blocks, and --blocks asked for 2." in text
    assert "most per step" not in report.one_line(summary.model_copy(update={"prices": bare}))


def without_interval(estimate):
    return estimate and estimate.model_copy(update={"low": None, "high": None})


def test_what_was_not_counted_is_no_0():
    summary = a_list()
    uncounted = dict.fromkeys(("python_calls", "c_calls"), "it has a profiler of its own")
    first = summary.prices[0].model_copy(update={"uncounted": uncounted, "more": {"ops": 3}})
    (only,) = rows.lists(summary.model_copy(update={"prices": [first, *summary.prices[1:]]}))
    assert rows.per_step(only.prices[0], only.counters)[3:7] == ("-", "-", "+3", "0")
    assert "costs: no Python calls and C calls, since it has a profiler of its own" in report.missing(only)


def on_a_card(**counted):
    """The list of two options on a card, of which one reads two values more; with these counts of the others."""
    run = a_run(an_option("reads"), an_option("saves", event="checkpoint", every=7))
    settings = run.settings.model_copy(update={"comparisons": [factories.comparison(device="cuda")]})
    usual = {"kernels": 41, "device_syncs": 0, "allocations": 30} | counted
    plain = {name: value for name, value in usual.items() if value is not None}
    reads = plain | {name: plain[name] + 2 for name in ("kernels", "device_syncs") if name in plain}
    reads["tensor_bytes"] = 100 + 30_000
    saving = {name: value + 1 for name, value in plain.items()} | {"tensor_bytes": 100 + 2_000}
    counts = {None: counters(counts=plain), "reads": counters(counts=reads)}
    counts["saves"] = counters(counts=plain, at_events=saving)
    run = run.model_copy(update={"settings": settings})
    return summarise(run, trials_of(run, lambda name, lead: steps(1000.0, lead=lead), counted=counts))


def test_on_a_card_kernels_and_waits_for_it_are_counted_too():
    (only,) = rows.lists(on_a_card())
    by_option = {price.cell.option: price for price in only.prices}
    assert only.per_step[5:] == ("ops", "syncs", "kernels", "device syncs", "tensor kB", "terminal B")
    assert rows.per_step(by_option["reads"], only.counters)[3:-1] == ("0", "0", "0", "0", "+2", "+2", "+30.0")
    assert only.per_event[-3:] == ("kernels", "device syncs", "tensor kB")
    assert rows.per_event(by_option["saves"], only.counters)[-3:] == ("+1", "+1", "+2.00")
    assert report.missing(only) == []


def test_what_no_option_was_counted_by_is_no_0_and_is_told_once():
    (only,) = rows.lists(on_a_card(kernels=None, device_syncs=None))
    assert {rows.per_step(price, only.counters)[7:9] for price in only.prices} == {("-", "-")}
    assert report.missing(only) == ["No kernels and device syncs of any option, since the cpu launches none"]


def test_what_happens_at_the_start_was_not_counted_and_is_no_0():
    summary = a_list()
    event = next(price for price in summary.prices if price.event)
    started = event.model_copy(update={"every": "start", "event_more": {}})
    _, happens, _, *counts = rows.per_event(started, rows.counters_of(summary))
    assert (happens, counts) == ("checkpoint, once at the start", [*"-----"])


def test_a_list_that_counts_nothing_has_no_zeros_and_says_so_of_no_option():
    summary = a_list()
    uncounted = dict.fromkeys((counter.key for counter in rows.COUNTED), "it was not counted")
    prices = [price.model_copy(update={"uncounted": uncounted}) for price in summary.prices[:3]]
    (only,) = rows.lists(summary.model_copy(update={"prices": prices}))
    assert {rows.per_step(price, only.counters)[3:7] for price in only.prices} == {tuple("----")}
    assert report.missing(only) == []


def test_a_list_of_a_script_tells_shares_of_its_step_and_what_is_no_mere_overhead():
    summary = a_list_of_a_script()
    (only,) = rows.lists(summary)
    text = report.answer(only)
    assert re.search(
        r"A step takes 1,00\d µs as the script is. .* max-grad-norm \+20\d .*µs \(\+20 % of every step\).", text
    )
    assert re.search(r"spread over all steps: logging 12[89] µs \(9\d\d µs \[.* each 7 steps\)\. 3 options cost", text)
    assert report.arithmetic(only) == [
        "max-grad-norm changes the arithmetic: without it, a step trains something else."
    ]
    (rare,) = report.unseen(only)
    assert rare.startswith(
        "checkpoint: no checkpoint fell into the timed steps, since one comes every 5,000 steps; --steps"
    )
    (line,) = only.events
    assert rows.per_event(line, only.counters)[3].startswith(("128", "129"))  # 900 µs each seven steps
    assert "batch" not in grid.grid(summary).headers


def test_counts_without_a_usual_step_are_not_subtracted():
    (only,) = rows.lists(a_list_of_a_script())
    counts = {price.cell.option: rows.per_step(price, only.counters)[3:] for price in only.prices}
    assert counts["callback-Mine"] == ("varies", "0", "0", "0", "0")
    assert counts["max-grad-norm"] == ("+40", "0", "+8", "0", "0")
