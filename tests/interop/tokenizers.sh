#!/bin/sh
# What CTest calls: tokenizers.sh MHUB SCRATCH [folders with further tokenizer.json].
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../python_env.sh")
exec "$python" "$here/tokenizers_check.py" "$@"
