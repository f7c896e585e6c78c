# SPDX-License-Identifier: Apache-2.0
"""Do the kept facts still say what the real packages say?  python golden_check.py

Records the facts of tests/golden anew and compares them with the files; prints every value that differs, and exits 1 when one
does. Another version of a package is no difference by itself."""

import json
import os
import sys

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
sys.path.insert(0, GOLDEN)
import record


def differences(kept, now, where=""):
    if isinstance(kept, dict) and isinstance(now, dict):
        for key in sorted({*kept, *now}):
            if key not in kept or key not in now:
                yield f"{where}.{key}: only {'kept' if key in kept else 'recorded now'}"
            else:
                yield from differences(kept[key], now[key], f"{where}.{key}")
    elif kept != now:
        yield f"{where}: kept {json.dumps(kept)[:200]}, now {json.dumps(now)[:200]}"


def main():
    folder, found = os.path.join(GOLDEN, "facts"), []
    files = record.recorded()
    for name in sorted({*files, *os.listdir(folder)}):
        path = os.path.join(folder, name)
        if name not in files or not os.path.exists(path):
            found.append(f"{name}: {'not recorded any more' if os.path.exists(path) else 'not kept'}")
            continue
        kept = json.load(open(path))
        if name == "settings.json":
            print(f"kept: {kept.pop('versions')}; now: {files[name].pop('versions')}")
        found += differences(kept, json.loads(json.dumps(files[name])), name)
    for difference in found:
        print("FAIL " + difference)
    print(f"golden facts: {len(files)} files, {len(found)} differences")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
