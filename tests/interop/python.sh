#!/bin/sh
# python.sh SCRIPT.py [arguments]: runs a script of this folder with the tests' Python.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../python_env.sh")
script=$1
shift
exec "$python" "$here/$script" "$@"
