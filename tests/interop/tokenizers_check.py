# SPDX-License-Identifier: Apache-2.0
"""Compares `mhub tokenize` with the `tokenizers` package (and with sentencepiece and transformers' AutoTokenizer).

    tokenizers_check.py MHUB SCRATCH [FOLDER...]

Small tokenizers of every kind are trained on the spot; FOLDERs hold further tokenizer.json to compare.
"""

import json
import pathlib
import random
import re
import subprocess
import sys

from tokenizer_flavours import flavours, sentencepiece_models, train
from tokenizer_texts import SAMPLES, texts

FUZZED = 400  # for each of some 50 tokenizers
LONG = 200_000


class Mhub:
    def __init__(self, program: str, scratch: pathlib.Path):
        self.program, self.scratch = program, scratch

    def run(self, *arguments: str) -> str:
        done = subprocess.run([self.program, "tokenize", *arguments], capture_output=True)
        if done.returncode != 0:
            raise SystemExit(f"mhub tokenize {' '.join(arguments)[:200]}: exit {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8")

    def lines(self, source, values, *options: str) -> list:
        path = self.scratch / "lines.jsonl"
        path.write_text("".join(json.dumps(value) + "\n" for value in values))
        out = self.run(str(source), "--lines", str(path), "--json", *options)
        return [json.loads(line) for line in out.split("\n")[:-1]]

    def encode(self, source, strings, special=True):
        options = [] if special else ["--no-special-tokens"]
        return [answer["ids"] for answer in self.lines(source, strings, *options)]

    def decode(self, source, ids, skip):
        options = ["--decode"] + (["--skip-special-tokens"] if skip else [])
        return [answer["text"] for answer in self.lines(source, ids, *options)]


class Report:
    def __init__(self):
        self.compared = self.failed = 0

    def compare(self, name: str, inputs, found, expected):
        assert len(inputs) == len(found) == len(expected), (name, len(inputs), len(found), len(expected))
        wrong = [(i, f, e) for i, f, e in zip(inputs, found, expected) if f != e]
        self.compared += len(inputs)
        self.failed += len(wrong)
        print(f"{'ok' if not wrong else 'FAILED':7} {name}: {len(inputs)} compared, {len(wrong)} differ", flush=True)
        for text, f, e in wrong[:3]:
            print(f"        {ascii(text)[:300]}\n          mhub     {ascii(f)[:300]}\n          expected {ascii(e)[:300]}")


def encodable(tokenizer, strings):
    """Strings that the package itself encodes (it refuses unknown characters without an unknown token)."""
    kept, ids = [], []
    for string in strings:
        try:
            ids.append(tokenizer.encode(string).ids)
            kept.append(string)
        except Exception:  # whatever the package raises
            pass
    return kept, ids


def check_tokenizer(mhub, report, name, tokenizer, source, rng, fuzz=FUZZED):
    added = tokenizer.get_added_tokens_decoder().values()
    strings, ids = encodable(tokenizer, texts(rng, fuzz, added))
    report.compare(f"{name} encode", strings, mhub.encode(source, strings), ids)
    plain = [tokenizer.encode(string, add_special_tokens=False).ids for string in strings[:200]]
    report.compare(f"{name} encode without special tokens", strings[:200], mhub.encode(source, strings[:200], False), plain)
    highest = tokenizer.get_vocab_size() + 3
    ids = [i for i in ids if i] + [[rng.randrange(highest) for _ in range(rng.randint(1, 30))] for _ in range(fuzz)]
    for skip in (False, True):
        expected = [tokenizer.decode(i, skip_special_tokens=skip) for i in ids]
        report.compare(f"{name} decode{' without special tokens' if skip else ''}", ids, mhub.decode(source, ids, skip), expected)


def check_long_text(mhub, report, name, tokenizer, source, rng):
    """One long text in a file: words in all scripts, so that long-text paths are taken."""
    words = " ".join(SAMPLES).split(" ")
    text = " ".join(rng.choice(words) for _ in range(LONG // 6))
    path = mhub.scratch / "long.txt"
    path.write_bytes(text.encode())
    found = [int(i) for i in mhub.run(str(source), "--file", str(path)).split(",")]
    report.compare(f"{name} long text", [text[:50]], [found], [tokenizer.encode(text).ids])


def check_invalid_utf8(mhub, report, name, tokenizer, source, rng):
    data = [bytes(rng.randrange(256) for _ in range(rng.randint(1, 40))) for _ in range(20)]
    data += [b"a\xffb", b"\xe2\x82", b"\xf0\x9f\x98", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x28\xa1"]
    found = []
    for raw in data:
        path = mhub.scratch / "raw.bin"
        path.write_bytes(raw)
        found.append([int(i) for i in mhub.run(str(source), "--file", str(path)).strip().split(",") if i])
    expected = [tokenizer.encode(raw.decode("utf-8", "replace")).ids for raw in data]
    report.compare(f"{name} invalid UTF-8", data, found, expected)


def check_auto_tokenizer(mhub, report, name, tokenizer, folder, rng):
    """What tokenizer_config.json adds, as transformers reads it."""
    from transformers import AutoTokenizer

    folder.mkdir(exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>",
        "eos_token": {"__type": "AddedToken", "content": "<eos>", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False},
        "pad_token": "<brand-new-pad>",
        "additional_special_tokens": ["<extra one>", "<bos>"],
        "added_tokens_decoder": {
            "3": {"content": "brown", "lstrip": True, "rstrip": True, "normalized": False, "single_word": True, "special": False},
        },
        "clean_up_tokenization_spaces": True,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    auto = AutoTokenizer.from_pretrained(folder)
    strings = texts(rng, 200, ["<bos>", "<eos>", "<brand-new-pad>", "<extra one>", "brown"])
    ids = [auto(string).input_ids for string in strings]
    report.compare(f"{name} AutoTokenizer encode", strings, mhub.encode(folder, strings), ids)
    for skip in (False, True):
        expected = [auto.decode(i, skip_special_tokens=skip) for i in ids]
        report.compare(f"{name} AutoTokenizer decode", ids, mhub.decode(folder, ids, skip), expected)


def check_sentencepiece(mhub, report, scratch, rng):
    for name, processor, folder in sentencepiece_models(scratch):
        # Lone marks mean spaces to mhub as to the tokenizers package; sentencepiece escapes nothing else.
        strings = [s for s in texts(rng, FUZZED) if "<" not in s and "\u2581" not in s and "\x00" not in s]
        # sentencepiece adds scores in single precision, so rounding chooses between equally good ways to cut "aaaa...".
        strings = [s for s in strings if not re.search(r"([^\n ])\1{7}", s)]
        expected = [[processor.bos_id()] + processor.encode(s) for s in strings]
        report.compare(f"{name} encode", strings, mhub.encode(folder, strings), expected)
        decoded = [processor.decode(i) for i in expected]
        report.compare(f"{name} decode", expected, mhub.decode(folder, expected, True), decoded)


def check_vocab_and_merges(mhub, report, tokenizer, folder, rng):
    folder.mkdir(exist_ok=True)
    tokenizer.model.save(str(folder))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = []  # the two files do not tell them
    tokenizer = type(tokenizer).from_str(json.dumps(data))
    strings = texts(rng, FUZZED)
    report.compare("vocab.json and merges.txt", strings, mhub.encode(folder, strings), [tokenizer.encode(s).ids for s in strings])


def check_old_merges(mhub, report, tokenizer, path, rng):
    """Merges as "a b" strings, as files from before tokenizers 0.20 have them."""
    data = json.loads(tokenizer.to_str())
    data["model"]["merges"] = [" ".join(merge) for merge in data["model"]["merges"]]
    path.write_text(json.dumps(data))
    strings = texts(rng, 100)
    report.compare("merges as strings", strings, mhub.encode(path, strings), [tokenizer.encode(s).ids for s in strings])


def main():
    program, scratch = sys.argv[1], pathlib.Path(sys.argv[2])
    scratch.mkdir(parents=True, exist_ok=True)
    mhub, report, rng = Mhub(program, scratch), Report(), random.Random(20)
    trained = {}
    for name, tokenizer in flavours():
        source = scratch / f"{name}.json"
        tokenizer.save(str(source))
        trained[name] = (tokenizer, source)
        check_tokenizer(mhub, report, name, tokenizer, source, rng)
    for name in ("byte-level", "sentencepiece-bpe", "unigram", "wordpiece"):
        check_long_text(mhub, report, name, *trained[name], rng)
    check_invalid_utf8(mhub, report, "byte-level", *trained["byte-level"], rng)
    check_vocab_and_merges(mhub, report, train("gpt2-files"), scratch / "files", rng)
    check_old_merges(mhub, report, trained["byte-level"][0], scratch / "old-merges.json", rng)
    check_auto_tokenizer(mhub, report, "byte-level", train("byte-level"), scratch / "auto-bpe", rng)
    check_auto_tokenizer(mhub, report, "wordpiece", train("wordpiece"), scratch / "auto-wordpiece", rng)
    check_sentencepiece(mhub, report, scratch, rng)
    for folder in map(pathlib.Path, sys.argv[3:]):
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        check_tokenizer(mhub, report, folder.name, tokenizer, folder, rng, 5000)
        check_long_text(mhub, report, folder.name, tokenizer, folder, rng)
    print(f"{report.compared} comparisons, {report.failed} differ")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
