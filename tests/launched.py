"""What launchers leave in the environment of the processes that they start."""

LAUNCHED = {
    "torchrun": {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "8", "MASTER_ADDR": "n1", "TORCHELASTIC_RUN_ID": "7"},
    "Slurm": {"SLURM_NTASKS": "8", "SLURM_JOB_NAME": "train", "SLURM_PROCID": "3", "PMI_RANK": "3"},
    "mpirun": {"OMPI_COMM_WORLD_SIZE": "8", "PMIX_RANK": "3", "MPI_LOCALRANKID": "1", "MV2_COMM_WORLD_RANK": "1"},
    "jsrun": {"LSB_JOBID": "3", "JSM_NAMESPACE_SIZE": "8"},
    "accelerate launch": {"ACCELERATE_MIXED_PRECISION": "bf16", "ACCELERATE_USE_CPU": "true", "FSDP_VERSION": "2"},
}
