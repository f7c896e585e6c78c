#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Prints the folder of cudnn-frontend's headers (NVIDIA's C++ API for cuDNN graphs, Apache-2.0, headers only), which come
# with the PyPI package nvidia-cudnn-frontend; fetches them into the user's cache the first time. CMake runs it where CUDA
# and cuDNN are and -DCUDNN_FRONTEND_INCLUDE_DIR names no other copy. Safe to run at the same time from several places.
set -eu
version=1.32.0
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mhub
headers=$cache/cudnn-frontend-$version/include  # the headers name this folder
mkdir -p "$cache"

exec 9>"$cache/cudnn-frontend.lock"
flock 9
if [ ! -e "$headers/cudnn_frontend.h" ]; then
  scratch=$(mktemp -d "$cache/cudnn-frontend.XXXXXX")
  trap 'rm -rf "$scratch"' EXIT
  {
    python3 -m venv "$scratch/venv"
    "$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --retries 1 --timeout 15 --no-deps \
      --target "$scratch/package" "nvidia-cudnn-frontend==$version"
  } >&2
  rm -rf "$cache/cudnn-frontend-$version"
  mkdir "$cache/cudnn-frontend-$version"
  mv "$scratch/package/include" "$headers"
fi
echo "$headers"
