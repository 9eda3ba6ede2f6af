#!/bin/bash
# A run as a Slurm job array: every element does every 64th task and writes the same RUN on the shared file system.
#   sbatch --export=ALL,COMPANY=shop,RUN=/scratch/run,OPTIONS="--scenarios all --draws 10000" slurm.sh
# To submit it again is to go on. Exit 75 means "run me again": the time was up, or what is left waits for other elements
# (the levers wait for all joint cases); such an element puts itself back into the queue.
#SBATCH --job-name=tandem
#SBATCH --array=0-63
#SBATCH --time=01:00:00
#SBATCH --cpus-per-task=8
#SBATCH --mem=16G
#SBATCH --requeue
#SBATCH --signal=B:USR1@60
#SBATCH --open-mode=append
set -u
export JAX_COMPILATION_CACHE_DIR="${SLURM_TMPDIR:-/tmp}/tandem-jax"  # on the node: network file systems lock badly

tandem stress "$COMPANY" --out "$RUN" $OPTIONS --shard "$SLURM_ARRAY_TASK_ID/64" --time-limit 3300 &
child=$!
trap 'kill -USR1 $child' USR1 TERM  # Slurm signals the shell; wait returns, so wait again for the child's own code
wait $child; code=$?
while kill -0 $child 2>/dev/null; do wait $child; code=$?; done

if [ $code -eq 75 ]; then scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"; fi
exit $code
