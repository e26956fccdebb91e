"""A run that is killed at any instant loses nothing, repeats nothing finished, and ends with the same table."""

import pytest

from tests.reliability import kills

INSTANTS = 12
"""Of 200 that `python -m tests.reliability.kills` tries."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return kills.unkilled(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("seed", range(INSTANTS))
def test_a_run_killed_at_any_instant_resumes_to_the_same_table(tmp_path, whole, seed):
    assert kills.fault(tmp_path, whole, seed) is None


def test_a_block_that_was_cut_apart_twice_is_not_finished_though_its_lines_are_as_many(tmp_path):
    kills.go_on(folder := kills.folder_of(tmp_path))
    proofs_and_counts, half = 6, 2
    lines = (folder / kills.store.JOURNAL).read_bytes().splitlines(keepends=True)[: proofs_and_counts + half]
    (folder / kills.store.JOURNAL).write_bytes(b"".join([*lines, *lines[-half:]]))
    assert len(kills._finished(folder)) == proofs_and_counts


def test_a_kill_between_the_lines_of_trials_that_took_turns_measures_all_of_them_again_and_counts_each_once(tmp_path):
    folder = kills.folder_of(tmp_path)
    kills.go_on(folder)
    lines = (folder / kills.store.JOURNAL).read_bytes().splitlines(keepends=True)
    proofs_and_counts, more_counts, members = 6, 3, 4
    kept = proofs_and_counts + members + more_counts + 2  # a block, and half of the next
    (folder / kills.store.JOURNAL).write_bytes(b"".join(lines[:kept]))
    assert kills.go_on(folder)
    trials = kills.store.read_trials(folder)
    assert len({trial.key for trial in trials}) == len(trials) == len(lines)
    second = [trial.started_at for trial in trials if trial.block == 1]
    assert min(second) > max(trial.started_at for trial in trials if trial.block == 0)
    of_old_lines = [kills.Trial.model_validate_json(line).started_at for line in lines]
    assert not set(second) & set(of_old_lines)
