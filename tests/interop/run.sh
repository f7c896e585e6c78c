#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What CTest calls: run.sh SCRIPT arguments, with the python of the tests' venv. SCRIPT lies in this folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../python_env.sh")
script=$1
shift
exec "$python" "$here/$script" "$@"
