"""Scripts as people write them, each run as it is: what becomes of them is a result."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import verbs

MODEL = """\
import torch
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
def step(x=None):
    optimizer.zero_grad()
    model(torch.rand(8, 4) if x is None else x).square().mean().backward()
    optimizer.step()
"""
LOADER = """
data = torch.utils.data.TensorDataset(torch.rand(12, 4))
"""
TRAINS = {
    "no_guard.py": "for _ in range(5000):\n    step()\n",
    "swallows_all.py": "while True:\n    try:\n        step()\n    except BaseException:\n        pass\n",
    "exits_well.py": "import sys\nfor _ in range(5000):\n    step()\nsys.exit(0)\n",
    "takes_arguments.py": (
        "import argparse, sys\nparser = argparse.ArgumentParser()\nparser.add_argument('--steps', type=int)\n"
        "assert sys.argv[0] == __file__ and __name__ == '__main__'\n"
        "for _ in range(parser.parse_args().steps):\n    step()\n"
    ),
    "sibling.py": "from neighbour import many\nfor _ in range(many):\n    step()\n",
    "config.py": "exec(open('settings.txt').read())\nfor _ in range(many):\n    step()\n",
    "writes.py": (
        "from pathlib import Path\nassert Path('data/words.txt').read_text() == 'words'\n"
        "Path('data/words.txt').write_text('overwritten')\nPath('made').mkdir()\n"
        "for _ in range(5000):\n    step()\n    Path('made/log.txt').open('a').write('step')\n"
    ),
    "loud.py": "print('so it begins')\nfor number in range(5000):\n    step()\n    print('x' * 200, number)\n",
    "loader_workers.py": LOADER
    + "while True:\n    for (x,) in torch.utils.data.DataLoader(data, batch_size=6, num_workers=2):\n        step(x)\n",
    "tiny_epochs.py": LOADER
    + "while True:\n    for (x,) in torch.utils.data.DataLoader(data, batch_size=5):\n        step(x)\n",
    "two_optimizers.py": LOADER
    + "other = torch.nn.Linear(4, 1)\nsecond = torch.optim.Adam(other.parameters())\nwhile True:\n"
    "    for (x,) in torch.utils.data.DataLoader(data, batch_size=3):\n        step(x)\n"
    "        other(x).mean().backward()\n        second.step()\n",
    "lbfgs.py": (
        "optimizer = torch.optim.LBFGS(model.parameters(), max_iter=3)\ndef closure():\n    optimizer.zero_grad()\n"
        "    loss = model(torch.ones(8, 4)).square().mean()\n    loss.backward()\n    return loss\n"
        "for _ in range(5000):\n    optimizer.step(closure)\n"
    ),
    "scaled.py": (
        "scaler = torch.amp.GradScaler('cpu')\nfor _ in range(5000):\n    optimizer.zero_grad()\n"
        "    with torch.autocast('cpu', dtype=torch.bfloat16):\n        loss = model(torch.rand(8, 4)).mean()\n"
        "    scaler.scale(loss).backward()\n    scaler.step(optimizer)\n    scaler.update()\n"
    ),
    "checkpointed.py": (
        "from torch.utils.checkpoint import checkpoint\nfor _ in range(5000):\n    optimizer.zero_grad()\n"
        "    checkpoint(model, torch.rand(8, 4), use_reentrant=False).mean().backward()\n    optimizer.step()\n"
    ),
    "compiled.py": "model = torch.compile(model, backend='eager', fullgraph=True)\nfor _ in range(5000):\n    step()\n",
    "evaluates.py": (
        "for number in range(5000):\n    step()\n    if number % 4 == 3:\n        model.eval()\n"
        "        with torch.no_grad():\n            model(torch.rand(8, 4))\n        model.train()\n"
    ),
}
FAILS = {
    "never_steps.py": ("model(torch.rand(8, 4)).mean().backward()\n", "it ran to its end, and no optimizer step was"),
    "spawns.py": (
        "import subprocess, sys\nbusy = 'import time\\nwhile time.process_time() < 1.1: pass'\n"
        "subprocess.run([sys.executable, '-c', busy])\n",
        "it ran to its end, and no optimizer step was seen in its own process; it started others, which are not",
    ),
    "too_short.py": ("step()\nstep()\nstep()\n", "it ended before its first turn was over; let it train longer"),
    "raises.py": ("step()\nraise ValueError('no such\\ndata')\n", "raises.py line 9: ValueError: no such data"),
    "exits.py": (
        "import sys\nstep()\nsys.exit('had enough')\n",
        "it ended itself by sys.exit('had enough') after 1 st",
    ),
    "asks.py": ("input('which data?')\n", "it asks for input, of which a trial has none (asks.py line 8: EOFError"),
    "ends_hard.py": ("import os\nstep()\nprint('bye', flush=True)\nos._exit(3)\n", "ended with exit code 3: bye"),
    "far_away.py": (
        "import urllib.error\nraise urllib.error.URLError('no route')\n",
        "it needs something of the network that does not answer here",
    ),
    "own_optimizer.py": (
        "class Own:\n    def step(self):\n        pass\noptimizer = Own()\noptimizer.zero_grad = model.zero_grad\n"
        "for _ in range(30):\n    step()\n",
        "--tick-on module:function names the function",
    ),
}
WARM_UP = {"min_steps": 2, "max_steps": 2, "seconds": 0.0}
COUNTED = ("no_guard.py", "two_optimizers.py", "swallows_all.py", "compiled.py")


def asked(name: str, phase: str, folder: Path, scratch: Path, **rules: object) -> dict:
    """What a worker is told."""
    script = {"name": name, "file": str(folder / name), "arguments": ["--steps", "5000"], "folder": str(folder)}
    script |= {"in_place": False, "tick": "last", "tick_on": None, "samples_per_step": None}
    script |= {"to_the_end": False, **rules}
    job = {"workload": "script", "batch_size": 0, "epochs": 1, "steps_per_epoch": 16}
    request = {"phase": phase, "threads": 1, "is_alone": False, "warm_up": WARM_UP, "warmup_steps": 4, "cores": []}
    request |= {"block": 0, "sees_collections": False, "hides_imports": False, "has_terminal": False, "option": None}
    request |= {"profile": "matched", "visible": {}}
    return request | {"script": script, "job": job, "scratch": str(scratch)}


def run(requests: list[dict], folder: Path) -> None:
    """Run trials one after the other, as forks of one process that has imported torch."""
    (folder / "requests.json").write_text(json.dumps(requests))
    verbs.program("tests.execute.workers.try_scripts", folder / "requests.json")


def result(scratch: Path) -> dict:
    left = scratch / "result.json"
    ended = {"status": "killed", "exit_code": (scratch / "exit_code").read_text()}
    return json.loads(left.read_text()) if left.exists() else ended


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Where a user stands: scripts, and what they read."""
    folder = tmp_path_factory.mktemp("project")
    for name, source in [*TRAINS.items(), *((name, source) for name, (source, _) in FAILS.items())]:
        (folder / name).write_text(MODEL + source)
    (folder / "neighbour.py").write_text("many = 5000\n")
    (folder / "settings.txt").write_text("many = 5000\n")
    (folder / "data").mkdir()
    (folder / "data" / "words.txt").write_text("words")
    return folder


@pytest.fixture(scope="module")
def seen(project, tmp_path_factory):
    """By pass and script, what a trial has left; and where."""
    scratch = tmp_path_factory.mktemp("trials")
    wanted = [("timing", name) for name in (*TRAINS, *FAILS)] + [("counting", name) for name in COUNTED]
    places = {(phase, name): scratch / f"{phase}-{name}" for phase, name in wanted}
    run([asked(name, phase, project, place) for (phase, name), place in places.items()], scratch)
    return SimpleNamespace(
        **{phase: {n: result(at) for (p, n), at in places.items() if p == phase} for phase in ("timing", "counting")},
        places=places,
    )


@pytest.mark.parametrize("name", TRAINS)
def test_whatever_trains_is_timed(seen, name):
    result = seen.timing[name]
    assert (result["status"], result.get("reason")) == ("ok", None)
    assert result["timing"]["warmup_steps"] == 2
    assert result["timing"]["startup_ns"] > 0


def test_evaluation_is_told_apart_in_the_timed_steps(seen):
    evaluations = {name: seen.timing[name]["timing"]["evaluation"] for name in ("evaluates.py", "no_guard.py")}
    assert {name: each["ns"] > 0 for name, each in evaluations.items()} == {"evaluates.py": True, "no_guard.py": False}
    assert all(each["ns"] < each["of_ns"] and each["steps"] == 8 for each in evaluations.values())


@pytest.mark.parametrize("name", FAILS)
def test_whatever_does_not_train_is_a_row_with_its_reason(seen, name):
    result = seen.timing[name]
    if name == "ends_hard.py":
        assert result == {"status": "killed", "exit_code": "3"}
        return
    assert result["status"] == "failed"
    assert FAILS[name][1] in result["reason"]
    assert "\n" not in result["reason"]


def test_samples_are_those_of_a_loaders_batches_however_short_the_last_of_an_epoch_is(seen):
    taken = {name: seen.timing[name]["timing"]["samples_per_step"] for name in TRAINS}
    by_loader = {"loader_workers.py": 6.0, "tiny_epochs.py": 5.0, "two_optimizers.py": 3.0}
    assert taken == dict.fromkeys(TRAINS) | by_loader


def test_a_step_of_two_optimizers_is_an_iteration_with_both(seen):
    ops = {name: result["counters"]["ops_by_name"] for name, result in seen.counting.items()}
    assert ops["no_guard.py"]["aten::addmm"] == ops["swallows_all.py"]["aten::addmm"] == 1
    assert ops["two_optimizers.py"]["aten::addmm"] == 2
    assert {result["counters"]["steady_steps"] for result in seen.counting.values()} == {12}


def test_what_would_be_counted_of_compiled_code_as_it_was_is_unavailable(seen):
    counters = seen.counting["compiled.py"]["counters"]
    assert {name for name, why in counters["unavailable"].items() if "dispatch mode" in why} == {
        "ops",
        "syncs",
        "tensor_bytes",
    }
    assert (counters.get("ops"), counters["ops_by_name"]) == (None, {})
    assert counters["python_calls"]["value"] > 0


def test_nothing_of_the_instrument_is_counted_as_the_scripts(seen):
    files = {row["file"] for row in seen.counting["no_guard.py"]["counters"]["functions"]}
    assert not any("bench" in file for file in files), files
    assert "no_guard.py" in files


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is all there is")
def test_a_script_with_loader_workers_has_the_cores_for_them(project, tmp_path):
    source = LOADER + "import os\nprint(len(os.sched_getaffinity(0)))\n"
    source += "for (x,) in torch.utils.data.DataLoader(data, num_workers=1):\n"
    source += "    print(len(os.sched_getaffinity(0)), flush=True)\n    step(x)\n"
    (project / "spreads.py").write_text(MODEL + source)
    run(
        [asked("spreads.py", "timing", project, tmp_path / "trial") | {"cores": [min(os.sched_getaffinity(0))]}],
        tmp_path,
    )
    before, first, *_ = (tmp_path / "trial" / "output.log").read_text().split()
    assert (int(before), int(first)) == (1, len(os.sched_getaffinity(0)))


def test_what_a_script_writes_overwrites_nothing_of_its_users(seen, project):
    (copy,) = seen.places["timing", "writes.py"].glob("cwd-*")
    assert (copy / "data" / "words.txt").read_text() == "overwritten"
    assert (project / "data" / "words.txt").read_text() == "words"
    assert not (project / "made").exists()


def test_what_a_script_prints_is_in_its_log(seen):
    assert (seen.places["timing", "loud.py"] / "output.log").read_text().startswith("so it begins\nxxx")


ENDS = """
import atexit, threading, time
from pathlib import Path
atexit.register(lambda: Path(__file__).with_suffix(".ended").write_text("by its exit handler"))
threading.Thread(target=lambda: (time.sleep(0.05), Path(__file__).with_suffix(".thread").touch())).start()
for _ in range(STEPS):
    step()
Path(__file__).with_suffix(".after").touch()
"""


@pytest.mark.parametrize("steps", [40, 9], ids=["after its turns", "in the middle of one"])
def test_a_script_that_is_to_run_to_its_end_does_with_all_that_python_does_there(project, tmp_path, steps):
    name = f"ends_{steps}.py"
    (project / name).write_text(MODEL + ENDS.replace("STEPS", str(steps)))
    run([asked(name, "timing", project, tmp_path / str(each), to_the_end=each) for each in (False, True)], tmp_path)
    left = {file.suffix for file in project.glob(f"ends_{steps}.*")}
    assert left >= {".after", ".thread", ".ended"}
    early, whole = (result(tmp_path / str(each))["timing"] for each in (False, True))
    assert "whole" not in early
    assert whole["whole"]["steps"] == steps
    assert 0 < whole["whole"]["after_ns"] < whole["whole"]["ns"] - whole["startup_ns"]
    assert whole["warmup_steps"] == early["warmup_steps"]
    assert whole["whole"]["ns"] > 0.05e9  # of the thread


def test_a_script_may_train_in_a_thread(project, tmp_path):
    source = "import threading\nthreading.Thread(target=lambda: [step() for _ in range(5000)]).start()\n"
    (project / "in_a_thread.py").write_text(MODEL + source)
    run([asked("in_a_thread.py", "timing", project, tmp_path / "trial")], tmp_path)
    assert result(tmp_path / "trial")["status"] == "ok"


def test_a_step_may_end_with_a_function_of_the_script_or_of_another_module(project, tmp_path):
    source = "def update():\n    for p in model.parameters():\n        p.data -= 0.1 * p.grad\n        p.grad = None\n"
    source += "while True:\n    model(torch.rand(8, 4)).mean().backward()\n"
    source += "    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)\n    update()\n"
    (project / "by_hand.py").write_text(MODEL + source)
    ways = ("__main__:update", "by_hand:update", "torch.nn.utils:clip_grad_norm_", "__main__:no_such")
    places = [tmp_path / str(number) for number in range(len(ways))]
    run(
        [asked("by_hand.py", "timing", project, at, tick_on=way) for way, at in zip(ways, places, strict=True)],
        tmp_path,
    )
    *well, wrong = map(result, places)
    assert [result["status"] for result in well] == ["ok"] * 3
    assert wrong["reason"] == "--tick-on __main__:no_such: by_hand.py defines no such function at its top level"


def test_a_script_that_trains_and_never_steps_is_not_waited_for(project, tmp_path):
    (project / "hopeless.py").write_text(
        "import bench.measure.script\nbench.measure.script.UNSTEPPED_S = 0.0\n"
        + MODEL
        + "while True:\n    model(torch.rand(8, 4)).mean().backward()\n"
    )
    run([asked("hopeless.py", phase, project, tmp_path / phase) for phase in ("timing", "counting")], tmp_path)
    for phase in ("timing", "counting"):
        assert result(tmp_path / phase)["reason"].startswith(
            "no optimizer step was seen in 0 s of backward passes; where"
        )
