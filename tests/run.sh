#!/bin/sh
# Builds everything and runs every test: tests/run.sh [--fast]
#   --fast  leaves out the tests that compare with the real Python packages (CTest label "python")
# Ends with CTest's summary; the exit status is 0 when all tests passed.
set -eu
cd "$(dirname "$0")/.."

fast=
for argument in "$@"; do
  case "$argument" in
    --fast) fast=1 ;;
    *) echo "usage: tests/run.sh [--fast]" >&2; exit 2 ;;
  esac
done
jobs=$(nproc)
# One compiler takes up to 1.5 GB: on machines with many processors and little memory, fewer run at a time.
memory_jobs=$(awk '/^MemAvailable:/ {print int($2 / 1500000) + 1}' /proc/meminfo)
[ "$memory_jobs" -ge "$jobs" ] || jobs=$memory_jobs

tests/install_packages.sh

cmake --preset release -DMHUB_BUILD_TESTS=ON
cmake --build --preset release --parallel "$jobs"
# g++ 12 finds uninitialised members in sanitized std::regex; the release build is the one that holds all warnings.
cmake --preset asan
cmake --build --preset asan --parallel "$jobs"

status=0
ctest --preset asan --no-tests=error --tests-regex '^unit\.' --parallel "$jobs" || status=1
if [ -n "$fast" ]; then
  ctest --preset release --no-tests=error --label-exclude python --parallel "$jobs" || status=1
else
  ctest --preset release --no-tests=error --parallel "$jobs" || status=1
fi
exit $status
