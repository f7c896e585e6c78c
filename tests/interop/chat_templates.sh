#!/bin/sh
# What CTest calls: chat_templates.sh RENDERER.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$("$here/../python_env.sh")
exec "$python" "$here/chat_templates_check.py" "$@"
