#!/bin/sh
# Everything that needs a GPU, in one call under ten minutes; writes bench/results/gpu-DATE-COMMIT.json.
# Needs a CUDA machine, the project installed, and a JAX that sees the card.  PYTHON=... chooses the interpreter.
set -eu
cd "$(dirname "$0")/.."
nvidia-smi --query-gpu=name,memory.total,driver_version --format=csv || echo "nvidia-smi is not there"
export XLA_PYTHON_CLIENT_PREALLOCATE=false
exec timeout 600 "${PYTHON:-python3}" -m bench.gpu
