# SPDX-License-Identifier: Apache-2.0
"""convert of a model's name, which is not in the cache, against its download alone, and against one after the other:
python convert_vs_download.py MHUB SCRATCH [RUNS] [MEGABYTES_PER_SECOND]

A 2.5 GB Llama in bfloat16; turns alternate. The network of this machine is as fast as the server; a limit (of all eight connections together) makes it
one that is waited for. In SCRATCH lies all that is written: on a tmpfs, the disk counts for nothing."""

import against_download

CONNECTIONS = 8


def main():
    mhub, scratch, more = against_download.arguments()
    runs, limit = int(more[0]) if more else 5, float(more[1]) * 1e6 if len(more) > 1 else 0
    convert = ["convert", "org/name", scratch / "out", "--tp", "8"]
    against_download.race(mhub, scratch, runs, {"convert": [convert], "download, then convert": [against_download.DOWNLOAD, convert]}, limit / CONNECTIONS)


if __name__ == "__main__":
    main()
