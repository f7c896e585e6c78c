#!/bin/sh
# What CTest calls: run.sh MHUB SCRATCH [arguments of run_interop.py].
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../python_env.sh")
exec "$python" "$here/run_interop.py" "$@"
