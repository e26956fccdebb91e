"""What two scripts' trials prove, and what one script's own two runs do."""

import pytest

from bench.analyse.cells import scripts
from bench.records.schema import ScriptFingerprint, ScriptStep
from tests.factories import trial

NAMES = ("a.py", "b.py")


def fingerprint(*losses, lr=0.1):
    steps = [
        ScriptStep(parameters_sha256=f"after {loss} {lr}", moved=1.0, losses=[loss], learning_rates=[lr])
        for loss in losses
    ]
    empty = {name: [] for name in ("batches", "inputs", "trainable", "frozen", "optimizers", "models", "loaders")}
    return ScriptFingerprint(seed=0, steps=steps, initial_sha256="zeros", **empty)


def witnessed(*fingerprints, **changes):
    return trial("b.py", **changes).model_copy(update={"phase": "equivalence", "witnessed": list(fingerprints)})


ONE, OTHER = fingerprint(1.0, 0.5), fingerprint(1.0, 0.4, lr=0.2)


def test_scripts_that_do_the_same_twice_are_equal():
    verdict = scripts.judge(witnessed(ONE, ONE), witnessed(ONE, ONE), names=NAMES, unlike=False)
    assert verdict.verdict == "bitwise"


def test_scripts_that_differ_are_compared_only_where_the_user_asks_for_the_unlike():
    plain, asked = (
        scripts.judge(witnessed(OTHER, OTHER), witnessed(ONE, ONE), names=NAMES, unlike=unlike)
        for unlike in (False, True)
    )
    assert (plain.verdict, plain.proven) == ("different", False)
    assert (asked.verdict, asked.proven) == ("unlike", True)
    assert asked.reasons == plain.reasons
    assert any("0.1 in a.py, 0.2 in b.py" in reason for reason in asked.reasons)


def test_nothing_is_proven_of_a_script_whose_trial_failed():
    lost = witnessed(status="failed", reason="it ended after 3 steps")
    verdict = scripts.judge(lost, witnessed(ONE, ONE), names=NAMES, unlike=False)
    assert verdict.verdict == "unproven"
    assert verdict.detail == "nothing is known of what b.py computes: it ended after 3 steps"


@pytest.mark.parametrize(
    ("of_itself", "sentence"),
    [
        (None, "the script that others are held to"),
        (witnessed(ONE, ONE), "two runs of a.py are equal in all of their first 2 steps"),
        (
            witnessed(fingerprint(1.0, float("nan")), fingerprint(1.0, float("nan"))),
            "the loss of a.py is nan from step 2 on",
        ),
        (witnessed(ONE, OTHER), "a.py is not reproducible"),
    ],
)
def test_the_first_script_tells_of_itself(of_itself, sentence):
    equivalence = scripts.reference(of_itself, "a.py")
    assert equivalence.verdict == "baseline"
    assert any(sentence in warning for warning in [equivalence.detail, *equivalence.warnings])
