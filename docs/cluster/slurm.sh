#!/bin/bash
#SBATCH --job-name=looptax
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --exclusive
# sbatch slurm.sh, in an environment with looptax[ray]: a Ray cluster on the nodes of this job, for as long as it runs.
set -euo pipefail
port=6379
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
address=$(srun --nodes=1 --ntasks=1 --nodelist="$head" hostname --ip-address | awk '{print $1}'):$port

srun --nodes=1 --ntasks=1 --nodelist="$head" ray start --head --port="$port" --block &
until ray status --address="$address" >/dev/null 2>&1; do sleep 1; done
others=$((SLURM_JOB_NUM_NODES - 1))
if [ "$others" -gt 0 ]; then
    srun --nodes="$others" --ntasks="$others" --exclude="$head" ray start --address="$address" --block &
fi
until [ "$(ray status --address="$address" | grep -c '^ 1 node_')" -ge "$SLURM_JOB_NUM_NODES" ]; do sleep 1; done

python -m bench.run --executor ray --ray-address "$address" --device cuda "$@"
