#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every public header compiles alone, with no header beside it that is not public: headers.sh CORE SCRATCH COMPILER [FLAGS]
set -eu
core=$1 scratch=$2
shift 2
rm -rf "$scratch"
while read -r header; do
  mkdir -p "$scratch/mhub/$(dirname "$header")"
  ln -s "$core/$header" "$scratch/mhub/$header"
done <"$core/public_headers.txt"

failed=0 count=0
while read -r header; do
  count=$((count + 1))
  echo "#include \"mhub/$header\"" | "$@" -std=c++20 -Wall -Wextra -Werror -fsyntax-only -I "$scratch" -x c++ - ||
    { echo "FAIL: $header does not compile alone" >&2; failed=1; }
done <"$core/public_headers.txt"
[ "$failed" = 0 ] && echo "$count public headers, each compiles alone"
exit "$failed"
