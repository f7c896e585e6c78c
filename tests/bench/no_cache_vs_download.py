# SPDX-License-Identifier: Apache-2.0
"""convert --no-cache of a model on a Hub on this machine against its download alone: python no_cache_vs_download.py MHUB SCRATCH [RUNS]

A 2.5 GB Llama in bfloat16. Their turns alternate; conversions write to the same disk, and flush, which a download does not."""

import against_download


def main():
    mhub, scratch, more = against_download.arguments()
    convert = ["convert", "org/name", scratch / "out", "--no-cache"]
    against_download.race(mhub, scratch, int(more[0]) if more else 3, {"--no-cache, TP 1": [convert], "--no-cache, TP 8": [[*convert, "--tp", "8"]]})


if __name__ == "__main__":
    main()
