"""Variables that change what is measured are told, and those of launchers are not handed on."""

import pytest

from bench.analyse.machine import variables as words
from bench.plan import variables
from tests.launched import LAUNCHED


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_what_a_launcher_leaves_is_not_handed_on_and_is_told(launcher):
    own = {"HOME": "/home/ada", "CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "1", "HF_HOME": "/hf"}
    environment = own | LAUNCHED[launcher]
    assert variables.without_launchers(environment) == own
    assert variables.of_launchers(environment) == sorted(LAUNCHED[launcher])
    (sentence,) = words.warnings_of({}, variables.of_launchers(environment))
    assert all(name in sentence for name in LAUNCHED[launcher])


def test_what_changes_a_loop_is_told_with_its_value_and_what_it_does():
    environment = {
        "HOME": "/home/ada",
        "CUDA_LAUNCH_BLOCKING": "1",
        "NVIDIA_TF32_OVERRIDE": "",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "CUDA_INJECTION64_PATH": "/home/ada/tools/libprofiler.so",
    }
    found = variables.changing(environment)
    assert found == {
        "CUDA_LAUNCH_BLOCKING": "1",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "CUDA_INJECTION64_PATH": "libprofiler.so",
    }
    told = list(words.warnings_of(found, []))
    assert told[0] == (
        "CUDA_LAUNCH_BLOCKING=1 is set in this environment, and holds for every loop: every kernel is waited for"
    )
    assert len(told) == 3


def test_nothing_is_told_of_an_environment_that_has_none():
    assert variables.changing({"HOME": "/home/ada"}) == {}
    assert list(words.warnings_of({}, [])) == []
