"""What a bisection's journal says of its releases, and where to go on."""

from bench.analyse.releases.probes import CLONE, cell_of, probes, searched
from bench.analyse.releases.transitions import as_check, is_confirmed, transitions
from tests import factories
from tests.searches import VERSIONS, counted, counters, environment, planned, side_by_side, summary, timed, unusable


def likes(run, trials):
    return {probe.release: probe.like for probe in probes(run, trials)}


def due(run, trials):
    return [VERSIONS[index] for index in searched(run, probes(run, trials)).due]


def test_counts_are_searched_by_their_value_in_the_order_of_the_releases():
    run = planned()
    trials = counted(run, {"4.49.0": 7, "4.46.2": 6})
    assert due(run, []) == ["4.46.2", "4.49.0"]
    assert due(run, trials) == ["4.47.0"]
    trials += counted(run, {"4.47.0": 6})
    assert [probe.value for probe in probes(run, trials)] == [6, 6, 7]
    assert likes(run, trials) == {"4.46.2": "first", "4.47.0": "first", "4.49.0": "last"}
    assert due(run, trials) == ["4.47.1"]


def test_a_release_without_an_environment_or_a_count_is_stepped_around():
    run = planned(installed=("4.46.2", "4.48.0", "4.49.0"))
    failed = factories.trial(cell=cell_of(run, "4.48.0"), phase="counting", block=-1, status="killed", reason="SIGKILL")
    trials = [*counted(run, {"4.46.2": 6, "4.49.0": 7}), unusable(run, "4.47.0", "no wheel"), failed]
    by_release = {probe.release: (probe.status, probe.reason) for probe in probes(run, trials) if probe.status != "ok"}
    assert by_release == {"4.47.0": ("missing", "no wheel"), "4.48.0": ("killed", "SIGKILL")}
    assert due(run, trials) == ["4.46.3"]


def test_a_metric_that_this_machine_does_not_count_is_no_value():
    run = planned(metric="kernels")
    (probe,) = probes(run, counted(run, {"4.46.2": 6}))
    assert (probe.status, probe.value, probe.reason) == ("failed", None, "the device is the host")


def test_a_move_between_neighbours_names_the_functions_and_what_repeats():
    run = planned()
    trials = [
        *counted(run, {"4.46.2": 6, "4.49.0": 7}),
        *counted(run, {"4.47.0": 6, "4.47.1": 7}, replicates=2),
    ]
    made = summary(run, trials)
    (transition,) = made.moves
    assert (transition.older, transition.newer, transition.before, transition.after) == ("4.47.0", "4.47.1", 6, 7)
    assert (transition.repeated, transition.between, transition.untested, transition.equivalence.verdict) == (
        True,
        [],
        0,
        "bitwise",
    )
    syncs = [(row.function, row.delta) for row in made.attribution if row.counter == "syncs"]
    assert syncs == [("Trainer.get_batch_samples", 1)]
    assert {row.cell.environment for row in made.attribution} == {"4.47.1"}
    verdicts = {verdict.metric: verdict.verdict for verdict in made.verdicts}
    assert verdicts["syncs"] == "regressed"
    assert verdicts["ops"] == "not-regressed"


def test_a_second_count_that_differs_is_told():
    run = planned()
    again = factories.trial(cell=cell_of(run, "4.47.1"), phase="counting", block=-1, replicate=1, counters=counters(8))
    trials = counted(run, {"4.46.2": 6, "4.49.0": 7, "4.47.1": 7}) + counted(run, {"4.47.0": 6}, replicates=2)
    assert transitions(run, [*trials, again], probes(run, [*trials, again]))[0].repeated is False


def test_every_move_the_largest_first():
    run = planned(every=True)
    trials = counted(run, dict(zip(VERSIONS, (6, 6, 7, 7, 9, 9), strict=True)))
    moves = transitions(run, trials, probes(run, trials))
    assert [(transition.older, transition.newer, transition.after - transition.before) for transition in moves] == [
        ("4.47.1", "4.48.0", 2),
        ("4.46.3", "4.47.0", 1),
    ]


ENDS = {"4.46.2": 1.0, "4.49.0": 1.10}


def test_step_times_are_judged_beside_both_ends():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.49.0": 6})
    assert likes(run, trials) == {"4.46.2": "first", "4.49.0": None}
    trials += timed(run, ENDS, first_block=0)
    assert likes(run, trials) == {"4.46.2": "first", "4.49.0": "last"}
    assert due(run, trials) == ["4.47.0"]
    trials += counted(run, {"4.47.0": 6})
    assert due(run, trials) == ["4.47.0"]  # counted, but not timed yet
    trials += timed(run, {"4.46.2": 1.0, "4.47.0": 1.01, "4.49.0": 1.10}, first_block=10)
    trials += counted(run, {"4.47.1": 6})
    trials += timed(run, {"4.46.2": 1.0, "4.47.1": 1.09, "4.49.0": 1.10}, first_block=20)
    assert likes(run, trials) == {"4.46.2": "first", "4.47.0": "first", "4.47.1": "last", "4.49.0": "last"}
    seen = {probe.release: (round(probe.ratio.value, 2), probe.blocks) for probe in probes(run, trials)}
    assert seen == {"4.46.2": (1.0, 30), "4.47.0": (1.01, 10), "4.47.1": (1.09, 10), "4.49.0": (1.1, 30)}
    (transition,) = transitions(run, trials, probes(run, trials))
    assert (transition.older, transition.newer, transition.repeated) == ("4.47.0", "4.47.1", None)


def test_a_release_that_became_faster_is_like_the_last_end_where_that_is_the_faster_one():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.47.0": 6, "4.49.0": 6})
    trials += timed(run, {"4.46.2": 1.0, "4.49.0": 0.9}, first_block=0)
    trials += timed(run, {"4.46.2": 1.0, "4.47.0": 0.91, "4.49.0": 0.9}, first_block=10)
    assert likes(run, trials) == {"4.46.2": "first", "4.47.0": "last", "4.49.0": "last"}


def test_ends_within_the_margin_have_not_moved():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.49.0": 6}) + timed(run, {"4.46.2": 1.0, "4.49.0": 1.01}, first_block=0)
    assert likes(run, trials)["4.49.0"] == "first"
    assert searched(run, probes(run, trials)).due == ()
    assert transitions(run, trials, probes(run, trials)) == []


def test_ends_that_the_blocks_cannot_tell_apart_are_undecided():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.49.0": 6})
    loud = timed(run, {"4.46.2": 1.0, "4.49.0": 1.04}, first_block=0, blocks=14, spread=40.0)
    assert likes(run, trials + loud[:-4])["4.49.0"] is None  # more blocks may tell
    assert likes(run, trials + loud)["4.49.0"] == "undecided"
    assert searched(run, probes(run, trials + loud)).due == ()


def test_a_release_in_the_middle_is_undecided_and_ends_the_search():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.47.0": 6, "4.49.0": 6}) + timed(run, ENDS, first_block=0)
    half_way = {"4.46.2": 1.0, "4.47.0": 1.0488, "4.49.0": 1.10}
    trials += timed(run, half_way, first_block=10, blocks=14, spread=5.0)
    assert likes(run, trials)["4.47.0"] == "undecided"
    assert due(run, trials) == []
    (transition,) = transitions(run, trials, probes(run, trials))
    assert (transition.older, transition.newer, transition.between, transition.untested) == (
        "4.46.2",
        "4.49.0",
        ["4.47.0"],
        3,
    )


def test_a_release_that_fails_when_timed_is_stepped_around():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.47.0": 6, "4.49.0": 6}) + timed(run, ENDS, first_block=0)
    trials += timed(run, ENDS, first_block=10, blocks=1)
    trials.append(factories.trial(cell=cell_of(run, "4.47.0"), block=10, status="oom", reason="2 GiB"))
    assert {p.release: p.status for p in probes(run, trials)} == {"4.46.2": "ok", "4.47.0": "oom", "4.49.0": "ok"}
    assert due(run, trials) == ["4.47.1"]


def test_the_confirmation_is_a_check_of_the_two_neighbours_alone():
    clone = environment("4.47.0", clone_of="4.47.0").model_copy(update={"name": CLONE})
    run = planned(installed=(*VERSIONS, clone))
    trials = counted(run, {"4.46.2": 6, "4.49.0": 7}) + counted(run, {"4.47.0": 6, "4.47.1": 7}, replicates=2)
    before = len(trials)
    trials += side_by_side(run, "4.47.0", "4.47.1", 1.10, first_block=40, blocks=10)
    transition = transitions(run, trials, probes(run, trials))[0]
    check, relabelled = as_check(run, trials, transition)
    assert [environment.name for environment in check.settings.environments] == ["baseline", "candidate", "clone"]
    assert {trial.block for trial in relabelled} == {-1, *range(10)}
    assert len(relabelled) == len(trials) - (before - 2 * 3)  # of the opening, both neighbours' proof and two counts
    assert not is_confirmed(run, trials, transition)  # flagged, and to be found again on fresh blocks
    trials += side_by_side(run, "4.47.0", "4.47.1", 1.10, first_block=50, blocks=10)
    assert is_confirmed(run, trials, transition)
    step_time = next(verdict for verdict in summary(run, trials).verdicts if verdict.metric == "step_time_us")
    assert (step_time.verdict, step_time.confirmed, step_time.pairs) == ("regressed", True, 20)
    assert step_time.cell.environment == "4.47.1"
    assert [probe.blocks for probe in probes(run, trials)] == [0, 0, 0, 0]


def test_a_confirmation_is_no_part_of_a_search_by_time():
    clone = environment("4.46.2", clone_of="4.46.2").model_copy(update={"name": CLONE})
    run = planned(metric="step_time", versions=("4.46.2", "4.49.0"), installed=("4.46.2", "4.49.0", clone))
    trials = counted(run, {"4.46.2": 6, "4.49.0": 6}) + timed(run, ENDS, first_block=0)
    trials += side_by_side(run, "4.46.2", "4.49.0", 1.0, first_block=10)
    assert likes(run, trials) == {"4.46.2": "first", "4.49.0": "last"}
    assert probes(run, trials)[1].blocks == 10


def test_a_search_of_which_nothing_could_be_installed_has_a_summary():
    run = planned(installed=())
    made = summary(run, [unusable(run, version, "no wheel") for version in VERSIONS])
    assert [probe.status for probe in made.probes] == ["missing"] * 6
    assert (made.moves, made.cells) == ([], [])


def test_a_release_that_fails_in_most_blocks_is_undecided_after_as_many_as_any_other():
    run = planned(metric="step_time")
    trials = counted(run, {"4.46.2": 6, "4.47.0": 6, "4.49.0": 6}) + timed(run, ENDS, first_block=0)
    trials += timed(run, {"4.46.2": 1.0, "4.47.0": 1.0, "4.49.0": 1.10}, first_block=10, blocks=2)
    for block in range(12, 24):
        trials += timed(run, ENDS, first_block=block, blocks=1)
        trials.append(factories.trial(cell=cell_of(run, "4.47.0"), block=block, status="timeout"))
        assert likes(run, trials)["4.47.0"] == ("undecided" if block == 23 else None)
