"""Whatever a trial does becomes its row's status and reason, and the next trial runs."""

from pathlib import Path

import pytest

from bench.execute.interpreter import Spec
from bench.execute.launcher import Request
from bench.execute.spawn import Spawner
from bench.execute.zygote import Zygote
from bench.plan.rounds import cell
from bench.plan.schedule import Layout
from bench.records.schema import Comparison, Length

LOOPS = Path(__file__).parent.parent / "loops"
COMPARISON = Comparison(workload="mlp", device="cpu", batch_size=4)
LAYOUT = Layout(hash_seed=1, padding_bytes=10)
SHORT = Length(epochs=2, steps_per_epoch=3, warmup_steps=2)


def spec(loop: str) -> Spec:
    return Spec(runner=str(LOOPS / f"{loop}.py"), device="cpu", threads=1, layout=LAYOUT)


def request(loop: str, *, timeout_s: float = 60.0) -> Request:
    runner = str(LOOPS / f"{loop}.py")
    return Request(phase="timing", cell=cell(COMPARISON, runner), length=SHORT, seed=0, threads=1, timeout_s=timeout_s)


@pytest.fixture
def zygote_of():
    started = []

    def start(loop: str) -> Zygote:
        zygote = Zygote(spec(loop))
        started.append(zygote)
        zygote.start()
        zygote.ready(alone=True)
        return zygote

    yield start
    for zygote in started:
        zygote.close()


@pytest.mark.parametrize(
    ("loop", "status", "reason"),
    [
        ("raises", "failed", "ValueError: the learning rate went to the moon"),
        ("is_killed", "killed", "the process was killed by SIGKILL (often the kernel, out of host memory)"),
        ("out_of_memory", "oom", "can't allocate memory"),
        ("leaves_garbage", "garbage", "the result cannot be read: "),
        ("one_step_short", "failed", "the loop made 3 optimizer steps, its job says 6"),
        ("needs_what_is_not_there", "failed", "No module named 'a_framework_that_nobody_has_installed'"),
    ],
)
def test_a_fault_is_a_result_with_its_reason(zygote_of, loop, status, reason):
    result = zygote_of(loop).run(request(loop)).result
    assert result.status == status
    assert result.reason is not None
    assert reason in result.reason
    assert "\n" not in result.reason


def test_a_hang_is_killed_at_its_timeout_and_the_interpreter_serves_on(zygote_of):
    zygote = zygote_of("hangs")
    first = zygote.run(request("hangs", timeout_s=1.0))
    second = zygote.run(request("hangs", timeout_s=1.0))
    assert [first.result.status, second.result.status] == ["timeout", "timeout"]
    assert first.result.reason == "killed after its timeout of 1 s; --timeout gives it longer"
    assert first.interpreter == second.interpreter


def test_a_lost_interpreter_is_replaced(zygote_of):
    zygote = zygote_of("kills_its_interpreter")
    first = zygote.run(request("kills_its_interpreter"))
    second = zygote.run(request("kills_its_interpreter"))
    assert [first.result.status, second.result.status] == ["killed", "killed"]
    assert first.interpreter.pid != second.interpreter.pid


def test_what_a_loop_prints_is_no_answer(zygote_of):
    outcome = zygote_of("prints_and_is_right").run(request("prints_and_is_right"))
    assert outcome.result.status == "ok", outcome.result.reason
    assert len(outcome.result.timing.step_ns) == SHORT.steps - 1


def test_spawn_speaks_the_same_protocol(monkeypatch):
    spawner = Spawner(spec("prints_and_is_right"))
    outcome = spawner.run(request("prints_and_is_right"))
    assert outcome.result.status == "ok", outcome.result.reason
    assert outcome.interpreter.hash_seed == LAYOUT.hash_seed
    killed = Spawner(spec("is_killed")).run(request("is_killed"))
    assert killed.result.status == "killed"
