"""Trials of a comparison that were started in different ways are told of, and why."""

from bench.analyse.launches import warnings_of
from bench.records.schema import Interpreter
from tests import factories


def trial(runner, launch, no_fork=None, phase="timing"):
    interpreter = Interpreter(
        pid=1, launch=launch, no_fork=no_fork, hash_seed=1, padding_bytes=1, alone=True, import_s=1.0,
        import_rss_bytes=1, base_rss_bytes=1,
    )  # fmt: skip
    made = factories.trial(cell=factories.cell(runner=runner), phase=phase, block=0)
    return made.model_copy(update={"interpreter": interpreter})


def test_alike_is_nothing_to_tell():
    assert list(warnings_of([trial("pytorch", "fork"), trial("fabric", "fork")])) == []


def test_a_comparison_of_forks_and_fresh_interpreters_names_them():
    reason = "RuntimeError: Cannot re-initialize CUDA in forked subprocess"
    sentences = list(warnings_of([trial("pytorch", "fork"), trial("fabric", "spawn", reason)]))
    assert sentences[0] == f"every trial on cpu is an interpreter of its own, since a fork could not use it ({reason})"
    assert "trials of pytorch are forks and of fabric fresh interpreters" in sentences[1]


def test_passes_that_time_nothing_do_not_count():
    assert list(warnings_of([trial("pytorch", "fork"), trial("fabric", "spawn", phase="counting")])) == []
