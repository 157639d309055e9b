#!/usr/bin/env bash
# What only a card can show, in at most 9 minutes: see `benchmarks/on_gpu.sh --help`.
# PYTHON names the interpreter (with torch for CUDA, numba, and warp-lang or gsplat where they are to be measured);
# COMFYUI_DIR a ComfyUI for the part that needs the host.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python3}" benchmarks/on_gpu.py "$@"
