# SPDX-License-Identifier: Apache-2.0
"""Tokenization speed against the `tokenizers` package on one thread.

    python tests/bench/tokenize_10mb.py MHUB SCRATCH [FOLDER with tokenizer.json...]

Needs the packages of tests/interop/requirements.txt ($(tests/python_env.sh) prints a Python that has them). Without
folders, tokenizers of the common kinds are trained on the spot. The text is 10 MB of prose, code, numbers and other
scripts, made here. Both times are CPU seconds: for the package those of encode(), for mhub those of the whole process
less those of the same process on one word, so loading does not count and printing the ids does.
"""

import os

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time

from tokenizers import Tokenizer

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH.parent / "interop"))
from tokenizer_flavours import train  # noqa: E402
from tokenizer_texts import SAMPLES  # noqa: E402

SIZE = 10_000_000
RUNS = 3


def syllables(rng: random.Random) -> str:
    return "".join(rng.choice("bcdfghklmnprstvw") + rng.choice(["a", "e", "i", "o", "u", "ea", "ou"]) + rng.choice(["", "", "n", "r", "st"])
                   for _ in range(rng.choice([1, 1, 2, 2, 3])))


def make_text() -> str:
    """Words with the frequencies of Zipf's law from 50,000 made-up ones, among them code and other scripts."""
    rng = random.Random(4)
    words = [syllables(rng) for _ in range(50_000)]
    weights = [1 / (rank + 3) for rank in range(len(words))]
    parts, size = [], 0
    while size < SIZE:
        sentence = " ".join(rng.choices(words, weights, k=rng.randint(5, 25))).capitalize() + rng.choice([". ", "? ", ".\n", ", and "])
        if rng.random() < 0.15:
            sentence += rng.choice(SAMPLES[7:20]) + "\n"
        if rng.random() < 0.1:
            sentence += f"    x_{rng.randint(0, 999)} = {rng.random()}  # {rng.randint(0, 10**6)}\n"
        parts.append(sentence)
        size += len(sentence.encode())
    return "".join(parts)


def mhub_seconds(mhub: str, source: pathlib.Path, path: pathlib.Path) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([mhub, "tokenize", str(source), "--file", str(path)], check=True, stdout=subprocess.DEVNULL)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def compare(name: str, mhub: str, source: pathlib.Path, tokenizer: Tokenizer, path: pathlib.Path, word: pathlib.Path):
    text = path.read_text()
    package, ours = [], []
    for _ in range(RUNS):
        start = time.process_time()
        ids = tokenizer.encode(text).ids
        package.append(time.process_time() - start)
        ours.append(mhub_seconds(mhub, source, path) - mhub_seconds(mhub, source, word))
    found = subprocess.run([mhub, "tokenize", str(source), "--file", str(path)], check=True, capture_output=True, text=True).stdout
    assert [int(i) for i in found.split(",")] == ids, f"{name}: different ids"
    p, m = statistics.median(package), statistics.median(ours)
    print(f"{name:28} {len(ids):9} tokens   package {p:6.2f} s   mhub {m:6.2f} s   {p / m:5.1f} x as fast", flush=True)


def main():
    mhub, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    scratch.mkdir(parents=True, exist_ok=True)
    path, word = scratch / "10mb.txt", scratch / "word.txt"
    path.write_text(make_text())
    word.write_text("word")
    if len(sys.argv) > 3:
        for folder in map(pathlib.Path, sys.argv[3:]):
            compare(folder.name, mhub, folder, Tokenizer.from_file(str(folder / "tokenizer.json")), path, word)
        return
    for name in ("byte-level", "byte-level-llama3", "byte-level-nfc", "sentencepiece-bpe", "sentencepiece-bpe-no-prefix", "unigram", "wordpiece"):
        tokenizer = train(name)
        source = scratch / f"{name}.json"
        tokenizer.save(str(source))
        compare(name, mhub, source, tokenizer, path, word)


if __name__ == "__main__":
    main()
