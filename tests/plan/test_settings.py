"""What cannot be had is refused in one sentence that names the flag and the way out."""

import pytest

from bench.errors import BenchError, DeviceError, UsageError
from bench.plan import cells
from bench.plan.presets import PRESETS
from bench.plan.settings import Flags, from_flags
from bench.records.schema import AcceleratorInfo, Machine
from trainloops import runners

CPU_ONLY = Machine(
    system="Linux 6",
    python="3.11.7",
    cpu="a CPU",
    logical_cpus=2,
    usable_cpus=2,
    memory_bytes=2**34,
    accelerators=[],
    torch_build="2.13.0+cpu, CPU only",
)
TWO_CARDS = CPU_ONLY.model_copy(
    update={
        "accelerators": [AcceleratorInfo(device=f"cuda:{index}", name="H100") for index in (0, 1)],
        "torch_build": "2.13.0, CUDA 13.0",
    }
)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            {"runner": "hf-trianer"},
            "--runner 'hf-trianer' is not one of pytorch, hf-trainer, lightning, accelerate, fabric, floor, "
            "ignite, skorch, pytorch-accelerated or a path to your own .py file or package.module:train; "
            "did you mean hf-trainer?",
        ),
        (
            {"runner": "loop.py"},
            "--runner loop.py: there is no such file; give the path of a file with a train(job, parts).",
        ),
        (
            {"workload": "mlp-wid"},
            "--workload 'mlp-wid' is not one of mlp, mlp-wide, cnn, encoder, causal-lm or a path to your own .py file "
            "or package.module:workload; did you mean mlp-wide?",
        ),
        ({"batch_size": "0"}, "--batch-size 0 must be at least 1."),
        ({"batch_size": "many"}, "--batch-size 'many' is not a whole number."),
        ({"batch_size": "8,,32"}, "--batch-size '8,,32' has an empty value; separate the values by single commas."),
        ({"batch_size": "8,8"}, "--batch-size names 8 more than once; name each value once."),
        ({"workers": "-1"}, "--workers -1 must be at least 0."),
        ({"grad_clip": "0"}, "--grad-clip 0 must be greater than 0 and finite."),
        ({"grad_clip": "nan"}, "--grad-clip nan must be greater than 0 and finite."),
        ({"compile": "yes"}, "--compile 'yes' is not one of off, on."),
        ({"precision": "half"}, "--precision 'half' is not one of fp32, bf16, fp16."),
        (
            {"precision": "bf16,fp16"},
            "--precision fp16 is for accelerators: Trainer, Lightning and Accelerate refuse it on a CPU. "
            "Take --precision bf16, or another --device.",
        ),
        ({"nproc_per_node": "0"}, "--nproc-per-node 0 must be at least 1."),
        (
            {"nproc_per_node": "1,4"},
            "--nproc-per-node 4 needs 4 cores, and this run may use 2: name fewer ranks.",
        ),
        (
            {"nproc_per_node": "2", "threads": 2},
            "--nproc-per-node 2 with --threads 2 needs 4 cores, and this run may use 2: name fewer ranks.",
        ),
        (
            {"nproc_per_node": "2", "profile": "matched,stock"},
            "--nproc-per-node 2 does not go with --profile stock: leave one of the two out.",
        ),
        (
            {"nproc_per_node": "2", "runner": "pytorch,ignite"},
            "--nproc-per-node 2: ignite trains on one rank here; leave it out of --runner.",
        ),
        (
            {"strategy": "fsdp"},
            "--strategy is how several ranks train together: add --nproc-per-node 2, or leave it out.",
        ),
        (
            {"nproc_per_node": "2", "strategy": "fdsp"},
            "--strategy 'fdsp' is not one of ddp, fsdp, deepspeed; did you mean fsdp?",
        ),
        (
            {"nproc_per_node": "2", "find_max_batch": True, "memory_limit": "1GiB"},
            "--find-max-batch looks for a batch size and times nothing: leave --nproc-per-node out.",
        ),
        (
            {"nnodes": "2"},
            "--nnodes 2 needs --rdzv-endpoint host:port, where host is the machine that measures; give the same "
            "command on each of the nodes.",
        ),
        (
            {"rdzv_endpoint": "node-a:29400"},
            "--rdzv-endpoint is where several nodes meet: add --nnodes 2, or leave it out.",
        ),
        (
            {"nnodes": "2", "rdzv_endpoint": "node-a"},
            "--rdzv-endpoint 'node-a' is not where a machine can be met; write it as host:port, such as node-a:29400.",
        ),
        (
            {"nnodes": "2", "nproc_per_node": "4", "rdzv_endpoint": "node-a:29400"},
            "--nproc-per-node 4 needs 4 cores, and this run may use 2: name fewer ranks.",
        ),
        (
            {"nnodes": "2", "rdzv_endpoint": "node-a:29400", "runner": "pytorch,ignite"},
            "--nnodes 2: ignite trains on one rank here; leave it out of --runner.",
        ),
        (
            {"nnodes": "2", "executor": "ray"},
            "--executor ray does not do --nnodes: leave one of them out.",
        ),
        ({"preset": "quik"}, "--preset 'quik' is not one of quick, standard, thorough; did you mean quick?"),
        ({"steps": 0}, "--steps 0 must be at least 1."),
        ({"warmup": 0}, "--warmup 0 must be at least 1: the first step pays for lazy initialisation."),
        ({"blocks": 0}, "--blocks 0 must be at least 1."),
        ({"threads": 0}, "--threads 0 must be at least 1."),
        ({"budget": "soon"}, "--budget 'soon' is not a duration; write it as 90s, 5m or 1.5h."),
        ({"max_blocks": 0}, "--max-blocks 0 must be at least 1."),
        (
            {"max_blocks": 6},
            "--max-blocks 6 is fewer than the 8 blocks that are planned; raise it, or lower --blocks.",
        ),
        (
            {"max_blocks": 9, "blocks": 10},
            "--max-blocks 9 is fewer than the 10 blocks that are planned; raise it, or lower --blocks.",
        ),
        ({"target_ci": "0.02"}, "--target-ci '0.02' is not a percentage between 0 and 100; write it as 2%."),
        (
            {"device": "gpu"},
            "--device 'gpu' is not auto, cpu, cuda, mps, xpu or one of these with an index, as in cuda:1.",
        ),
        (
            {"precision": "bf16", "optimizer": "adamw-fused", "grad_clip": "1"},
            "--optimizer adamw-fused with --precision bf16 and --grad-clip is not available in lightning, which "
            "refuses to clip for a fused optimizer under mixed precision; leave out one of the three, or lightning.",
        ),
    ],
)
def test_a_wrong_flag_is_one_sentence(flags, sentence):
    with pytest.raises(BenchError) as caught:
        from_flags(Flags(**flags), CPU_ONLY)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (None, "--strategy deepspeed needs the package deepspeed: pip install 'looptax[deepspeed]'."),
        (object(), "--strategy deepspeed trains in fp32 here: leave --precision bf16 out."),
    ],
)
def test_what_deepspeed_needs_is_one_sentence(there, sentence, monkeypatch):
    monkeypatch.setattr(cells, "find_spec", lambda name: there)
    with pytest.raises(UsageError) as caught:
        from_flags(Flags(nproc_per_node="2", strategy="ddp,deepspeed", precision="bf16"), CPU_ONLY)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("machine", "device", "sentence"),
    [
        (
            CPU_ONLY,
            "cuda",
            "--device cuda: torch sees no cuda device here; the installed torch is 2.13.0+cpu, CPU only, a build "
            "without support for it: install one that has it (pytorch.org/get-started), or use --device cpu.",
        ),
        (
            CPU_ONLY.model_copy(update={"torch_build": "2.13.0, CUDA 13.0"}),
            "cuda",
            "--device cuda: torch sees no cuda device here; the installed torch is 2.13.0, CUDA 13.0, so check the "
            "driver, or use --device cpu.",
        ),
        (TWO_CARDS, "cuda:2", "--device cuda:2: torch sees only cuda:0, cuda:1 here; name one of these."),
    ],
)
def test_a_device_that_is_not_there_is_one_sentence(machine, device, sentence):
    with pytest.raises(DeviceError) as caught:
        from_flags(Flags(device=device), machine)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("machine", "asked", "devices"),
    [
        (CPU_ONLY, None, ["cpu"]),
        (TWO_CARDS, None, ["cuda"]),
        (TWO_CARDS, "cpu,cuda:1", ["cpu", "cuda:1"]),
        (CPU_ONLY, "auto,cpu", ["cpu"]),
    ],
)
def test_devices_resolve(machine, asked, devices):
    settings = from_flags(Flags(device=asked, batch_size="8"), machine)
    assert [comparison.device for comparison in settings.comparisons] == devices


@pytest.mark.parametrize(
    ("flags", "sizes"),
    [
        ({"workload": "mlp-wide,mlp"}, [8, 32, 128, 512, 2048]),
        ({"workload": "mlp,cnn"}, [8]),
        ({"workload": "causal-lm", "preset": "quick"}, [8]),
        ({"workload": "causal-lm", "batch_size": "4,64"}, [4, 64]),
    ],
)
def test_workloads_whose_samples_may_cost_much_have_small_batches_unless_asked_for(flags, sizes):
    comparisons = from_flags(Flags(**flags), CPU_ONLY).comparisons
    assert list(dict.fromkeys(comparison.batch_size for comparison in comparisons)) == sizes


def test_comma_lists_make_every_combination_in_order():
    settings = from_flags(Flags(batch_size="8,32", precision="fp32,bf16", grad_clip="off,1.5"), CPU_ONLY)
    combinations = [(c.batch_size, c.precision, c.grad_clip) for c in settings.comparisons]
    assert combinations == [
        (8, "fp32", None), (8, "fp32", 1.5), (8, "bf16", None), (8, "bf16", 1.5),
        (32, "fp32", None), (32, "fp32", 1.5), (32, "bf16", None), (32, "bf16", 1.5),
    ]  # fmt: skip


def test_a_model_is_compiled_where_that_is_asked_for():
    assert [comparison.compile for comparison in from_flags(Flags(preset="quick"), CPU_ONLY).comparisons] == [False]
    assert [
        comparison.compile for comparison in from_flags(Flags(preset="quick", compile="off,on"), CPU_ONLY).comparisons
    ] == [
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("device", "ranks", "sentence"),
    [
        ("cuda", "3", "--nproc-per-node 3 needs 3 cards, and torch sees 2 of cuda here: name fewer ranks."),
        (
            "cuda:1",
            "1,2",
            "--nproc-per-node 2 needs 2 cards, and torch sees 1 of cuda here from cuda:1 on: name fewer ranks.",
        ),
    ],
)
def test_each_rank_needs_a_card(device, ranks, sentence):
    with pytest.raises(DeviceError) as caught:
        from_flags(Flags(nproc_per_node=ranks, device=device), TWO_CARDS)
    assert str(caught.value) == sentence


def test_ranks_on_cards_need_no_cores_and_one_on_each_of_two_nodes_no_second_card():
    on_cards = from_flags(Flags(nproc_per_node="2", device="cuda", batch_size="8", threads=8), TWO_CARDS)
    assert [comparison.ranks for comparison in on_cards.comparisons] == [2]
    on_nodes = from_flags(Flags(nnodes="2", rdzv_endpoint="node-a:29400", device="cuda:1", batch_size="8"), TWO_CARDS)
    assert [(comparison.ranks, comparison.nodes) for comparison in on_nodes.comparisons] == [(2, 2)]


def test_each_number_of_nodes_has_as_many_ranks_on_each():
    settings = from_flags(
        Flags(nproc_per_node="1,2", nnodes="1,3", batch_size="8", rdzv_endpoint="[::1]:29400"), CPU_ONLY
    )
    cells = [(comparison.nodes, comparison.ranks, comparison.samples_per_step) for comparison in settings.comparisons]
    assert cells == [(1, 1, 8), (3, 3, 24), (1, 2, 16), (3, 6, 48)]


def test_so_many_ranks_as_there_are_cores_are_cells_of_their_own():
    settings = from_flags(Flags(nproc_per_node="1,2", batch_size="8"), CPU_ONLY)
    assert [(comparison.ranks, comparison.samples_per_step) for comparison in settings.comparisons] == [(1, 8), (2, 16)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("fsdp", [(1, "ddp"), (2, "fsdp")]),
        ("ddp,fsdp", [(1, "ddp"), (2, "ddp"), (2, "fsdp")]),
    ],
)
def test_each_strategy_is_a_cell_of_several_ranks_and_one_rank_has_none(strategy, expected):
    settings = from_flags(Flags(nproc_per_node="1,2", strategy=strategy), CPU_ONLY)
    assert list(dict.fromkeys((cell.ranks, cell.strategy) for cell in settings.comparisons)) == expected
    assert len(set(settings.comparisons)) == len(settings.comparisons)


def test_compiling_for_a_cpu_takes_a_compiler(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CXX", "my-c++")
    with pytest.raises(UsageError) as refused:
        from_flags(Flags(device="cpu,cuda", compile="on"), TWO_CARDS)
    assert str(refused.value) == (
        "--compile on needs a C++ compiler for the cpu, and there is no my-c++ here: install it, or name another by "
        "the variable CXX."
    )
    assert from_flags(Flags(device="cuda", compile="on"), TWO_CARDS).comparisons[0].compile


def test_the_baseline_is_always_measured():
    assert from_flags(Flags(runner="floor,lightning"), CPU_ONLY).runners == ["pytorch", "floor", "lightning"]
    assert from_flags(Flags(), CPU_ONLY).runners == list(runners.REGISTRY)


def test_explicit_flags_override_the_preset():
    settings = from_flags(Flags(preset="quick", blocks=3, budget="1.5h", target_ci="2%", timeout="90s"), CPU_ONLY)
    assert (settings.preset, settings.blocks) == ("quick", 3)
    assert (settings.budget_s, settings.target_ci, settings.timeout_s) == (5400.0, 0.02, 90.0)


@pytest.mark.parametrize("preset", PRESETS)
def test_turns_and_sets_of_blocks_are_the_presets(preset):
    settings, known = from_flags(Flags(preset=preset), CPU_ONLY), PRESETS[preset]
    assert (settings.turns_s, settings.blocks_per_set) == (known.turns_s, known.blocks_per_set)
    assert known.turns_s > 0
    assert 1 <= known.blocks_per_set < known.blocks  # layout luck is sampled in every run
    assert (settings.steps, settings.warmup_steps) == (None, None)


@pytest.mark.parametrize(("steps", "warmup"), [(500, None), (None, 20), (5, 50)])
def test_steps_and_warm_up_are_taken_as_they_are_named_each_without_the_other(steps, warmup):
    settings = from_flags(Flags(steps=steps, warmup=warmup), CPU_ONLY)
    assert (settings.steps, settings.warmup_steps) == (steps, warmup)


@pytest.mark.parametrize(
    ("flags", "planned"),
    [
        ({}, (8, 0.015, 9)),
        ({"preset": "quick"}, (8, 0.02, 12)),
        ({"blocks": 10}, (10, None, 9)),
        ({"preset": "quick", "blocks": 10}, (10, None, 12)),
        ({"target_ci": "3%"}, (8, 0.03, 40)),
        ({"target_ci": "3%", "blocks": 3}, (3, 0.03, 40)),
        ({"max_blocks": 20}, (8, 0.015, 20)),
        ({"max_blocks": 20, "blocks": 10}, (10, 0.015, 20)),
        ({"max_blocks": 9, "preset": "quick"}, (8, 0.02, 9)),
        ({"max_blocks": 9, "target_ci": "1%", "preset": "quick"}, (8, 0.01, 9)),
    ],
)
def test_blocks_are_added_where_the_preset_or_the_user_wants_ratios_known(flags, planned):
    settings = from_flags(Flags(**flags), CPU_ONLY)
    assert (settings.blocks, settings.target_ci, settings.max_blocks) == planned


def test_kinds_of_machine_each_measure_all_on_their_own_best_device():
    flags = Flags(executor="ray", accelerator_type="H100,EPYC", batch_size="8,64", runner="pytorch")
    planned = from_flags(flags, TWO_CARDS, {"H100": TWO_CARDS, "EPYC": CPU_ONLY})
    assert [
        (comparison.accelerator_type, comparison.device, comparison.batch_size) for comparison in planned.comparisons
    ] == [
        ("H100", "cuda", 8),
        ("H100", "cuda", 64),
        ("EPYC", "cpu", 8),
        ("EPYC", "cpu", 64),
    ]
    assert planned.fleet.accelerator_types == ["H100", "EPYC"]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"device": "cuda"}, "--accelerator-type EPYC: --device cuda: torch sees no cuda device here"),
        ({"device": "cpu", "nproc_per_node": "4"}, "--accelerator-type EPYC: --nproc-per-node 4 needs 4 cores, and"),
        ({"precision": "half"}, "--precision 'half' is not one of"),
    ],
)
def test_what_one_kind_of_machine_lacks_is_refused_in_its_name(flags, sentence):
    many_cores = TWO_CARDS.model_copy(update={"usable_cpus": 8})
    with pytest.raises(BenchError, match=f"^{sentence}"):
        from_flags(
            Flags(executor="ray", accelerator_type="H100,EPYC", **flags),
            many_cores,
            {"H100": many_cores, "EPYC": CPU_ONLY},
        )


def test_a_stored_run_takes_no_other_settings():
    with pytest.raises(UsageError) as caught:
        Flags(batch_size="8", target_ci="2%").refuse_with("--resume")
    assert str(caught.value) == "--resume takes its settings from the run folder; leave --batch-size, --target-ci out."


def test_only_chooses_the_passes_and_equivalence_is_always_proven():
    every = from_flags(Flags(), CPU_ONLY).passes
    assert every == ["equivalence", "counting", "phases", "timing"]
    assert from_flags(Flags(only="counters", trace=True), CPU_ONLY).passes == ["equivalence", "counting", "trace"]
    assert from_flags(Flags(only="time,phases"), CPU_ONLY).passes == ["equivalence", "phases", "timing"]


def test_only_refuses_what_it_does_not_know():
    with pytest.raises(UsageError, match=r"--only 'counter' is not one of counters, phases, time; did you mean count"):
        from_flags(Flags(only="counter"), CPU_ONLY)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (
            {"profile": "stocks"},
            "--profile 'stocks' is not one of matched, stock; did you mean stock?",
        ),
        (
            {"profile": "matched,stock", "precision": "bf16"},
            "--profile stock is what you get when you set nothing: leave --precision out, or take --profile matched.",
        ),
        (
            {"profile": "stock", "grad_clip": "1"},
            "--profile stock is what you get when you set nothing: leave --grad-clip out, or take --profile matched.",
        ),
        (
            {"profile": "stock", "runner": "floor,ignite"},
            "--profile stock: floor and ignite have no defaults; pytorch, hf-trainer, lightning, accelerate, "
            "fabric do.",
        ),
    ],
)
def test_the_profile_that_sets_nothing_is_given_nothing(flags, sentence):
    with pytest.raises(UsageError) as refused:
        from_flags(Flags(**flags), CPU_ONLY)
    assert str(refused.value) == sentence


def test_both_profiles_share_twice_the_time():
    both, one = (from_flags(Flags(profile=profile), CPU_ONLY) for profile in ("matched,stock", None))
    assert [c.profile for c in both.comparisons[:2]] == ["matched", "stock"]
    assert both.turns_s == 2 * one.turns_s
    assert (both.on_terminals, one.on_terminals) == (True, False)
