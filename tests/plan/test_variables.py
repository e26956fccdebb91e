"""Variables that change what is measured are told, and so is a launcher, whose variables are not handed on."""

import pytest

from bench.analyse.machine import variables as words
from bench.plan import variables
from tests.launched import LAUNCHED

SIGNS = {
    "torchrun": ["LOCAL_RANK", "MASTER_ADDR", "RANK", "TORCHELASTIC_RUN_ID", "WORLD_SIZE"],
    "Slurm": ["PMI_RANK", "SLURM_NTASKS", "SLURM_PROCID"],
    "mpirun": ["MPI_LOCALRANKID", "MV2_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "PMIX_RANK"],
    "jsrun": ["JSM_NAMESPACE_SIZE", "LSB_JOBID"],
    "accelerate launch": ["ACCELERATE_USE_CPU"],
}
"""Which of these variables no image or shell sets by itself."""


@pytest.mark.parametrize("launcher", LAUNCHED)
def test_what_a_launcher_leaves_is_not_handed_on_and_is_told(launcher):
    own = {"HOME": "/home/ada", "CUDA_VISIBLE_DEVICES": "3", "OMP_NUM_THREADS": "1", "HF_HOME": "/hf"}
    environment = own | LAUNCHED[launcher]
    assert variables.without_launchers(environment) == own
    assert variables.of_launchers(environment) == sorted(LAUNCHED[launcher])
    (sentence,) = words.warnings_of({}, variables.of_launchers(environment))
    assert f"started this process, which has {', '.join(SIGNS[launcher])} of it" in sentence


def test_settings_for_launchers_in_an_image_say_of_none_that_it_started_this_and_are_not_handed_on_either():
    settings = dict.fromkeys(
        [
            "OMPI_MCA_btl_vader_single_copy_mechanism",
            "OMPI_MCA_plm",
            "PMIX_MCA_gds",
            "MV2_VBUF_TOTAL_SIZE",
            "SLURM_CONF",
            "ACCELERATE_MIXED_PRECISION",
            "FSDP_VERSION",
            "TORCHELASTIC_ENABLE_FILE_TIMER",
        ],
        "1",
    )
    assert variables.without_launchers(settings) == {}
    assert list(words.warnings_of({}, variables.of_launchers(settings))) == []


def test_what_changes_a_loop_is_told_with_its_value_and_what_it_does():
    environment = {
        "HOME": "/home/ada",
        "CUDA_LAUNCH_BLOCKING": "1",
        "NVIDIA_TF32_OVERRIDE": "",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "CUDA_INJECTION64_PATH": "/home/ada/tools/libprofiler.so",
    }
    changing = variables.changing(environment)
    assert changing == {
        "CUDA_LAUNCH_BLOCKING": "1",
        "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
        "CUDA_INJECTION64_PATH": "libprofiler.so",
    }
    warnings = list(words.warnings_of(changing, []))
    assert warnings[0] == (
        "CUDA_LAUNCH_BLOCKING=1 is set in this environment, and holds for every loop: every kernel is waited for"
    )
    assert len(warnings) == 3


def test_nothing_is_told_of_an_environment_that_has_none():
    assert variables.changing({"HOME": "/home/ada"}) == {}
    assert list(words.warnings_of({}, [])) == []
