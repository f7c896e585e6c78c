#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds everything and runs every test: tests/run.sh [--fast] [--slow] [--gpu]
#   --fast  leaves out the tests that compare with the real Python packages (CTest label "python")
#   --slow  also runs ThreadSanitizer on two conversions at a time, clang-tidy (CTest label "tidy") and the sweep over
#           fields, and the architectures, in models that differ little from others (label "slow")
#   --gpu   also runs the conformance suite on the CUDA device (CTest label "gpu"); fails where there is none
# Ends with CTest's summary; the exit status is 0 when all tests passed.
set -eu
cd "$(dirname "$0")/.."

fast=
slow=
gpu=OFF
for argument in "$@"; do
  case "$argument" in
    --fast) fast=1 ;;
    --slow) slow=1 ;;
    --gpu) gpu=ON ;;
    *) echo "usage: tests/run.sh [--fast] [--slow] [--gpu]" >&2; exit 2 ;;
  esac
done
jobs=$(nproc)
# One compiler takes up to 1.5 GB: on machines with many processors and little memory, fewer run at a time.
memory_jobs=$(awk '/^MemAvailable:/ {print int($2 / 1500000) + 1}' /proc/meminfo)
[ "$memory_jobs" -ge "$jobs" ] || jobs=$memory_jobs

tests/install_packages.sh

# Unit tests run with sanitizers; optimised, only those of rooms whose arithmetic an optimiser could change.
cmake --preset release -DMHUB_BUILD_TESTS=ON -DMHUB_TEST_GPU=$gpu "-DMHUB_UNIT_ROOMS=runtime;tensor"
cmake --build --preset release --parallel "$jobs"
# g++ 12 finds uninitialised members in sanitized std::regex; the release build is the one that holds all warnings.
cmake --preset asan
cmake --build --preset asan --parallel "$jobs" --target sanitized_tests
if [ -n "$slow" ]; then
  cmake --preset tsan
  cmake --build --preset tsan --parallel "$jobs"
fi

# Its summary would be out of sight above the next one's: what fails here ends the run.
ctest --preset asan --no-tests=error --tests-regex '^(unit|fuzz)\.' --parallel "$jobs"
left_out=
if [ -n "$slow" ]; then
  # ThreadSanitizer of g++ 12 cannot place its memory where addresses are randomised with many bits.
  setarch -R ctest --preset tsan --no-tests=error
else
  left_out='tidy|slow'
fi
[ -z "$fast" ] || left_out="python${left_out:+|$left_out}"
status=0
ctest --preset release --no-tests=error --label-exclude "${left_out:-^$}" --parallel "$jobs" || status=1
if [ "$gpu" = ON ]; then
  # The first test of the suite asks the backend what it is.
  report=$(build/bin/conformance_test --color_output=no --log_level=message --run_test=matrix_operators/it_says_what_it_is -- cudnn-bf16 2>&1) || {
    echo "tests/run.sh --gpu: NOTHING RAN ON A GPU: $(echo "$report" | grep -o 'no C[A-Za-z]* device.*\|no cudnn backend.*\|CUDA: .*' | head -n 1)" >&2
    exit 1
  }
fi
exit $status
