import cProfile
import json
import sys
from _thread import allocate_lock, start_new_thread
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.profiler import profile, record_function

from bench.analyse.cells.attribution import subtract
from bench.measure import counters, kernels, tensors
from bench.measure.calls import Monitoring, SetProfile
from bench.measure.fingerprint import WrongStepCountError
from bench.measure.hooks import after_each_step
from bench.measure.sites import Site
from bench.records import metrics
from bench.records.schema import Counters
from tests.factories import cell_of
from tests.verbs import ROOT
from trainloops import parts, runners
from trainloops.contract import Job
from trainloops.runners import compat

BY_FUNCTION = tuple(counter.key for counter in metrics.BY_FUNCTION)
SHORT = Job(workload="mlp", batch_size=8, epochs=2, steps_per_epoch=4)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# Calls, for functions of known structure.


def leaf(x):
    return len(x)


def numbers():
    yield 1
    yield 2


def stops_early():
    try:
        yield 1
    except KeyError:
        yield 2


class Thing:
    def __init__(self):
        self.parts = []

    def __add__(self, other):
        return other


def known_structure():  # 1 Python call
    for word in ("a", "bc", "def"):
        leaf(word)  # 3 Python calls, 3 C calls: `len`
    for _ in numbers():  # 3: it begins, resumes, and resumes to its end
        pass
    early = stops_early()
    next(early)  # 1, and 1 C call: `next`
    early.throw(KeyError)  # 1, and 1 C call: the method `throw`; 1 more as it is closed when it goes
    thing = Thing() + 1  # 2: `__init__` and `__add__`; a class is no C call, an operator neither
    str.upper("a")  # 1 C call: an unbound method
    sorted([thing], key=lambda n: n)  # 1, and 1 C call: `sorted`
    # 13 Python calls and 7 C calls


@dataclass
class Point:
    x: int


def make_a_point():
    Point(1)  # its `__init__` is in no file


def calls_of(backend, function):
    backend.start()
    try:
        function()
    finally:
        backend.stop()
    return backend.take()


def test_setprofile_counts_what_is_there():
    table = calls_of(SetProfile(), known_structure)
    python = {site.function: times for site, times in table["python_calls"].items()}
    assert python.pop("calls_of", 0) == 0
    assert python == {
        "known_structure": 1,
        "leaf": 3,
        "numbers": 3,
        "stops_early": 3,
        "Thing.__init__": 1,
        "Thing.__add__": 1,
        "known_structure.<locals>.<lambda>": 1,
    }
    c = {site.function: times for site, times in table["c_calls"].items()}
    assert c == {"leaf": 3, "known_structure": 4}


def test_a_loop_that_starts_a_profiler_of_its_own_has_no_counts_rather_than_those_until_then():
    def profiled():
        leaf("counted")
        profile = cProfile.Profile()
        profile.runcall(leaf, "lost")

    backend = SetProfile()
    assert calls_of(backend, profiled) == {}
    steps = [{"ops": {"a": 1}, "python_calls": {"a": 5}}, {"ops": {"a": 1}}]
    assert set(counters.typical_of(steps)) == {"ops"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with Python 3.12")
def test_both_backends_count_the_same():
    assert calls_of(Monitoring(), known_structure) == calls_of(SetProfile(), known_structure)


def test_a_call_inside_the_standard_library_counts_for_its_caller():
    table = calls_of(SetProfile(), lambda: json.dumps({1: "a"}, sort_keys=True))
    (caller,) = (site for site, times in table["python_calls"].items() if times > 1)  # the encoder's frames
    assert caller.function.endswith("<lambda>")
    assert caller.named.file == Path(__file__).relative_to(ROOT).as_posix()


def test_generated_code_counts_for_its_caller():
    table = calls_of(SetProfile(), make_a_point)
    assert {site.function: times for site, times in table["python_calls"].items()} == {"make_a_point": 2}


def test_a_file_is_named_as_it_is_imported():
    adam = torch.optim.Adam.__init__.__code__
    site = Site(adam.co_filename, adam.co_qualname, adam.co_firstlineno)
    assert site.named == Site("torch/optim/adam.py", "Adam.__init__", adam.co_firstlineno)
    assert Site("/somewhere/else/loop.py", "train", 1).named.file == "loop.py"


# One thing more than a plain loop shows as exactly that.


def plain_loop(extra):
    def train(job, parts):
        loader = torch.utils.data.DataLoader(parts.dataset, sampler=parts.sampler, **parts.loader)
        for epoch in range(job.epochs):
            parts.sampler.set_epoch(epoch)
            for batch in loader:
                loss = parts.loss(parts.model, batch)
                loss.backward()
                parts.optimizer.step()
                parts.optimizer.zero_grad()
                extra(loss)

    return train


def does_nothing(loss):
    pass


def calls_once_more(loss):
    does_nothing(loss)


def reads_the_loss(loss):
    loss.item()


def adds_an_op(loss):
    loss + 1


kept = {}


def keeps_a_tensor(loss):
    kept["tensor"] = torch.zeros(1000)


def keeps_one_tensor_for_good(loss):
    if "tensor" not in kept:
        kept["tensor"] = torch.zeros(1000)


def works_in_another_thread(loss):
    done = allocate_lock()
    done.acquire()
    start_new_thread(does_nothing_then_unlocks, (loss, done))
    done.acquire()


def does_nothing_then_unlocks(loss, done):
    does_nothing(loss)
    done.release()


def counted(extra):
    return counters.count(plain_loop(extra), SHORT, parts.build, warmup_steps=4)


@pytest.fixture(scope="module")
def baseline():
    return counted(does_nothing)


def difference(baseline, extra):
    """What `extra` does more than `does_nothing`, which it replaces: by counter, by function."""
    counts = counted(extra)
    rows = {
        counter: subtract(functions(baseline), functions(counts), counter, cell=cell_of()) for counter in BY_FUNCTION
    }
    for counter, differing in rows.items():
        assert sum(row.delta for row in differing) == counts[counter]["value"] - baseline[counter]["value"]
        assert counts[counter]["share"] == 1
    return {counter: {row.function: row.delta for row in differing} for counter, differing in rows.items() if differing}


def functions(counts):
    return [SimpleNamespace(**dict.fromkeys(BY_FUNCTION, 0) | row) for row in counts["functions"]]


def test_one_more_python_call(baseline):
    assert difference(baseline, calls_once_more) == {"python_calls": {"calls_once_more": 1}}


def test_one_more_read_of_a_value(baseline):
    assert difference(baseline, reads_the_loss) == {
        "python_calls": {"reads_the_loss": 1, "does_nothing": -1},
        "c_calls": {"reads_the_loss": 1},
        "ops": {"reads_the_loss": 1},
        "syncs": {"reads_the_loss": 1},
    }


def test_one_more_op(baseline):
    more = difference(baseline, adds_an_op)
    assert more.pop("python_calls") == {"adds_an_op": 1, "does_nothing": -1}
    assert more == {"ops": {"adds_an_op": 1}}
    ops = counted(adds_an_op)["ops_by_name"]
    assert {name.partition("::")[0] for name in ops} == {"aten"}
    assert Counter(ops) - Counter(baseline["ops_by_name"]) == {"aten::add.Tensor": 1}


def test_a_bridge_is_in_no_count_of_the_loop_that_needs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", SimpleNamespace(__version__="4.46.1"))

    def bridged(job, parts):
        averaged = compat.transformers_4_46_averaged(replace(job, grad_accumulation=2), parts)
        assert averaged is not parts
        plain_loop(does_nothing)(job, averaged)

    plain, both = (
        counters.count(each, SHORT, parts.build, warmup_steps=4) for each in (plain_loop(does_nothing), bridged)
    )
    for counter in ("python_calls", "c_calls", "ops", "syncs"):
        assert both[counter] == plain[counter]
    assert both["ops_by_name"] == plain["ops_by_name"]


def test_one_more_tensor_kept_alive(baseline):
    more = difference(baseline, keeps_a_tensor)
    kept.clear()
    assert more.pop("python_calls") == {"keeps_a_tensor": 1, "does_nothing": -1}
    assert more == {
        "c_calls": {"keeps_a_tensor": 1},
        "ops": {"keeps_a_tensor": 1},
        "tensor_bytes": {"keeps_a_tensor": 4000},
    }


def test_a_tensor_that_a_module_keeps_from_its_first_step_counts(baseline):
    more = difference(baseline, keeps_one_tensor_for_good)
    kept.clear()
    assert more["tensor_bytes"] == {"keeps_one_tensor_for_good": 4000}


def test_another_thread_is_not_counted(baseline):
    assert difference(baseline, works_in_another_thread) == {
        "python_calls": {"works_in_another_thread": 1, "does_nothing": -1},
        "c_calls": {"works_in_another_thread": 4},
    }


def test_the_instrument_counts_nothing_of_its_own(baseline):
    """Against a loop without any hook: one step more costs what the instrument says of a step."""

    def calls_of_a_run(steps):
        job = Job(workload="mlp", batch_size=8, epochs=1, steps_per_epoch=steps)
        built = parts.build(job)
        tables = calls_of(SetProfile(), lambda: plain_loop(does_nothing)(job, built))
        return {name: sum(table.values()) for name, table in tables.items()}

    calls_of_a_run(6)  # whatever is done only once a process
    fewer, more = calls_of_a_run(6), calls_of_a_run(7)
    assert more["python_calls"] - fewer["python_calls"] == baseline["python_calls"]["value"]
    assert more["c_calls"] - fewer["c_calls"] == baseline["c_calls"]["value"]


def test_a_step_that_is_not_the_jobs_is_refused():
    def one_epoch_short(job, parts):
        plain_loop(does_nothing)(replace(job, epochs=1), parts)

    with pytest.raises(WrongStepCountError, match="made 4 optimizer steps, its job says 8"):
        counters.count(one_epoch_short, SHORT, parts.build, warmup_steps=4)


# Steady steps, and what is typical of them.


def test_steady_steps_neither_warm_up_nor_begin_an_epoch():
    steps = [{"ops": {"f": index}} for index in range(9)]
    assert [step["ops"]["f"] for step in counters.steady(steps, warmup_steps=2, steps_per_epoch=3)] == [2, 4, 5, 7, 8]
    with pytest.raises(counters.NoSteadyStepError, match="of 9 steps none is steady: 9 warm up"):
        counters.steady(steps, warmup_steps=9, steps_per_epoch=3)


def test_an_event_is_counted_in_steps_without_a_part_in_an_epochs_end():
    """The last of eight steps fetches no batch ahead."""
    steps = [{"ops": {"fetch": fetched}} for fetched in [128] * 7 + [0] + [128] * 8]
    assert [step["ops"]["fetch"] for step in counters._at_events(steps, 7, steps_per_epoch=8)] == [128]
    assert counters._at_events(steps, 8, steps_per_epoch=8) == [steps[8]]


def test_the_typical_step_is_the_mode_and_never_an_average():
    tables = [{"f": 9}, {"f": 3, "g": 1}, {"f": 2, "g": 2}, {"f": 3, "g": 1}]
    assert counters.typical(tables) == (4, 0.75, {"f": 3, "g": 1})


# Tensors.


@pytest.mark.parametrize(
    ("workload", "optimizer", "peak_bytes", "scratch_bytes"),
    [
        ("mlp", "sgd", 27_416, 0),
        ("mlp-wide", "sgd", 34_803_864, 0),
        ("mlp-wide", "adamw-fused", 69_472_448, 0),
        # torch's unfused AdamW gives Python numbers to its kernels, which make a tensor of each for themselves.
        ("mlp-wide", "adamw", 102_903_996, 20),
    ],
)
def test_tensor_bytes_agree_with_the_allocator_to_the_byte(tmp_path, workload, optimizer, peak_bytes, scratch_bytes):
    job = Job(workload=workload, batch_size=16, epochs=1, steps_per_epoch=5, optimizer=optimizer)
    built = parts.build(job)
    held_before = sum(parameter.untyped_storage().nbytes() for parameter in built.model.parameters())

    def mark(_):
        with record_function("tick"):
            pass

    counting = tensors.counting_tensors(device="cpu", dataset=built.dataset)
    with profile(profile_memory=True, acc_events=True) as recording, counting as steps, after_each_step(mark):
        runners.load("pytorch")(job, built)
    allocated = [held_before + peak for peak in allocator_peaks(recording, tmp_path / "trace.json")]
    assert [sum(step["tensor_bytes"].values()) for step in steps[1:]] == [peak_bytes] * 4
    assert allocated[1:] == [peak_bytes + scratch_bytes] * 4


def allocator_peaks(recording, path):
    """Peak bytes that the allocator handed out since the profile began, from tick to tick."""
    recording.export_chrome_trace(str(path))
    events = json.loads(path.read_text())["traceEvents"]
    peaks, live, peak = [], 0, 0
    for event in sorted((e for e in events if e.get("name") in ("[memory]", "tick")), key=lambda e: e["ts"]):
        if event["name"] == "tick":
            peaks.append(peak)
            peak = live
        else:
            live += event["args"]["Bytes"]
            peak = max(peak, live)
    return peaks


def test_bytes_have_categories(baseline):
    weights = (64 * 32 + 32 + 32 * 16 + 16 + 16 * 2 + 2) * 4
    bytes_by_category = baseline["tensor_bytes_by_category"]
    assert bytes_by_category["parameters"] == bytes_by_category["gradients"] == weights
    assert bytes_by_category["optimizer_state"] == 2 * weights + 6 * 4  # two moments, and a step count for each
    assert bytes_by_category["batch"] == 8 * (64 * 4 + 8)
    assert sum(bytes_by_category.values()) == baseline["tensor_bytes"]["value"]


def test_only_bytes_on_the_device_count_and_a_moved_batch_stays_a_batch():
    job = Job(workload="mlp", batch_size=8, epochs=1, steps_per_epoch=4, device="meta", optimizer="sgd")
    with tensors.counting_tensors(device="meta") as steps:
        runners.load("pytorch")(job, parts.build(job))
    assert steps[-1]["tensor_bytes_by_category"]["batch"] == 8 * (64 * 4 + 8)
    assert "optimizer_state" not in steps[-1]["tensor_bytes_by_category"]


def test_a_resized_storage_counts_at_its_size():
    ledger = tensors.Ledger()
    tensor = torch.zeros(10)
    ledger.see(tensor.untyped_storage(), None, counted=True)
    tensor.resize_(100)
    ledger.see(tensor.untyped_storage(), None, counted=True)
    assert sum(storage.size_bytes for storage in ledger.take_peak()) == 400
    tensor.untyped_storage().resize_(0)
    ledger.see(tensor.untyped_storage(), None, counted=True)
    ledger.take_peak()
    assert sum(storage.size_bytes for storage in ledger.take_peak()) == 0


def on(device):
    """A tensor without values on a device that need not be there."""
    with FakeTensorMode():
        return torch.empty(4, 4, device=device)


def mask(device):
    with FakeTensorMode():
        return torch.empty(4, dtype=torch.bool, device=device)


def index(device):
    with FakeTensorMode():
        return torch.empty(4, dtype=torch.int64, device=device)


ATEN = torch.ops.aten


@pytest.mark.parametrize(
    ("op", "args", "kwargs", "output", "waits"),
    [
        (ATEN._local_scalar_dense.default, (on("cuda"),), {}, 1.0, True),
        (ATEN._local_scalar_dense.default, (on("cpu"),), {}, 1.0, False),  # AdamW's count of steps
        (ATEN.equal.default, (on("cuda"), on("cuda")), {}, True, True),
        (ATEN.nonzero.default, (on("cuda"),), {}, on("cuda"), True),
        (ATEN.masked_select.default, (on("cuda"), on("cuda")), {}, on("cuda"), True),
        (ATEN.nonzero.default, (on("cpu"),), {}, on("cpu"), False),
        (ATEN.index.Tensor, (on("cuda"), [mask("cuda")]), {}, on("cuda"), True),
        (ATEN.index.Tensor, (on("cuda"), [None, index("cuda")]), {}, on("cuda"), False),
        (ATEN.index_put_.default, (on("cuda"), [mask("cuda")], on("cuda")), {}, on("cuda"), True),
        (ATEN.index_put_.default, (on("cuda"), [index("cuda")], on("cuda")), {}, on("cuda"), False),
        (ATEN.repeat_interleave.Tensor, (index("cuda"),), {}, on("cuda"), True),
        (ATEN.repeat_interleave.Tensor, (index("cuda"),), {"output_size": 9}, on("cuda"), False),
        (torch.ops.aten.add.Tensor, (on("cuda"), on("cuda")), {}, on("cuda"), False),
        (tensors.COPY_TO_NEW, (on("cuda"),), {"device": "cpu"}, on("cpu"), True),
        (tensors.COPY_TO_NEW, (on("cuda"),), {"device": "cpu", "non_blocking": True}, on("cpu"), False),
        (tensors.COPY_TO_NEW, (on("cpu"),), {"device": "cuda"}, on("cuda"), False),
        (tensors.COPY_TO_NEW, (on("cpu"),), {"dtype": torch.float64}, on("cpu"), False),
        (tensors.COPY_INTO, (on("cpu"), on("cuda")), {}, on("cpu"), True),
        (tensors.COPY_INTO, (on("cpu"), on("cuda"), True), {}, on("cpu"), False),
        (tensors.COPY_INTO, (on("cuda"), on("cpu")), {}, on("cuda"), False),
    ],
)
def test_what_reads_a_value_back(op, args, kwargs, output, waits):
    assert tensors.reads_back(op, args, kwargs, output, device_type="cuda") is waits


@pytest.mark.parametrize("op", [ATEN._local_scalar_dense.default, ATEN.nonzero.default])
def test_on_a_cpu_all_counts_that_would_wait_on_an_accelerator(op):
    assert tensors.reads_back(op, (on("cpu"),), {}, None, device_type="cpu") is True


def step_of_adamw(device, **options):
    """What is counted of a step of AdamW's on a device that need not be there, the second after its state is made."""
    with FakeTensorMode():
        parameters = [torch.nn.Parameter(torch.empty(8, 8, device=device)) for _ in range(3)]
        for parameter in parameters:
            parameter.grad = torch.empty(8, 8, device=device)
        optimizer = torch.optim.AdamW(parameters, **options)
        # Its counts of steps stay on the CPU, with values: it reads them.
        for parameter in parameters:
            optimizer.state[parameter] = {
                "step": torch.tensor(1.0),
                **{name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")},
            }
        with tensors.counting_tensors(device=device) as steps:
            optimizer.step()
    return steps[0]


def test_what_adamw_reads_of_its_own_counts_on_the_cpu_is_nothing_that_a_card_is_waited_for():
    counts = step_of_adamw("cuda", foreach=True)
    assert counts["ops_by_name"]["aten::_local_scalar_dense"] > 0
    assert sum(counts["syncs"].values()) == 0


def test_bytes_of_a_card_that_is_not_there_have_categories():
    by_category = step_of_adamw("cuda", foreach=True)["tensor_bytes_by_category"]
    assert by_category["parameters"] == by_category["gradients"] == 3 * 256
    assert by_category["optimizer_state"] == 6 * 256


# Kernels: those of a card are in `test_kernels`.


def test_the_device_instrument_reads_a_real_profile(monkeypatch):
    monkeypatch.setattr(kernels, "LAUNCHES", ("aten::addmm",))  # no CUDA here: an op stands for a launch
    readings = iter(range(0, 100, 7))
    monkeypatch.setattr(kernels, "_allocations_so_far", lambda device: next(readings))
    with kernels.counting_kernels(device="cuda") as steps:
        plain_loop(does_nothing)(SHORT, parts.build(SHORT))
    assert len(steps) == SHORT.steps
    assert all(step["kernels"] == {"aten::addmm": 3} for step in steps)
    assert all(step["allocations"] == {"allocations": 7} for step in steps)


@pytest.mark.parametrize(
    ("launches", "readings", "counted"),
    [
        ((), range(0, 100, 7), {"allocations"}),  # CUPTI did not come up
        (("aten::addmm",), [0] * 100, {"kernels", "device_syncs"}),  # an allocator that counts nothing
    ],
)
def test_what_nobody_told_is_unavailable_and_never_an_exact_0(monkeypatch, launches, readings, counted):
    monkeypatch.setattr(kernels, "LAUNCHES", launches)
    readings = iter(readings)
    monkeypatch.setattr(kernels, "_allocations_so_far", lambda device: next(readings))
    with kernels.counting_kernels(device="cuda") as steps:
        plain_loop(does_nothing)(SHORT, parts.build(SHORT))
    assert len(steps) == SHORT.steps
    assert all(set(step) == counted for step in steps)
    assert set(kernels.not_seen(steps[0])) == set(kernels.NAMES) - counted


def test_a_count_without_a_profiler_is_whole_and_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(counters, "unavailable", lambda device: {})
    readings = iter(range(0, 1000, 7))
    monkeypatch.setattr(kernels, "_allocations_so_far", lambda device: next(readings))
    counts = counters.count(plain_loop(does_nothing), SHORT, parts.build, warmup_steps=1)
    assert Counters.model_validate(counts).kernels is None
    assert counts["allocations"]["value"] == 7
    assert counts["unavailable"] == dict.fromkeys(("kernels", "device_syncs"), kernels.NO_PROFILER)


def test_what_a_cpu_has_not_is_unavailable_and_says_why(baseline):
    assert baseline["unavailable"] == {
        "kernels": "the device is the host",
        "device_syncs": "the device is the host",
        "allocations": "the device is the host",
    }
    assert "kernels" not in baseline
    assert kernels.unavailable("cuda:1") == {}
    assert set(kernels.unavailable("mps").values()) == {"torch's profiler reports launches for CUDA and ROCm only"}
