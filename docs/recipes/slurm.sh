#!/bin/bash
#SBATCH --job-name=directmap-check
#SBATCH --array=1-8
#SBATCH --cpus-per-task=4
#SBATCH --mem=6G
#SBATCH --time=02:00:00

# Checks all claims on all kernels in 8 tasks:
#
#     sbatch docs/recipes/slurm.sh && directmap merge results/*.json      (when all have ended)

results=${RESULTS:-results}
mkdir -p "$results"

# A claim refuted (1) or undecided (3) is an answer. Anything else is a failure.
directmap check ${CLAIMS:-all} --kernel "${KERNELS:-all}" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
  --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT" \
  --json --output "$results/shard-$SLURM_ARRAY_TASK_ID.json" ||
  [[ $? == [13] ]]
