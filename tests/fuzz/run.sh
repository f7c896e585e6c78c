#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Fuzzes every reader of foreign files with clang's libFuzzer: tests/fuzz/run.sh MINUTES [TARGETS]
# Builds with AddressSanitizer and UndefinedBehaviorSanitizer in build/fuzz. MINUTES are for all targets together;
# the corpus stays in build/fuzz/corpus/<target>/, an input that fails beside it.
set -eu
cd "$(dirname "$0")/../.."
minutes=${1:?usage: tests/fuzz/run.sh MINUTES [TARGETS]}
shift
command -v clang++-14 >/dev/null || { echo "clang-14 is needed (apt-get install clang-14)" >&2; exit 1; }
jobs=$(nproc)
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_COMPILER=clang++-14 -DMHUB_BUILD_TESTS=ON \
  -DMHUB_CUDNN=OFF -DMHUB_SANITIZE=fuzzer-no-link,address,undefined
cmake --build build/fuzz --parallel "$jobs" --target fuzz mhub_cli mhub_plugin_index mhub_hdf5 mhub_http
exec python3 tests/fuzz/fuzz.py build/fuzz/bin/mhub build/fuzz/bin/libfuzzer build/fuzz/corpus $((minutes * 60)) "$@"
