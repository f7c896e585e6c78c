# SPDX-License-Identifier: Apache-2.0
"""Small files that claim much. Each function returns {file name: bytes} of a folder, under 1 MB in all."""

import json
import struct

GPT2 = {"architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "vocab_size": 20, "n_positions": 16, "n_embd": 8, "n_layer": 1, "n_head": 2}
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 20, "max_position_embeddings": 16, "hidden_size": 8,
         "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "rms_norm_eps": 1e-5,
         "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": False}
MIXTRAL = {**LLAMA, "architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "num_local_experts": 4, "num_experts_per_tok": 2}
# transformers' shapes of GPT2 above.
GPT2_TENSORS = {"wte.weight": [20, 8], "wpe.weight": [16, 8], "ln_f.weight": [8], "ln_f.bias": [8],
                "h.0.ln_1.weight": [8], "h.0.ln_1.bias": [8], "h.0.ln_2.weight": [8], "h.0.ln_2.bias": [8],
                "h.0.attn.c_attn.weight": [8, 24], "h.0.attn.c_attn.bias": [24], "h.0.attn.c_proj.weight": [8, 8], "h.0.attn.c_proj.bias": [8],
                "h.0.mlp.c_fc.weight": [8, 32], "h.0.mlp.c_fc.bias": [32], "h.0.mlp.c_proj.weight": [32, 8], "h.0.mlp.c_proj.bias": [8]}
ALPHABET = {chr(97 + i): i for i in range(20)}


def safetensors(shapes):
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 4
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(end)


def model(config=GPT2, shapes=GPT2_TENSORS, **more):
    return {"config.json": json.dumps(config).encode(), "model.safetensors": safetensors(shapes),
            "tokenizer.json": tokenizer(), **more}


def tokenizer(**parts):
    file = {"version": "1.0", "added_tokens": [], "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None,
            "model": {"type": "BPE", "vocab": ALPHABET, "merges": []}}
    return json.dumps({**file, **parts}).encode()


def sequence(kind, parts):
    return {"type": "Sequence", kind: parts}


def replace(text, content):
    return {"type": "Replace", "pattern": {"String": text}, "content": content}


def split(regex):
    return {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}


def configs():
    """Counts of layers and experts."""
    def gpt2(**fields):
        return {**GPT2, **fields}

    yield "gpt2_layers_3000000", gpt2(n_layer=3000000)
    yield "gpt2_layers_10900", gpt2(n_layer=10900)
    yield "gpt2_layers_2_28", gpt2(n_layer=1 << 28)
    yield "llama_layers_65536", {**LLAMA, "num_hidden_layers": 65536}
    yield "mixtral_experts_2_28", {**MIXTRAL, "num_local_experts": 1 << 28}
    yield "mixtral_experts_40000", {**MIXTRAL, "num_local_experts": 40000}
    yield "mixtral_experts_and_layers", {**MIXTRAL, "num_local_experts": 60000, "num_hidden_layers": 60000}
    yield "llama_layer_types", {**LLAMA, "num_hidden_layers": 40000, "layer_types": ["full_attention"] * 40000}
    yield "gpt2_wide", gpt2(n_embd=1 << 28, n_head=1 << 27, vocab_size=1 << 28, n_positions=1 << 28)


def folders():
    """(name, files, arguments behind the command with FOLDER as the folder's name)."""
    every = (["inspect", "FOLDER"], ["inspect", "FOLDER", "--tensors", "*a*a*a*b"], ["convert", "FOLDER", "OUT", "--to", "torch_dist"],
             ["convert", "FOLDER", "OUT", "--to", "torch", "--tp", "2", "--dry-run"], ["convert", "FOLDER", "OUT", "--to", "hdf5"],
             ["verify", "FOLDER", "FOLDER"], ["generate", "FOLDER", "--tokens", "1"],
             ["logits", "FOLDER", "--tokens", "1", "--output", "OUT"])
    for name, config in configs():
        yield name, model(config), every
        yield name + "_check", {"config.json": json.dumps(config).encode()}, (["plugins", "--check", config["model_type"], "FOLDER/config.json"],)
    deep = b"[" * 900000
    yield "config_deep", model(**{"config.json": b'{"a":' + deep}), every
    yield "header_deep", model(**{"model.safetensors": struct.pack("<Q", len(deep)) + deep}), every
    yield "index_deep", {**model(), "model.safetensors.index.json": deep}, every
    yield "name_long", model(shapes={**GPT2_TENSORS, "a" * 900000: [1]}), (*every, ["inspect", "FOLDER", "--regex", "(a|b)*weight$"],
                                                                          ["inspect", "FOLDER", "--regex", ".*b"])
    yield "tensors_many", model(shapes={**GPT2_TENSORS, **{f"h.{i}.x": [] for i in range(10000)}}), every


def texts():
    """(name, tokenizer.json, the text)."""
    many = "a" * 1000
    yield "normalizer_doubles", tokenizer(normalizer=sequence("normalizers", [replace("a", "aa")] * 40)), "aaaaaaaa"
    yield "normalizer_enlarges", tokenizer(normalizer=replace("a", "b" * 500000)), many * 100
    yield "regex_recursive", tokenizer(pre_tokenizer=split(r"(?<x>(?:a|b\g<x>)\g<x>*)c")), "ab" * 50000
    yield "regex_exponential", tokenizer(pre_tokenizer=split("(a?){30}a{30}b")), many * 100
    yield "regex_quadratic", tokenizer(pre_tokenizer=split("a*b")), many * 900
    yield "regex_often", tokenizer(pre_tokenizer=sequence("pretokenizers", [split(" "), split("^(?:a|aa)+$")])), ("a" * 22 + "b ") * 30000
    yield "bpe_one_word", tokenizer(model={"type": "BPE", "vocab": {**ALPHABET, "aa": 20, "aaaa": 21}, "merges": ["a a", "aa aa"]}), many * 900
    long = "a" * 400000
    yield "unigram_long", tokenizer(model={"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["a", -1.0], [long + "b", -2.0]]}), many * 450
    yield "unigram_many", tokenizer(model={"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0]] + [["a" * k, -1.0] for k in range(1, 1000)]}), many * 450
    word_piece = {"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "", "max_input_chars_per_word": 1 << 30}
    yield "word_piece_long", tokenizer(model={**word_piece, "vocab": {"?": 0, "a": 1, long: 2}}), many * 450
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    yield "added_long", tokenizer(added_tokens=[{"id": 20, "content": long + "b", **added}]), many * 450
    yield "added_spaces", tokenizer(added_tokens=[{"id": 20, "content": "a", **added, "lstrip": True, "rstrip": True}]), " " * 900000
    yield "added_spaces_often", tokenizer(added_tokens=[{"id": 20, "content": "a", **added, "single_word": True, "lstrip": True}]), ("ab" + " " * 998) * 900


def templates():
    """(name, chat template)."""
    yield "find", "{% set s='a'*10000000 %}{% set p='a'*5000000~'b' %}{{ s.find(p) }}{{ p in s }}{{ s.replace(p,'')|length }}"
    yield "strip", "{% set s=' '*10000000 %}{% for a in range(100000) %}{% set x = s.strip() %}{% endfor %}"
    yield "title", "{% set s='a b '*1000000 %}{% for a in range(10000) %}{% set x = s|title %}{% endfor %}"
    yield "loops", "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}"
    yield "doubling", "{% set n = namespace(s='a') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}"
    yield "lists", "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s|length }}"
    yield "recursion", "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}"
    yield "power", "{{ (10 ** 100000000) }}"
    yield "nested", "{{ " + "(" * 400000 + "1" + ")" * 400000 + " }}"
    yield "sorted", "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set x = l|sort|list %}{% endfor %}"
    yield "joined", "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set x = l|join(',') %}{% endfor %}"
    yield "dumped", "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set x = l|tojson %}{% endfor %}"
    yield "sliced", "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set x = l[::-1] %}{% endfor %}"
    yield "compared", "{% set l = range(100000)|list %}{% for i in range(100000) %}{% set x = l == l %}{% endfor %}"
    yield "split", "{% set s='a '*1000000 %}{% for a in range(10000) %}{% set x = s.split() %}{% endfor %}"
    yield "upper", "{% set s='a '*1000000 %}{% for a in range(10000) %}{% set x = s|upper|lower|trim|length %}{% endfor %}"
    yield "padded", "{{ '%999999999d' % 1 }}{{ '{:>999999999}'.format(1) }}{{ 'a'.center(999999999) }}"
    yield "unique", "{% set l = range(100000)|list %}{{ l|map('string')|unique|list|length }}"
    yield "indent", "{% set s='a\\n'*1000000 %}{% for a in range(10000) %}{% set x = s|indent(100) %}{% endfor %}"


def recipes():
    """(name, YAML)."""
    yield "anchor_self", "a: &x [*x]\n"
    yield "merge_self", "a: &x\n  <<: *x\n"
    laughs = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10) if i else '1'}]\n" for i in range(12))
    yield "laughs", laughs
    merged = "".join(f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n" if i else "a0: &a0 {x: 1}\n" for i in range(12))
    yield "merges", merged
    yield "deep_flow", "a: " + "[" * 400000 + "]" * 400000 + "\n"
    yield "deep_block", "".join(" " * i + f"a:\n" for i in range(1300))
    yield "long", "a: [" + "1, " * 300000 + "]\n"
