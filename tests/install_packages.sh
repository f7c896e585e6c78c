#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of tests/packages.txt that are not there; does nothing when all are.
set -eu
list="$(dirname "$0")/packages.txt"

missing=
while read -r package; do
  status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing="$missing $package"
done < "$list"
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "missing packages:$missing; install them as root (apt-get install$missing)" >&2
    exit 1
  fi
  as_root=sudo
fi
echo "installing:$missing"

# shellcheck disable=SC2086  # a list of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q || true
# shellcheck disable=SC2086
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
