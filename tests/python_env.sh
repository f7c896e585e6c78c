#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes (or finds) the venv with the real packages that the interop tests compare with, and prints its python.
#
# It takes Python 3.12 where there is one, because Megatron-Bridge's wheels need exactly that, else the newest >= 3.10 of
# this machine, on which everything but Bridge runs; MHUB_TEST_PYTHON names another. The venv lies in the user's cache folder, is shared by all clones
# and made anew when the requirements change. Safe to run at the same time from several places.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
requirements="$here/interop/requirements.txt $here/interop/requirements_nodeps.txt $here/interop/requirements_bridge.txt"

# A python of that version that really runs: version managers leave commands on PATH that only print a complaint.
find_python() {
  if [ -n "${MHUB_TEST_PYTHON-}" ]; then
    echo "$MHUB_TEST_PYTHON"
    return 0
  fi
  for minor in 12 14 13 11 10; do
    for candidate in "python3.$minor" "$HOME"/.pyenv/versions/3."$minor".*/bin/python3 python3; do
      found=$("$candidate" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
      if [ "$found" = "3.$minor" ]; then
        echo "$candidate"
        return 0
      fi
    done
  done
  return 1
}

python=$(find_python) || { echo "python_env.sh: no Python 3.10 or newer with the venv module" >&2; exit 1; }
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
key=$(cat $requirements "$0" | sha256sum | cut -c1-12)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mhub
venv=$cache/venv-$version-$key
mkdir -p "$cache"

exec 9>"$cache/venv.lock"
flock 9
if [ ! -e "$venv/complete" ]; then
  rm -rf "$venv"
  {
    "$python" -m venv "$venv"
    pip="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
    $pip -r "$here/interop/requirements.txt"
    $pip --no-deps -r "$here/interop/requirements_nodeps.txt"
    if "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))'; then
      $pip -r "$here/interop/requirements_bridge.txt"
      $pip --no-deps megatron-bridge
    fi
    # Older cores for the same judges; one that this Python cannot have is left out and reported as not run.
    for core in 0.12.3 0.14.0 0.16.1; do
      $pip --no-deps --target "$venv/cores/$core" "megatron-core==$core" || rm -rf "$venv/cores/$core"
    done
    touch "$venv/complete"
  } >&2
fi
echo "$venv/bin/python"
