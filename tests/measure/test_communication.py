"""How long collectives are under way, of made events whose times are known, and of a loop without any."""

from bench.measure import communication
from bench.measure.communication import Event, Interval, of_card, of_host, per_step, timing_collectives
from bench.measure.kernels import TICK
from trainloops.contract import Job
from trainloops.parts import build
from trainloops.runners.pytorch import train

STEP_US = 100.0


def step(at_us: float, *events: tuple[str, float, float]) -> list[Event]:
    tick = Event(TICK, Interval(at_us, at_us + 1))
    return [tick, *(Event(name, Interval(at_us + start, at_us + end)) for name, start, end in events)]


def last_step(*events: tuple[str, float, float]) -> tuple[int, int, int]:
    """What is seen of the last of some steps, in nanoseconds."""
    made = [event for index in range(communication.WARMUP_STEPS) for event in step(index * STEP_US, *events)]
    return only_step(per_step(*of_host([*made, *step(communication.WARMUP_STEPS * STEP_US)])))


def only_step(figures: dict[str, list[int]]) -> tuple[int, int, int]:
    (total,), (under_way,), (exposed,) = figures.values()
    return total, under_way, exposed


def last_step_of_a_card(*kernels: tuple[str, float, float]) -> tuple[int, int, int]:
    """The same where the host is two steps ahead of the card, which repeats its annotations."""
    annotated = ("nccl:all_reduce", 0, 99), ("Optimizer.step#SGD.step", 1, 99)
    on_card = (TICK, 0, 1), ("the mark itself", 0, 1), *annotated, *kernels
    made: list[Event] = []
    for index in range(communication.WARMUP_STEPS + 1):
        made += step((index - 2) * STEP_US, *annotated)
        made += [event_of_card(each, index) for each in on_card]
    return only_step(per_step(*of_card(made)))


def event_of_card(event: tuple[str, float, float], index: int) -> Event:
    name, start, end = event
    return Event(name, Interval(index * STEP_US + start, index * STEP_US + end), on_card=True)


def test_a_collective_is_under_way_from_its_call_until_its_backend_is_done():
    assert last_step(("c10d::allreduce_", 20, 30), ("gloo:all_reduce", 28, 70)) == (100_000, 50_000, 50_000)


def test_what_overlaps_with_computation_is_not_exposed_and_counts_once():
    overlapping = ("gloo:all_reduce", 20, 60), ("gloo:all_reduce", 40, 70)
    assert last_step(*overlapping, ("aten::mm", 10, 35), ("aten::mm", 30, 45)) == (100_000, 50_000, 25_000)
    assert last_step(*overlapping, ("aten::mm", 5, 95)) == (100_000, 50_000, 0)


def test_what_the_call_itself_copies_is_no_computation():
    call = ("c10d::_reduce_scatter_base_", 20, 50), ("aten::clone", 25, 40)
    assert last_step(*call, ("gloo:all_reduce", 45, 60)) == (100_000, 40_000, 40_000)


def test_a_collective_that_goes_on_over_a_tick_is_shared_out():
    assert last_step(("gloo:all_gather", 80, 110)) == (100_000, 30_000, 30_000)


def test_one_rank_has_no_communication():
    job = Job(workload="mlp", batch_size=4, epochs=1, steps_per_epoch=communication.WARMUP_STEPS + 3)
    with timing_collectives(job.device) as figures:
        train(job, build(job))
    assert all(figures["step_ns"])
    assert figures["collective_ns"] == figures["exposed_ns"] == [0, 0, 0]


def test_on_a_card_a_collective_is_a_kernel_and_what_other_kernels_run_beside_is_not_exposed():
    reduces = ("ncclDevKernel_AllReduce_Sum_f32_RING_LL(ncclDevKernelArgsStorage<4096ul>)", 20, 60)
    assert last_step_of_a_card(reduces) == (100_000, 40_000, 40_000)
    beside = ("void gemm", 10, 35), ("Memcpy DtoD (Device -> Device)", 50, 80)
    assert last_step_of_a_card(reduces, *beside) == (100_000, 40_000, 15_000)


def test_a_card_without_collectives_has_none_and_our_mark_computes_nothing():
    assert last_step_of_a_card(("void gemm", 10, 90)) == (100_000, 0, 0)
    assert last_step_of_a_card(("ncclDevKernel_Broadcast_RING_LL", 0, 1)) == (100_000, 1_000, 1_000)
