# SPDX-License-Identifier: Apache-2.0
"""Texts on which a tokenizer is compared with the real package: one of every kind, then fuzzed ones."""

import random
import string

SAMPLES = [
    "",
    " ",
    "  ",
    "\n",
    "\r\n\r\n",
    "\t\t x\n\n  y \u00a0\u3000z\u2028w\x85v",
    "Hello, world! It's 1 o'clock; don't we've they'll I'M YOU'RE",
    "   leading and trailing   ",
    "a" * 300,
    " " * 500,
    "\n" * 130 + " " * 7 + "x",
    "ab " * 200,
    "3.14159 1,000,000 12345678901234567890 0x1F \u0661\u0662\u0663 \u00bd\u2167 \u1369",
    "def f(x):\n    if x < 10:\n\treturn {'a': [1, 2], \"b\": None}  # comment\n\n\nprint(f(3) ** 2 != 0)\n",
    "https://example.org/a?b=c&d=%20#frag <html lang=\"en\">\u00e9&amp;</html>",
    "caf\u00e9 cafe\u0301 \u00c5 A\u030a \u1e9b\u0323 \ufb01 \u2460 \uff21\uff22\uff23 \u3392 \u01c5 \u0130stanbul \u00df \u03a3\u03c3\u03c2",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3002\u4e2d\u6587\u6587\u672c\uff0c\ud55c\uad6d\uc5b4 \ubb38\uc7a5. \u1112\u1161\u11ab\u3400\U00020000\U0002a6d6\U00030000\U000323af",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0651\u064e\u0650 \u05e9\u05b8\u05dc\u05d5\u05b9\u05dd \u202bRTL\u202c",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22\u0e20\u0e32\u0e29\u0e32 \u0ba4\u0bae\u0bbf\u0bb4\u0bcd \u1019\u103c\u1014\u103a\u1019\u102c \u0f56\u0f7c\u0f51\u0f0b",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea\U0001f1eb \u2764\ufe0f \U0001f600\U0001f600 1\ufe0f\u20e3",
    "Z\u0335\u0321a\u0327\u0316\u0301l\u0334g\u0348\u035a\u0300o\u0489\u0336!",
    "\u200b\u200c\u200d\ufeff\u00ad\u2060 \u180e \ufffd \x00 \x01\x1f\x7f \ufff9 \U000e0041 \ue000 \U0010ffff",
    "\u2581already\u2581marked \u2581 \u2581\u2581 \u0120byte \u010alevel",
    "<0x41><0xE2> <s> </s> <unk> [UNK] [CLS] [MASK] <|endoftext|> <|im_start|>user\nhi<|im_end|> <bos> <pad>",
    "\u17b5\u0b55\u08d3\U00011938\ua7f2\ua7cb\U00010d50\U00011de0\U0001e5ff\U00016ea0 \u32ff \uab69 \U0002ebf0\U00031350",
]

ALPHABETS = [
    string.ascii_lowercase + "     ",
    string.ascii_letters + string.digits + string.punctuation + " \n\t",
    " \n\r\t\u00a0\u2003\u3000ab1.",
    "0123456789., -",
    "aeiou\u0301\u0300\u0327\u0323\u0345\u0316\u0334 \u00e9\u00fc\u1ec7",
    "\u4e00\u4eba\u6211\u306e\u30ab\u30fc\uac00\u1100\u1161\u11a8 \u3002",
    "\u0627\u0644\u0645\u0651\u064e \u05d0\u05b8\u0915\u094d\u0937\u093f",
    "\U0001f468\u200d\U0001f469\U0001f3fd\ufe0f\U0001f1e9\U0001f1ea\u2764 a",
    "'sStTrReEvVmMlLdD \u2019\u017f",
    "<>|_/[]{}()=+-*&^%$#@!~`\"\\ ;:,.?",
    "\u2581 <0xE29681> \u0120\u010a\u00e2\u0096",
    "".join(chr(c) for c in range(0x20, 0x250)),
]


def random_character(rng: random.Random) -> str:
    while True:
        plane = rng.random()
        code = rng.randrange(0x3000 if plane < 0.5 else 0x10000 if plane < 0.7 else 0x33000 if plane < 0.97 else 0x110000)
        if not 0xD800 <= code < 0xE000:
            return chr(code)


def fuzzed(rng: random.Random, added: list[str]) -> str:
    parts = []
    for _ in range(rng.randint(1, 6)):
        kind = rng.random()
        if kind < 0.55:
            alphabet = rng.choice(ALPHABETS)
            parts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 30))))
        elif kind < 0.75:
            parts.append("".join(random_character(rng) for _ in range(rng.randint(1, 12))))
        elif kind < 0.85 and added:
            parts.append(rng.choice(["", " ", "  ", "x"]) + rng.choice(added) + rng.choice(["", " ", "\n", "y"]))
        elif kind < 0.95:
            sample = rng.choice(SAMPLES)
            begin = rng.randint(0, len(sample))
            parts.append(sample[begin : begin + rng.randint(0, 40)])
        else:
            parts.append(rng.choice(" \n\tab") * rng.randint(1, 80))
    return "".join(parts)


def texts(rng: random.Random, fuzz: int, added=()) -> list[str]:
    """SAMPLES, their concatenation and `fuzz` random strings that also hold the added tokens."""
    contents = [str(getattr(token, "content", token)) for token in added]
    return SAMPLES + [" ".join(SAMPLES)] + [fuzzed(rng, contents) for _ in range(fuzz)]
