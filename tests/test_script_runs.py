"""Scripts from end to end, as a user names them: one, with its report."""

import json
from functools import partial

import pytest

from bench.records import store
from tests import verbs

TRAIN = """\
import sys
import torch
model = torch.nn.Linear(4, int(sys.argv[1]))
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
data = torch.utils.data.TensorDataset(torch.rand(64, 4))
while True:
    for (x,) in torch.utils.data.DataLoader(data, batch_size=16):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
"""
SHORT = ["--device", "cpu", "--blocks", "1", "--steps", "30", "--warmup", "4"]


bench = partial(verbs.process, "run")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A run of one script, and where it was made."""
    project = tmp_path_factory.mktemp("project")
    (project / "train.py").write_text(TRAIN)
    done = bench(*SHORT, "--script", "train.py", "--", "3", cwd=project)
    assert done.code == 0, done.err
    (folder,) = project.glob("results/*-train-cpu")
    return folder, done.out


def test_a_script_is_a_row_with_all_that_a_loop_has_and_no_batch(one):
    folder, printed = one
    (cell,) = json.loads((folder / "summary.json").read_text())["cells"]
    assert (cell["runner"], cell["workload"], cell["status"]) == ("train.py", "script", "ok")
    assert cell["step_time_us"]["value"] > 0
    assert cell["counters"]["ops"] > 5
    assert cell["samples_per_second"]["value"] > 0
    timed = [trial.timing for trial in store.read_trials(folder) if trial.timing is not None]
    assert {timing.samples_per_step for timing in timed} == {16}
    texts = (folder / "report.md").read_text() + printed
    header = next(line for line in texts.splitlines() if "step time µs" in line)
    assert header.split("|")[1].strip() == "runner"
    for absent in ("batch 0", "batch: 0", "hand-written loop, the baseline", "nan"):
        assert absent not in texts, absent


def test_a_script_is_measured_again_by_like_and_not_resumed_once_it_has_changed(one, verb):
    folder, _ = one
    again = bench("--like", str(folder), "--name", "again", "--quiet", cwd=folder.parent.parent)
    assert again.code == 0, again.err
    (folder.parent.parent / "train.py").write_text(TRAIN + "# changed\n")
    resumed = verb("run", "--resume", str(folder), cwd=folder.parent.parent)
    assert resumed.code == 2
    assert "train.py" in resumed.err


def test_scripts_are_proven_alike_or_told_apart_with_what_differs(tmp_path):
    seeded = TRAIN.replace("import torch\n", "import torch\ntorch.manual_seed(1)\n")
    (tmp_path / "train.py").write_text(seeded)
    (tmp_path / "faster.py").write_text(seeded.replace("lr=0.1", "lr=0.2"))
    (tmp_path / "lost.py").write_text(seeded.replace(".mean()", ".mean().mul(float('nan'))"))
    scripts = [word for name in ("train", "faster", "lost") for word in ("--script", f"{name}.py -- 3")]
    more = ["--script", "train.py -- 4"]
    done = bench("--device", "cpu", "--only", "counters", *scripts, *more, cwd=tmp_path)
    assert done.code == 4, done.err
    (folder,) = tmp_path.glob("results/*-train-faster-lost-cpu")
    proofs = {
        cell["runner"]: cell["equivalence"] for cell in json.loads((folder / "summary.json").read_text())["cells"]
    }
    assert {name: proof["verdict"] for name, proof in proofs.items()} == {
        "train.py 3": "baseline",
        "faster.py": "different",
        "lost.py": "unproven",
        "train.py 4": "different",
    }
    assert proofs["train.py 3"]["detail"] == "two runs of train.py 3 are equal in all of their first 24 steps"
    assert "learning rate of step 1: 0.1 in train.py 3, 0.2 in faster.py" in proofs["faster.py"]["reasons"]
    assert "not all finite" in proofs["lost.py"]["detail"]
    report = (folder / "report.md").read_text()
    assert "learning rate of step 1: 0.1 in train.py 3, 0.2 in faster.py" in report
