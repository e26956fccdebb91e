"""Variables of the user's environment that would make a trial another one than the report says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath

LAUNCHERS = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "ROLE_RANK", "ROLE_NAME"),
    *("WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_WORLD_SIZE", "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
    *("MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
)
LAUNCHERS_OWN = (
    *("TORCHELASTIC_", "SLURM_", "OMPI_", "PMI_", "PMIX_", "MV2_", "LSB_", "JSM_NAMESPACE_", "ACCELERATE_", "FSDP_"),
    "PARALLELISM_CONFIG_",
)
"""What torchrun, Slurm, MPI, LSF and `accelerate launch` tell their processes: some frameworks take it for an order to
train with others, or otherwise than they were told, and the hand-written loop does not."""

LAUNCHED = (
    *LAUNCHERS,
    *("TORCHELASTIC_RUN_ID", "PMI_RANK", "PMI_SIZE", "PMIX_RANK", "LSB_JOBID", "ACCELERATE_USE_CPU"),
    *("SLURM_JOB_ID", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_LAUNCH_NODE_IPADDR"),
)
LAUNCHED_OWN = ("OMPI_COMM_WORLD_", "MV2_COMM_WORLD_", "JSM_NAMESPACE_")
"""Those of them that only a process has which was launched: ranks, sizes, addresses, jobs. The others may be settings
of an image or a shell, such as `OMPI_MCA_plm`."""

EFFECTS = {
    "CUDA_LAUNCH_BLOCKING": "every kernel is waited for",
    "HIP_LAUNCH_BLOCKING": "every kernel is waited for",
    "AMD_SERIALIZE_KERNEL": "every kernel is waited for",
    "NVIDIA_TF32_OVERRIDE": "matrix products have another precision",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "matrix products have another precision",
    "CUBLAS_WORKSPACE_CONFIG": "cuBLAS holds other memory",
    "PYTORCH_ALLOC_CONF": "torch's allocator works otherwise",
    "PYTORCH_CUDA_ALLOC_CONF": "torch's allocator works otherwise",
    "PYTORCH_HIP_ALLOC_CONF": "torch's allocator works otherwise",
    "PYTORCH_NO_CUDA_MEMORY_CACHING": "torch's allocator keeps nothing, and memory is not reported",
    "PYTORCH_NO_HIP_MEMORY_CACHING": "torch's allocator keeps nothing, and memory is not reported",
    "PYTORCH_MPS_HIGH_WATERMARK_RATIO": "torch's allocator works otherwise",
    "PYTORCH_ENABLE_MPS_FALLBACK": "some work is done by the CPU",
    "CUDA_MODULE_LOADING": "kernels are loaded at another time",
    "CUDA_DEVICE_MAX_CONNECTIONS": "the card has other queues",
    "CUDA_INJECTION64_PATH": "a profiler is loaded into every trial",
    "TORCH_DEVICE_BACKEND_AUTOLOAD": "other backends are, or are not, loaded with torch",
    "PYTHONMALLOC": "Python's allocator works otherwise",
    "PYTHONDEVMODE": "Python checks more than it does by itself",
    "PYTHONTRACEMALLOC": "Python notes every allocation",
}
"""By variable, what a loop does otherwise because of it. It stays in effect, and the report says so."""


def changing(environment: Mapping[str, str]) -> dict[str, str]:
    """Those of `EFFECTS` that are set; of a path only its end, since the rest tells too much of its owner."""
    return {name: PurePath(environment[name]).name for name in EFFECTS if environment.get(name)}


def of_launchers(environment: Mapping[str, str]) -> list[str]:
    """The names of variables that are a launcher's of distributed training, or settings for one."""
    return sorted(name for name in environment if name in LAUNCHERS or name.startswith(LAUNCHERS_OWN))


def launched(names: Iterable[str]) -> list[str]:
    """Those of `of_launchers` that say that a launcher started this process."""
    return [name for name in names if name in LAUNCHED or name.startswith(LAUNCHED_OWN)]


def without_launchers(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment that a process has which nobody launched beside others."""
    left = set(of_launchers(environment))
    return {name: value for name, value in environment.items() if name not in left}
