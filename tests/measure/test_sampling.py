"""Own time goes to the function that spends it, and none of it to the instrument."""

import hashlib
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest
import torch

from bench.measure import phases
from bench.measure.device import Accelerator
from bench.measure.sampling import sampling
from trainloops import parts, runners
from trainloops.contract import Job

STEPS, WARMUP_STEPS = 24, 4


def spin(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


def short_wait() -> None:
    spin(0.005)


def dear() -> None:
    until = time.perf_counter() + 0.015
    while time.perf_counter() < until:
        pass


def train() -> Counter[str]:
    """What its functions took by the clock after the warm-up: beside other work that is not 5 and 15 ms a step."""
    spent_s: Counter[str] = Counter()
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    for step in range(STEPS):
        began_s = time.perf_counter()
        short_wait()
        between_s = time.perf_counter()
        dear()
        if step >= WARMUP_STEPS:
            spent_s += Counter({"spin": between_s - began_s, "dear": time.perf_counter() - between_s})
        optimizer.step()
    return spent_s


def sampled() -> tuple[float, float]:
    """A step's time that was shared out, and by which part of a step the samples differ from the clock."""
    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        spent_s = train()
    own_ns = {row["function"]: row["exclusive_ns"] for row in sampler.functions()}
    assert own_ns.get("short_wait", 0) < 1e6  # what it calls is not its own
    too_much_for_dear = own_ns["dear"] / (own_ns["dear"] + own_ns["spin"]) - spent_s["dear"] / spent_s.total()
    return sum(own_ns.values()), too_much_for_dear


def test_own_time_is_shared_out_by_where_it_is_spent():
    """Of three runs, since one may stand still between two functions, or while a sample is taken."""
    shared_out_ns, too_much_for_dear = zip(*(sampled() for _ in range(3)), strict=True)
    assert median(shared_out_ns) >= 20e6  # the region's whole time
    assert median(too_much_for_dear) == pytest.approx(0, abs=0.05)


def test_nothing_is_sampled_before_the_warm_up_ends():
    with sampling(steps=STEPS + 1, warmup_steps=STEPS + 1) as sampler:
        train()
    assert sampler.functions() == []


def test_a_loop_s_own_alarm_and_handler_stay_its_own():
    rung = []
    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
        train()
    assert (rung, sampler.functions()) == ([], [])
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        signal.setitimer(signal.ITIMER_REAL, 3600)
        train()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 3500
    assert sampler.functions() == []
    signal.setitimer(signal.ITIMER_REAL, 0)


def test_rows_are_what_the_record_takes():
    from bench.records.schema import FunctionTime

    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        train()
    rows = [FunctionTime.model_validate(row) for row in sampler.functions()]
    assert next(row for row in rows if row.function == "dear").file.endswith("test_sampling.py")


def in_c(rounds: int) -> None:
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", rounds)


def share_of_c() -> tuple[float, float]:
    """Which share of a step a call into C has by samples, and by the clock."""
    rounds, spent_s = 20_000, Counter()
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        for step in range(STEPS):
            began_s = time.perf_counter()
            in_c(rounds)
            between_s = time.perf_counter()
            spin(0.005)
            if step >= WARMUP_STEPS:
                spent_s += {"in_c": between_s - began_s, "spin": time.perf_counter() - between_s}
            optimizer.step()
    own_ns = {row["function"]: row["exclusive_ns"] for row in sampler.functions()}
    return own_ns["in_c"] / (own_ns["in_c"] + own_ns["spin"]), spent_s["in_c"] / spent_s.total()


def test_a_long_call_into_c_has_all_of_its_time():
    """Which is what it took by the clock: Python hears of the timer but once while it lasts.

    The median of several: the loop may lose the processor just where one function hands over to the other.
    """
    apart = [by_samples - by_clock for by_samples, by_clock in (share_of_c() for _ in range(5))]
    assert median(apart) == pytest.approx(0, abs=0.05)


WAITS = """
def synchronize():
    began_s = time.perf_counter()
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 4_000)
    waits_s.append(time.perf_counter() - began_s)
"""


def test_our_own_waits_for_the_device_are_nobodys(monkeypatch):
    """They are made by torch on our behalf, and beside them the loop's own time is what it was."""
    torchs = str(Path(torch.__path__[0]) / "accelerator" / "__init__.py")
    space = {"hashlib": hashlib, "time": time, "waits_s": []}
    exec(compile(WAITS, torchs, "exec"), space)  # in C, as a driver does
    monkeypatch.setattr(torch.accelerator, "synchronize", space["synchronize"])
    job = Job(workload="mlp", batch_size=8, epochs=1, steps_per_epoch=30)
    split = phases.splitting(parts.build(job), Accelerator("toy"))
    with split as figures, sampling(steps=job.steps, warmup_steps=1) as sampler:
        runners.load("pytorch")(job, figures.parts)
    rows = sampler.functions()
    assert "synchronize" not in {row["function"] for row in rows}
    step_ns = sum(sum(ns) for ns in figures.result()["phase_ns"].values()) / (job.steps - 1)
    # Ten waits per step, most of it on a quiet machine, are not shared out among the loop's functions.
    waited_ns = 1e9 * sum(space["waits_s"]) / job.steps
    own_ns = sum(row["exclusive_ns"] for row in rows)
    assert own_ns > 0
    assert own_ns == pytest.approx(step_ns - waited_ns, abs=0.1 * step_ns)


def test_what_the_splitting_of_phases_calls_for_the_loop_is_the_loops(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "synchronize", lambda: None)
    job = Job(workload="mlp", batch_size=8, epochs=1, steps_per_epoch=50)
    built = parts.build(job)

    def slow_loss(model, batch):
        spin(0.002)
        return model(batch["x"]).sum()

    with (
        phases.splitting(replace(built, loss=slow_loss), Accelerator("toy")) as figures,
        sampling(steps=job.steps, warmup_steps=1) as sampler,
    ):
        runners.load("pytorch")(job, figures.parts)
    own_ns = {row["function"]: row["exclusive_ns"] for row in sampler.functions()}
    assert own_ns["spin"] > 1e6
