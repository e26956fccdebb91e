"""Own time goes to the function that spends it, and none of it to the instrument."""

import time

import torch

from bench.measure.sampling import sampling

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


def train() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    optimizer = torch.optim.SGD([parameter], lr=0.1)
    for _ in range(STEPS):
        short_wait()
        dear()
        optimizer.step()


def test_own_time_is_shared_out_by_where_it_is_spent():
    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        train()
    own_ns = {row["function"]: row["exclusive_ns"] for row in sampler.functions()}
    assert own_ns.get("short_wait", 0) < 1e6  # what it calls is not its own
    step_ns = sum(own_ns.values())
    assert step_ns >= 20e6  # the region's whole time is shared out
    assert 0.65 < own_ns["dear"] / (own_ns["dear"] + own_ns["spin"]) < 0.85  # 15 of 20 ms


def test_nothing_is_sampled_before_the_warm_up_ends():
    with sampling(steps=STEPS + 1, warmup_steps=STEPS + 1) as sampler:
        train()
    assert sampler.functions() == []


def test_rows_are_what_the_record_takes():
    from bench.records.schema import FunctionTime

    with sampling(steps=STEPS, warmup_steps=WARMUP_STEPS) as sampler:
        train()
    rows = [FunctionTime.model_validate(row) for row in sampler.functions()]
    assert next(row for row in rows if row.function == "dear").file.endswith("test_sampling.py")
