#!/bin/bash
# One run in eight parts on a Slurm cluster, each with a GPU of its own:
#
#   sbatch slurm.sh
#   sbatch --dependency=afterok:JOB merge.sh
#
# A task that was killed or requeued goes on where it stopped. To start one of them again:
# sbatch --array=3 slurm.sh
#SBATCH --job-name=emoreal-bench
#SBATCH --array=1-8
#SBATCH --gpus=1
#SBATCH --cpus-per-task=4
#SBATCH --requeue
# What most clusters want besides; take one # away to set it. A task that its time ends goes on
# when it is started again.
##SBATCH --time=04:00:00
##SBATCH --partition=PARTITION
set -euo pipefail

# The environment that holds emoreal-bench and the model's extra:
# source /path/to/.venv/bin/activate

SHARDS=8 # as many as the array has; SLURM_ARRAY_TASK_COUNT is 1 where one task is started again
MODEL=${MODEL:-hf/Qwen/Qwen2.5-Omni-7B}
TASK=${TASK:-emorealm}
DATA=${DATA:-/mnt/emorealm}
OUT=${OUT:-/mnt/runs/qwen}

emoreal-bench run --model "$MODEL" --task "$TASK" --data "$DATA" --quiet --plain \
  --shard "$SLURM_ARRAY_TASK_ID/$SHARDS" --out "$OUT/shard-$SLURM_ARRAY_TASK_ID"
