#!/bin/bash
# Joins the parts of a run once all of them are there; a part that is missing is named.
#SBATCH --job-name=emoreal-bench-merge
set -euo pipefail

OUT=${OUT:-/mnt/runs/qwen}

emoreal-bench runs merge "$OUT"/shard-* --out "$OUT/whole"
