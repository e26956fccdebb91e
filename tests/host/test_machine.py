"""What a run says of where it was made."""

import importlib

import pytest
import torch

from bench.host import machine
from bench.host import versions as host_versions


def plant(folder, name, version, *requires):
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.1",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Requires-Dist: {r}" for r in requires),
    ]
    (info / "METADATA").write_text("".join(f"{line}\n" for line in lines))


def test_a_requirement_is_found_however_either_spells_its_name(tmp_path):
    plant(tmp_path, "torch", "9.0", "Some__odd.name>=2")
    plant(tmp_path, "some_odd.Name", "3.0")
    (needed,) = host_versions.requirements(path=[str(tmp_path)])
    assert (needed.needs, needed.found) == ("Some__odd.name>=2", "3.0")


def test_of_a_package_that_is_there_twice_the_first_on_the_path_counts(tmp_path, monkeypatch):
    for place, version in (("overlay", "1.0"), ("base", "2.0")):
        plant(tmp_path / place, "planted", version)
        monkeypatch.syspath_prepend(tmp_path / place)
    importlib.invalidate_caches()
    assert machine.describe()["packages"]["planted"] == "2.0"  # prepended last, so that it is the first


@pytest.mark.parametrize(
    ("versions", "is_apples", "built_for"),
    [
        ({}, False, "CPU only"),
        ({"cuda": "13.0"}, False, "CUDA 13.0"),
        ({"hip": "6.4.2"}, False, "ROCm 6.4.2"),
        ({"xpu": "20250302"}, False, "XPU 20250302"),
        ({}, True, "MPS"),
    ],
)
def test_what_torch_is_built_for(monkeypatch, versions, is_apples, built_for):
    for kind in ("cuda", "hip", "xpu"):
        monkeypatch.setattr(torch.version, kind, versions.get(kind), raising=False)
    monkeypatch.setattr(torch.backends.mps, "is_built", lambda: is_apples)
    assert machine.describe()["torch_build"] == f"{torch.__version__}, {built_for}"


def test_variables_that_change_a_run_and_those_of_a_launcher_are_part_of_where_it_was_made(monkeypatch):
    monkeypatch.setenv("CUDA_LAUNCH_BLOCKING", "1")
    monkeypatch.setenv("WORLD_SIZE", "8")
    described = machine.describe()
    assert described["variables"]["CUDA_LAUNCH_BLOCKING"] == "1"
    assert "WORLD_SIZE" in described["left_out"]
