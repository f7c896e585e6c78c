# SPDX-License-Identifier: Apache-2.0
"""Small tokenizers of every kind, trained on the spot with the `tokenizers` package."""

import io
import json
import random

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizer_texts import SAMPLES, fuzzed

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K_PATTERN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
HAN_PATTERN = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK_PATTERNS = [
    r"\p{N}{1,3}",
    r"[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
]
MARK = "\u2581"


def plain_corpus() -> list[str]:
    rng = random.Random(1)
    words = "the quick brown fox jumps over lazy dog and then some more words that are not yet there do not say it isn't".split()
    lines = [" ".join(rng.choice(words) for _ in range(rng.randint(3, 12))) + rng.choice([".", "?", "!\n", ""]) for _ in range(400)]
    return lines + SAMPLES * 3


PLAIN_CORPUS = plain_corpus()
CORPUS = PLAIN_CORPUS + [fuzzed(random.Random(2), []) for _ in range(200)]
SPECIAL = ["<unk>", "<bos>", "<eos>"]


def bpe(normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None, trainer=None, **model) -> Tokenizer:
    return assemble(models.BPE(**model), trainers.BpeTrainer(vocab_size=900, special_tokens=SPECIAL, show_progress=False, **(trainer or {})),
                    normalizer, pre_tokenizer, decoder, post_processor)


def assemble(model, trainer, normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None, texts=CORPUS) -> Tokenizer:
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    if decoder is not None:
        tokenizer.decoder = decoder
    tokenizer.train_from_iterator(texts, trainer)
    if post_processor is not None:
        tokenizer.post_processor = post_processor
    return tokenizer


def template(single="<bos> $A <eos>"):
    return processors.TemplateProcessing(single=single, pair="$A $B", special_tokens=[("<bos>", 1), ("<eos>", 2)])


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(pattern=None, normalizer=None, post_processor=None, add_prefix_space=False, **model) -> Tokenizer:
    last = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=pattern is None)
    patterns = [pattern] if isinstance(pattern, str) else pattern or []
    steps = [split(p) for p in patterns] + [last]
    return bpe(normalizer, steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps), decoders.ByteLevel(), post_processor,
               {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}, **model)


def byte_fallback_decoder(strip=True):
    steps = [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(steps + ([decoders.Strip(" ", 1, 0)] if strip else []))


def with_byte_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """The same with byte fallback and tokens for all bytes, which no trainer makes."""
    data = json.loads(tokenizer.to_str())
    data["model"]["byte_fallback"] = True
    tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    if data["model"]["type"] == "Unigram":
        data["model"]["vocab"] += [[token, -30.0] for token in tokens]
    else:
        base = max(data["model"]["vocab"].values()) + 1
        data["model"]["vocab"].update({token: base + i for i, token in enumerate(tokens)})
    return Tokenizer.from_str(json.dumps(data))


def sentencepiece_bpe(prepend=True) -> Tokenizer:
    """As Llama 2 (with a prepended mark) and Gemma (without) have it."""
    replace = normalizers.Replace(" ", MARK)
    normalizer = normalizers.Sequence([normalizers.Prepend(MARK), replace]) if prepend else replace
    # Trained on words, used without splitting.
    tokenizer = bpe(normalizer, pre_tokenizers.Split(MARK, "merged_with_next"), byte_fallback_decoder(prepend), template("<bos> $A"),
                    {"limit_alphabet": 150}, unk_token="<unk>", fuse_unk=True)
    data = json.loads(tokenizer.to_str())
    data["pre_tokenizer"] = None if prepend else {
        "type": "Split", "pattern": {"String": " "}, "behavior": "MergedWithPrevious", "invert": False}
    return with_byte_tokens(Tokenizer.from_str(json.dumps(data)))


def unigram(normalizer=None, pre_tokenizer=None, decoder=None) -> Tokenizer:
    # A unigram model needs room for every character of its corpus.
    trainer = trainers.UnigramTrainer(vocab_size=900, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    return assemble(models.Unigram(), trainer, normalizer, pre_tokenizer or pre_tokenizers.Metaspace(), decoder or decoders.Metaspace(), template("$A <eos>"), PLAIN_CORPUS)


def charsmap(rule: str) -> bytes:
    """sentencepiece's compiled normalization rules of this name."""
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["a b c d e f g"] * 20), model_writer=model, vocab_size=16, model_type="char",
        normalization_rule_name=rule, minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def wordpiece(normalizer=None, pre_tokenizer=None, prefix="##", **model) -> Tokenizer:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<bos>", "<eos>"]
    trainer = trainers.WordPieceTrainer(vocab_size=700, special_tokens=special, show_progress=False, continuing_subword_prefix=prefix)
    return assemble(models.WordPiece(unk_token="[UNK]", continuing_subword_prefix=prefix, **model), trainer,
                    normalizer or normalizers.BertNormalizer(), pre_tokenizer or pre_tokenizers.BertPreTokenizer(),
                    decoders.WordPiece(prefix=prefix), processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2)))


def word_level(pre_tokenizer) -> Tokenizer:
    trainer = trainers.WordLevelTrainer(vocab_size=500, special_tokens=SPECIAL, show_progress=False)
    return assemble(models.WordLevel(unk_token="<unk>"), trainer, None, pre_tokenizer, None,
                    processors.Sequence([processors.ByteLevel(), template()]))


def with_added_tokens(tokenizer: Tokenizer) -> Tokenizer:
    tokenizer.add_special_tokens([AddedToken("<|sep|>", special=True), AddedToken("<left>", lstrip=True, special=True)])
    tokenizer.add_tokens([
        AddedToken("fox", single_word=True), AddedToken("<right>", rstrip=True, normalized=False), AddedToken("Caf\u00e9"),
        AddedToken("<both>", lstrip=True, rstrip=True), AddedToken("<|sep|>x"), AddedToken("qu", normalized=False),
        AddedToken("\u65e5\u672c", single_word=True, normalized=False)])
    return tokenizer


def with_space_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """Apart from tokens that strip spaces: the package panics when one strips what another matches."""
    tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("  "), AddedToken("   ", normalized=False), AddedToken("\t", special=True)])
    return tokenizer


def affixed_bpe(**affixes) -> Tokenizer:
    decoder = decoders.BPEDecoder(affixes.get("end_of_word_suffix", "</w>"))
    return bpe(normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()]), pre_tokenizers.WhitespaceSplit(), decoder, None,
               affixes, unk_token="<unk>", **affixes)


def ignoring_merges() -> Tokenizer:
    """Words that no merge reaches, in the vocabulary of a model that looks there first (as Llama 3 does)."""
    data = json.loads(byte_level(LLAMA3_PATTERN, None, template("<bos> $A")).to_str())
    data["model"]["ignore_merges"] = True
    vocab = data["model"]["vocab"]
    for word in ["\u0120jumps", "isn", "\u0120the\u0120", "zzz", "\u010a\u010a\u010a"]:
        vocab.setdefault(word, len(vocab))
    return Tokenizer.from_str(json.dumps(data))


FLAVOURS = {
    "byte-level": lambda: byte_level(),
    "gpt2-files": lambda: byte_level(),
    "byte-level-prefix-space": lambda: byte_level(add_prefix_space=True, post_processor=processors.RobertaProcessing(("<eos>", 2), ("<bos>", 1))),
    "byte-level-llama3": lambda: byte_level(LLAMA3_PATTERN, post_processor=processors.Sequence([processors.ByteLevel(), template("<bos> $A")])),
    "byte-level-ignore-merges": ignoring_merges,
    "byte-level-nfc": lambda: with_space_tokens(byte_level(LLAMA3_PATTERN, normalizers.NFC())),
    "byte-level-o200k": lambda: byte_level(O200K_PATTERN),
    "byte-level-cl100k": lambda: byte_level(CL100K_PATTERN),
    "byte-level-han": lambda: byte_level(HAN_PATTERN),
    "byte-level-deepseek": lambda: byte_level(DEEPSEEK_PATTERNS),
    "byte-level-digits": lambda: bpe(None, pre_tokenizers.Sequence([pre_tokenizers.Punctuation(), pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Digits(individual_digits=True)]), decoders.ByteLevel(),
                                     None, {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}),
    "byte-level-normalizer": lambda: bpe(normalizers.ByteLevel(), split(r"\S+|\s+"), decoders.ByteLevel(), None, {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()}),
    "byte-level-added": lambda: with_added_tokens(byte_level(LLAMA3_PATTERN, normalizers.NFKC())),
    "sentencepiece-bpe": lambda: sentencepiece_bpe(True),
    "sentencepiece-bpe-no-prefix": lambda: with_space_tokens(sentencepiece_bpe(False)),
    "sentencepiece-bpe-added": lambda: with_added_tokens(sentencepiece_bpe(True)),
    "bpe-unk": lambda: bpe(None, pre_tokenizers.Whitespace(), None, None, {"limit_alphabet": 60}, unk_token="<unk>"),
    "bpe-fuse-unk": lambda: bpe(normalizers.NFKD(), pre_tokenizers.Metaspace(), decoders.Metaspace(), None, {"limit_alphabet": 60}, unk_token="<unk>", fuse_unk=True),
    "bpe-no-unk": lambda: bpe(None, pre_tokenizers.WhitespaceSplit(), decoders.Fuse(), None, {"limit_alphabet": 60}),
    "bpe-suffix": lambda: affixed_bpe(end_of_word_suffix="</w>"),
    "bpe-prefix": lambda: affixed_bpe(continuing_subword_prefix="##"),
    "bpe-unsplit": lambda: bpe(None, None, None, None, {"limit_alphabet": 200, "max_token_length": 6}, unk_token="<unk>"),
    "metaspace-first": lambda: bpe(None, pre_tokenizers.Metaspace(prepend_scheme="first", split=False), decoders.Metaspace(prepend_scheme="first"), template()),
    "metaspace-first-strip": lambda: with_added_tokens(bpe(normalizers.Strip(True, False), pre_tokenizers.Metaspace(prepend_scheme="first"), decoders.Metaspace(prepend_scheme="first"))),
    "metaspace-never": lambda: bpe(None, pre_tokenizers.Metaspace(prepend_scheme="never"), decoders.Metaspace(prepend_scheme="never")),
    "unigram": lambda: unigram(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])),
    "unigram-nmt-nfkc": lambda: unigram(normalizers.Sequence([normalizers.Precompiled(charsmap("nmt_nfkc")), normalizers.Strip(), normalizers.Replace(Regex(" {2,}"), " ")])),
    "unigram-nfkc-cf": lambda: with_added_tokens(unigram(normalizers.Precompiled(charsmap("nmt_nfkc_cf")))),
    "unigram-byte-fallback": lambda: with_byte_tokens(unigram(None, pre_tokenizers.Metaspace(), byte_fallback_decoder())),
    "unigram-scripts": lambda: unigram(None, pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Metaspace()])),
    "wordpiece": lambda: wordpiece(),
    "wordpiece-cased": lambda: wordpiece(normalizers.BertNormalizer(lowercase=False)),
    "wordpiece-accents": lambda: wordpiece(normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)),
    "wordpiece-own": lambda: wordpiece(normalizers.Sequence([normalizers.NFD(), normalizers.Lowercase(), normalizers.StripAccents()]), pre_tokenizers.Whitespace(), "@@", max_input_chars_per_word=12),
    "wordlevel": lambda: word_level(pre_tokenizers.Whitespace()),
    "wordlevel-delimiter": lambda: word_level(pre_tokenizers.CharDelimiterSplit("e")),
    "wordlevel-fixed": lambda: word_level(pre_tokenizers.FixedLength(3)),
    "wordlevel-digits": lambda: word_level(pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.WhitespaceSplit()])),
    "ctc": lambda: bpe(None, pre_tokenizers.WhitespaceSplit(), decoders.CTC("<unk>", "o", True), None, {"limit_alphabet": 50}, unk_token="<unk>"),
    "replace-regex": lambda: bpe(normalizers.Sequence([normalizers.Replace(Regex(r"\s+|\p{P}(?=\p{P})"), " "), normalizers.Replace("", "")]), pre_tokenizers.WhitespaceSplit(), decoders.Sequence([decoders.Replace(Regex("[aeiou]"), ""), decoders.Strip("t", 2, 0)])),
}
for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
    for invert in (False, True):
        FLAVOURS[f"split-{behavior}{'-inverted' if invert else ''}"] = (
            lambda b=behavior, i=invert: word_level(split(r"\s|\p{L}\p{M}|\d*", b, i)))


def train(name: str) -> Tokenizer:
    return FLAVOURS[name]()


def flavours():
    for name in FLAVOURS:
        yield name, train(name)


def sentencepiece_models(scratch):
    """Models of the sentencepiece package as tokenizer.model: (name, processor, folder)."""
    import sentencepiece

    options = {
        "spm-bpe": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, vocab_size=800),
        "spm-bpe-no-prefix": dict(model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False, vocab_size=800),
        "spm-unigram": dict(model_type="unigram", byte_fallback=True, normalization_rule_name="identity", vocab_size=700),
    }
    lines = [line for text in CORPUS for line in text.split("\n") if line.strip() and "\u2581" not in line and "\x00" not in line]
    for name, chosen in options.items():
        folder = scratch / name
        folder.mkdir(exist_ok=True)
        with (folder / "tokenizer.model").open("wb") as model:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(lines), model_writer=model, character_coverage=0.98, hard_vocab_limit=False, minloglevel=2, **chosen)
        yield name, sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model")), folder
