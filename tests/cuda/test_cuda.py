"""What only a real CUDA device can show: `PYTHONPATH=.:src python3 -m pytest tests/cuda -W default`, in ten minutes."""

import json
import re
from importlib.util import find_spec
from statistics import median

import pytest
import torch

from tests.cuda.conftest import DEVICE, LOOPS, PLANTED, RUNNERS, answer, on_two_nodes, python

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no CUDA device here")

NOT_LISTED = "NVML does not list this process"


def test_all_loops_are_equivalent_and_trials_are_forks(whole, tell):
    tell(f"torch {torch.__version__}, {whole.summary['machine']['accelerators']}")
    assert {name: cell["reason"] for name, cell in whole.cells.items() if cell["status"] != "ok"} == {}
    assert set(whole.cells) == {*RUNNERS, *PLANTED}
    verdicts = {name: cell["equivalence"]["verdict"] for name, cell in whole.cells.items()}
    tell(f"equivalence: {verdicts}")
    assert set(verdicts.values()) <= {"baseline", "bitwise", "close"}
    assert {trial["interpreter"]["launch"] for trial in whole.trials} == {"fork"}


@pytest.mark.parametrize(
    "changes",
    [
        ["--precision", "bf16"],
        ["--precision", "fp16", "--grad-clip", "0.1"],
        ["--precision", "fp16", "--optimizer", "adamw-fused"],
        ["--compile", "on"],
        ["--compile", "on", "--workload", "cnn"],
    ],
)
def test_other_settings_are_equivalent_too(changes, tmp_path, run, tell):
    result = run(tmp_path, "--device", DEVICE, "--batch-size", "64", "--steps", "50", "--only", "time", *changes)
    verdicts = {name: cell["equivalence"]["verdict"] for name, cell in result.cells.items()}
    tell(f"equivalence with {' '.join(changes)}: {verdicts}")
    assert {name: cell["reason"] for name, cell in result.cells.items() if cell["status"] != "ok"} == {}
    assert set(verdicts.values()) <= {"baseline", "bitwise", "close"}


# Counters.


def test_launches_and_allocations_of_every_loop_are_counted_or_said_to_be_untold(whole, tell):
    for name, cell in whole.cells.items():
        counters = cell["counters"]
        counts = {each: counters[each] for each in ("kernels", "device_syncs", "allocations", "ops", "syncs")}
        tell(f"{name}: {counts}")
        untold = {
            reason
            for trial in whole.of("counting")[name]
            for reason in trial["counters"].get("unavailable", {}).values()
        }
        assert counters["kernels"] or untold
        assert counters["allocations"] or untold
        assert counters["kernels"] != 0


def test_one_read_of_a_value_is_one_wait_for_the_device(whole):
    plain, planted = (whole.cells[name]["counters"] for name in ("pytorch", "reads_a_value"))
    if plain["device_syncs"] is None:
        pytest.skip("the profiler did not come up: see the summary")
    assert planted["device_syncs"] == plain["device_syncs"] + 1
    assert planted["syncs"] == plain["syncs"] + 1


def test_one_more_addition_is_one_more_kernel(whole):
    plain, planted = (whole.cells[name]["counters"] for name in ("pytorch", "adds_a_number"))
    if plain["kernels"] is None:
        pytest.skip("the profiler did not come up: see the summary")
    assert planted["kernels"] == plain["kernels"] + 1


def test_counts_repeat(whole):
    for name, trials in whole.of("counting").items():
        first, second = (trial["counters"] for trial in trials)
        for each in ("kernels", "device_syncs", "ops", "syncs", "tensor_bytes"):
            assert first.get(each) == second.get(each), (name, each)


KERNELS_AS_THE_DEVICE_SAW_THEM = """
import json, torch
from bench.measure.hooks import after_each_step
from bench.measure.kernels import LAUNCHES
from torch.profiler import ProfilerActivity, profile
from trainloops import parts, runners
from trainloops.contract import Job
job = Job(workload="mlp", batch_size=64, epochs=1, steps_per_epoch=20, device="cuda")
with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recording:
    runners.load("pytorch")(job, parts.build(job))
    torch.cuda.synchronize()
events = recording.events()
launches = sum(event.name in LAUNCHES for event in events)
on_device = [event for event in events if event.device_type.name == "CUDA" and not event.is_user_annotation]
# `Optimizer.step` and the like are shown on the device, too, and copies are no kernels.
kernels = sum(not event.name.startswith(("Memcpy", "Memset")) for event in on_device)
print(json.dumps([launches, kernels]))
"""


def test_as_many_kernels_ran_as_were_launched(tmp_path, tell):
    launches, kernels = answer(KERNELS_AS_THE_DEVICE_SAW_THEM, cwd=tmp_path)
    tell(f"launches by the host {launches}, kernels on the device {kernels}, in 20 steps")
    if not launches:
        pytest.skip("the profiler did not come up")
    assert launches == kernels


# Times.


def test_the_time_of_a_step_is_that_of_the_device(whole, tell):
    for name, cell in whole.cells.items():
        tell(f"{name}: step {cell['step_time_us']['value']:.1f} us, process {cell['device_memory_bytes']['process']}")
        assert cell["step_time_us"]["value"] == cell["device_step_time_us"]["value"] > 0


def test_a_turn_takes_the_device_as_long_as_the_host(whole, tell):
    """Both begin and end idle, whichever of them the other waits for between."""
    for name, (trial, *_) in whole.of("timing").items():
        timing = trial["timing"]
        assert len(timing["device_step_us"]) == len(timing["step_ns"])
        assert min(timing["device_step_us"]) > 0
        by_device, by_host = sum(timing["device_step_us"]), sum(timing["step_ns"]) / 1e3
        tell(f"{name}: turns by the device over turns by the host {by_device / by_host:.3f}")
        assert by_device == pytest.approx(by_host, rel=0.05), name


def test_no_place_in_a_turn_is_slow(whole):
    """What the instrument did to a step it would do in each turn; what the machine does, it does anywhere."""
    for name, (trial, *_) in whole.of("timing").items():
        turns = trial["timing"]["turns"]
        cold, size = turns["length"]["cold_steps"], turns["length"]["cold_steps"] + turns["length"]["kept_steps"]
        pauses = {int(place) for place in turns.get("pauses_ns", {})}
        steps = trial["timing"]["device_step_us"]
        kept_us = [us for place, us in enumerate(steps) if place % size >= cold and place not in pauses]
        for place in range(cold, size):
            at_place_us = [steps[at] for at in range(place, len(steps), size) if at not in pauses]
            assert median(at_place_us) < 1.5 * median(kept_us), (name, place)


def test_pauses_of_the_collector_are_no_part_of_a_step(whole):
    plain, pausing = (whole.cells[name]["step_time_us"]["value"] for name in ("pytorch", "collects_garbage"))
    assert pausing == pytest.approx(plain, rel=0.1)


TICK = """
import json, time, torch
from bench.measure import device as devices
device, count = devices.of("cuda"), 1000
events = device.events(count)
x = torch.ones(8, 8, device="cuda")
stream = device.stream()
for event in events: event.record(*stream)
took = []
for _ in range(20):
    device.synchronize()
    began = time.perf_counter()
    for event in events: event.record(*stream)
    took.append((time.perf_counter() - began) / count * 1e6)
print(json.dumps(sorted(took)[10]))
"""


def test_a_tick_costs_a_small_part_of_a_step(tmp_path, whole, tell):
    tick_us = answer(TICK, cwd=tmp_path)
    step_us = whole.cells["pytorch"]["step_time_us"]["value"]
    tell(f"an event costs {tick_us:.2f} us, {100 * tick_us / step_us:.2f} % of the hand-written loop's step")
    assert tick_us < 0.03 * step_us


WITH_AND_WITHOUT = """
import gc, json, math, socket, tempfile, time, torch
from pathlib import Path
from torch.optim.optimizer import _global_optimizer_post_hooks
from bench.analyse.statistics.signed_rank import exponentiated, signed_rank_estimate
from bench.measure import device as devices, sm_clock
from bench.measure.clock import Clock
from bench.measure.collector import Collections
from bench.measure.ticks import TURN, Ticks
from trainloops import parts, runners
from trainloops.contract import Job
job = Job(workload="mlp", batch_size=64, epochs=1, steps_per_epoch=300, device="cuda")
train, device = runners.load("pytorch"), devices.of("cuda")
callbacks = list(gc.callbacks)
torch.set_num_threads(1)

def seconds(instrument):
    built = parts.build(job)
    if instrument is not None:
        instrument.start()
    device.synchronize()
    began = time.perf_counter()
    train(job, built)
    device.synchronize()
    took = time.perf_counter() - began
    _global_optimizer_post_hooks.clear()
    gc.callbacks[:] = callbacks
    return took

def clock(folder):
    parent, control = socket.socketpair()
    parent.sendall(TURN.pack(300))  # one step more than there are after the warm-up: its end is not part of this
    ticks = Ticks(Path(folder) / "ticks")
    made = Clock(
        ticks=ticks, control=control, warm_up={"min_steps": 1, "max_steps": 1, "seconds": 0.0}, device=device,
        meters=[sm_clock.of_turns("cuda")], collections=Collections(ticks), finish=None,
    )
    made.parent = parent
    return made

seconds(None)
log_ratios = []
for number in range(16):
    with tempfile.TemporaryDirectory() as folder:
        order = [None, clock(folder)]
        took = {made is not None: seconds(made) for made in (order if number % 2 else order[::-1])}
    log_ratios.append(math.log(took[True] / took[False]))
ratio = exponentiated(signed_rank_estimate(log_ratios))
print(json.dumps([ratio.low, ratio.value, ratio.high]))
"""


def test_steps_take_as_long_with_the_instrument_as_without(tmp_path, tell):
    low, ratio, high = answer(WITH_AND_WITHOUT, cwd=tmp_path)
    tell(f"300 steps with the instrument over 300 without, 16 pairs: {ratio:.4f} [{low:.4f}, {high:.4f}]")
    if high - low > 0.06:
        pytest.skip(f"this machine cannot tell 3 %: between {low:.3f} and {high:.3f}")
    assert ratio < 1.03


def test_phases_sum_to_the_step_and_nobody_is_charged_for_our_waits(whole, tell):
    for name, (trial, *_) in whole.of("phases").items():
        rows = sorted(trial["phases"]["functions"], key=lambda row: -row["exclusive_ns"])
        tell(f"{name}: own time of {[(row['function'], round(row['exclusive_ns'] / 1e3)) for row in rows[:3]]}")
        waits = [row for row in rows if row["function"] == "synchronize" and "torch/" in row["file"]]
        step_ns = median(sum(step) for step in zip(*trial["phases"]["phase_ns"].values(), strict=True))
        assert sum(row["exclusive_ns"] for row in waits) < 0.01 * step_ns, name
        assert sum(row["exclusive_ns"] for row in rows) > 0, name


# Memory and energy.


def test_the_process_holds_what_the_allocator_holds_which_holds_what_is_allocated(whole, tell):
    for name, cell in whole.cells.items():
        held = cell["device_memory_bytes"]
        tell(f"{name}: MB { ({kind: round(value / 1e6, 1) for kind, value in held.items() if value is not None}) }")
        assert held["reserved"] >= held["allocated"] > 0, name
        if held["process"] is None:
            assert NOT_LISTED in cell["unavailable"]["device_memory_bytes.process"]
        else:
            assert held["process"] >= held["reserved"], name


MEMORY = """
import json, torch
from bench.host import process
from bench.measure import device as devices, memory
from trainloops import parts, runners
from trainloops.contract import Job
job = Job(workload="mlp-wide", batch_size=256, epochs=2, steps_per_epoch=10, device="cuda")
built, device = parts.build(job), devices.of("cuda")
host = memory.HostBaseline(inherited_bytes=0, at_start=process.resident())
device.reset_peaks()
runners.load("pytorch")(job, built)
device.synchronize()
figures = memory.figures(devices.Peaks(), device.peaks(), device="cuda", host=host)
weights = sum(parameter.nbytes for parameter in built.model.parameters())
print(json.dumps([figures, torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved(), weights]))
"""


def test_memory_figures_are_torch_s_own(tmp_path):
    figures, allocated, reserved, weights = answer(MEMORY, cwd=tmp_path)
    assert figures["device_allocated_bytes"] == allocated
    assert figures["device_reserved_bytes"] == reserved
    assert allocated >= 4 * weights  # weights, gradients and two moments


def test_energy_is_a_figure_or_has_a_reason(whole, tell):
    for name, (trial, *_) in whole.of("timing").items():
        timing = trial["timing"]
        assert timing.get("energy_j", 0) > 0 or timing["unavailable"]["energy_j"], name
    tell(f"energy: {timing.get('energy_j')} J, {timing.get('unavailable')}")


def test_the_clock_of_the_card_is_told_at_both_ends_of_the_turns_or_has_a_reason(whole, tell):
    for name, (trial, *_) in whole.of("timing").items():
        timing = trial["timing"]
        clocks_mhz = timing.get("sm_clock_mhz")
        tell(f"{name}: SM clock after the first turn and the last {clocks_mhz} MHz")
        assert clocks_mhz is None or min(clocks_mhz) > 0, name
        assert clocks_mhz or timing["unavailable"]["sm_clock_mhz"], name


def test_out_of_device_memory_is_a_row_and_the_rest_is_kept(tmp_path, run):
    result = run(
        tmp_path,
        *("--device", DEVICE, "--workload", "mlp-wide", "--runner", f"pytorch,{LOOPS}/out_of_memory.py"),
        *("--batch-size", "64", "--steps", "20"),
        code=4,
    )
    assert result.cells["pytorch"]["status"] == "ok"
    assert result.cells["out_of_memory"]["status"] == "oom"
    reason = result.cells["out_of_memory"]["reason"]
    assert reason.startswith("OutOfMemoryError: tried to allocate 1048576.00 GiB, and ")
    assert re.search(r" of [\d.]+ GiB is free(; other processes hold [\d.]+ GiB)?$", reason)


# How it is started, on what, and what the doctor says.


def test_cpu_and_cuda_stand_in_one_report(tmp_path, run):
    result = run(
        tmp_path, "--device", f"cpu,{DEVICE}", "--runner", "pytorch,floor", "--batch-size", "64", "--steps", "50"
    )
    rows = {(cell["device"], cell["runner"]): cell for cell in result.summary["cells"]}
    assert set(rows) == {(device, runner) for device in ("cpu", DEVICE) for runner in ("pytorch", "floor")}
    assert rows["cpu", "pytorch"]["device_memory_bytes"]["allocated"] is None
    assert rows[DEVICE, "pytorch"]["device_memory_bytes"]["allocated"] > 0


def test_where_one_loop_cannot_be_forked_none_is_and_all_are_equivalent(tmp_path, run):
    planted = LOOPS / "touches_the_device.py"
    result = run(
        tmp_path, "--device", DEVICE, "--runner", f"pytorch,{planted}", "--batch-size", "64", "--steps", "20",
        "--only", "time",
    )  # fmt: skip
    assert {trial["interpreter"]["launch"] for trial in result.trials} == {"spawn"}
    assert {cell["status"] for cell in result.cells.values()} == {"ok"}
    assert any(
        "is an interpreter of its own, since a fork could not use it" in warning
        for warning in result.summary["warnings"]
    )


def test_the_doctor_knows_the_card(tmp_path, tell):
    done = python("-m", "bench.doctor", "--device", DEVICE, "--json", cwd=tmp_path)
    assert done.returncode in (0, 4), done.stderr
    diagnosis = json.loads(done.stdout)
    assert (diagnosis["torch"]["launch"], diagnosis["torch"]["broken"]) == ("fork", None)
    nvidia = diagnosis["health"]["nvidia"]
    tell(f"doctor: driver {nvidia['driver']}, CUDA {nvidia['cuda']}, {[each['name'] for each in nvidia['gpus']]}")
    tell(f"doctor: {[(row['subject'], row['severity']) for row in diagnosis['findings'] if row['severity'] != 'fine']}")
    assert nvidia["gpus"] or nvidia["unavailable"]


def test_a_card_that_is_not_shown_is_one_sentence(tmp_path):
    done = python("-m", "bench.run", "--device", DEVICE, cwd=tmp_path, CUDA_VISIBLE_DEVICES="")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --device cuda: torch sees no cuda device here")
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("results/*/run.json"))


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there is one card")
def test_the_second_card_is_the_second_card(tmp_path, run):
    result = run(
        tmp_path, "--device", "cuda:1", "--runner", "pytorch,hf-trainer", "--batch-size", "64", "--steps", "20"
    )
    assert {cell["status"] for cell in result.cells.values()} == {"ok"}
    (path,) = tmp_path.glob("results/*/checkups.jsonl")
    second = result.summary["machine"]["accelerators"][1]["uuid"]
    gpus = [gpu["uuid"] for line in path.read_text().splitlines() for gpu in json.loads(line)["nvidia"]["gpus"]]
    assert set(gpus) == {second}


def test_figures_are_whole_beside_an_nvml_that_fails(tmp_path, run):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "pynvml.py").write_text("def nvmlInit():\n    raise RuntimeError('Driver/library version mismatch')\n")
    result = run(
        tmp_path, "--device", DEVICE, "--runner", "pytorch,floor", "--batch-size", "64", "--steps", "20", path=(broken,)
    )
    for cell in result.cells.values():
        assert cell["status"] == "ok"
        assert cell["step_time_us"]["value"] > 0
        assert "version mismatch" in cell["unavailable"]["device_memory_bytes.process"]


# Several ranks.


@pytest.mark.parametrize(("strategy", "workload"), [("ddp", "mlp"), ("fsdp", "encoder"), ("deepspeed", "mlp")])
def test_ranks_of_two_nodes_train_the_same_by_nccl(strategy, workload, tmp_path, tell):
    """On one card: two ranks of one machine NCCL would refuse there."""
    if strategy == "deepspeed" and find_spec("deepspeed") is None:
        pytest.skip("deepspeed is not installed")
    asked = ("--workload", workload, "--batch-size", "64", "--steps", "50", "--strategy", strategy)
    result = on_two_nodes(tmp_path, "--device", DEVICE, "--nproc-per-node", "1", *asked)
    assert {name: cell["reason"] for name, cell in result.cells.items() if cell["status"] != "ok"} == {}
    verdicts = {name: cell["equivalence"]["verdict"] for name, cell in result.cells.items()}
    tell(f"equivalence of two nodes, {strategy}: {verdicts}")
    assert set(verdicts) == set(RUNNERS)
    assert set(verdicts.values()) <= {"baseline", "bitwise", "close"}
    for entry in result.summary["scaling"]:
        tell(f"{entry['cell']['runner']}, {strategy}: {entry['collectives']}, peaks {entry['rank_peaks_bytes']}")
        tell(f"  communication {entry['communication_shares']}, exposed {entry['exposed_shares']}")
        assert entry["collectives"]
        assert len(entry["rank_peaks_bytes"]) == len(entry["communication_shares"]) == 2
        for under_way, exposed in zip(entry["communication_shares"], entry["exposed_shares"], strict=True):
            assert 0 < exposed <= under_way < 1


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="torch sees fewer than two CUDA devices here")
def test_on_two_cards_all_loops_train_the_same_and_each_rank_has_the_memory_of_its_own(tmp_path, run, tell):
    result = run(tmp_path, "--device", DEVICE, "--batch-size", "64", "--steps", "50", "--nproc-per-node", "2")
    assert {name: cell["reason"] for name, cell in result.cells.items() if cell["status"] != "ok"} == {}
    verdicts = {name: cell["equivalence"]["verdict"] for name, cell in result.cells.items()}
    tell(f"equivalence on two cards: {verdicts}")
    assert set(verdicts.values()) <= {"baseline", "bitwise", "close"}
    for name, trials in result.of("timing").items():
        peaks = [memory["device_allocated_bytes"] for memory in trials[0]["timing"]["memory_of_ranks"]]
        tell(f"{name}: peaks of both ranks {peaks}")
        assert len(peaks) == 2
        assert min(peaks) > 0
