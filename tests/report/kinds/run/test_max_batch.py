"""What a search for the largest batch is told as, and how its verb ends."""

import pytest

from bench.plan.max_batch import PASS
from bench.report.kinds.run import max_batch, outcome
from bench.report.kinds.run.kind import KIND
from bench.report.media import markdown, terminal
from tests import factories
from tests.factories import cell, fingerprint, trial

LIMIT = "its peak of 763 MB is over the limit of 734 MB"
UP_TO_64 = f"batches of up to 64 samples train, with a peak of 711 MB; 65 fails: out of memory, {LIMIT}."


def probe(runner, size, status="ok", **changes):
    usual = {"reason": LIMIT} if status != "ok" else {"memory": factories.memory(host_rss_bytes=711e6)}
    return trial(
        cell=cell(runner, batch_size=size), phase=PASS, block=-1, timing=None, status=status, **usual | changes
    )


def summary(*probes, runners=("pytorch", "hf-trainer")):
    run = factories.run(runners=runners)
    update = {"passes": ["equivalence", PASS], "memory_limit_bytes": 734_003_200}
    run = run.model_copy(update={"settings": run.settings.model_copy(update=update)})
    proofs = [trial(cell=cell(runner), phase="equivalence", block=-1, fingerprint=fingerprint()) for runner in runners]
    return factories.summarise(run, [*proofs, *probes])


WHOLE = [probe("pytorch", 64), probe("pytorch", 65, "oom"), probe("hf-trainer", 64, "oom", reason="killed")]


def test_each_loop_has_its_sentence_and_its_row():
    search = summary(*WHOLE[:2], probe("hf-trainer", 64), probe("hf-trainer", 128))
    assert max_batch.answers(search) == [
        f"pytorch (mlp on cpu): {UP_TO_64}",
        "hf-trainer (mlp on cpu): batches of up to 128 samples train, with a peak of 711 MB "
        "(the search was interrupted).",
    ]
    assert max_batch.table(search).texts == [
        ("pytorch", "64", "711", "65", "out of memory (1)"),
        ("hf-trainer", "128", "711", "-", "the search was interrupted"),
    ]
    assert max_batch.table(search).notes == (LIMIT,)
    assert KIND.headline(search) == "pytorch 64, hf-trainer 128"


def test_the_report_and_the_terminal_tell_it():
    search = summary(*WHOLE)
    text = markdown.written(KIND.document(search, "results/RUN"))
    assert text.splitlines()[0] == "# example: how large a batch does each loop train?"
    assert "stays within 734 MB (--memory-limit)." in text
    assert "throughput" not in text.split("How to read this report")[0]
    lines = "\n".join(terminal.lines(KIND.document(search, "results/RUN")))
    assert "batches of up to 64 samples train" in lines


@pytest.mark.parametrize(
    ("probes", "sentence", "code"),
    [
        ([probe("pytorch", 1, "oom")], f"not even a batch of 1 trains: out of memory, {LIMIT}.", 4),
        ([probe("pytorch", 64, "failed", reason="it broke")], "unavailable: failed, it broke.", 4),
        ([], "the run ended before its turn.", 4),
        (WHOLE[:2], UP_TO_64, 0),
    ],
)
def test_a_loop_that_trains_nothing_says_why_and_the_verb_ends_with_4(probes, sentence, code):
    search = summary(*probes, runners=("pytorch",))
    assert max_batch.answers(search) == [f"pytorch (mlp on cpu): {sentence}"]
    assert outcome.exit_code(search) == code
    assert [case.outcome for case in outcome.cases(search)][1] == {0: "passed", 4: "failed" if probes else "skipped"}[
        code
    ]
