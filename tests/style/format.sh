#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fails where clang-format 14 would write a source file differently; names the files. `--fix` rewrites them.
set -eu
cd "$(dirname "$0")/../.."
tool=$(command -v clang-format-14 || command -v clang-format || true)
case $("${tool:-false}" --version 2>/dev/null || true) in
  *"version 14."*) ;;
  *) echo "clang-format 14 is needed (tests/packages.txt)" >&2; exit 1 ;;
esac
mode="--dry-run -Werror"
[ "${1:-}" = --fix ] && mode=-i
# shellcheck disable=SC2086  # two words
find core plugins converters examples tests -name '*.[ch]pp' -print0 | xargs -0 "$tool" --ferror-limit=1 $mode
