#!/bin/bash
# What each container of an array job on AWS Batch runs. Submit it with
#
#   aws batch submit-job --job-name emoreal-bench --job-queue QUEUE --job-definition DEFINITION \
#     --array-properties size=8
#
# where the job definition mounts a file system (EFS, FSx) as /mnt, and retries what was
# interrupted: a part goes on where it stopped. DATA and OUT lie below the mount: what is
# written elsewhere goes with the container. Then run merge.sh.
#
# Other clouds name the number and the count otherwise: CLOUD_RUN_TASK_INDEX and
# CLOUD_RUN_TASK_COUNT (Cloud Run jobs), BATCH_TASK_INDEX and BATCH_TASK_COUNT (Google Batch).
set -euo pipefail

MODEL=${MODEL:-hf/Qwen/Qwen2.5-Omni-7B}
TASK=${TASK:-emorealm}
DATA=${DATA:-/mnt/emorealm}
OUT=${OUT:-/mnt/runs/qwen}
NUMBER=$((AWS_BATCH_JOB_ARRAY_INDEX + 1)) # AWS counts from 0

emoreal-bench run --model "$MODEL" --task "$TASK" --data "$DATA" --quiet --plain \
  --shard "$NUMBER/$AWS_BATCH_JOB_ARRAY_SIZE" --out "$OUT/shard-$NUMBER"
