# SPDX-License-Identifier: Apache-2.0
"""mhub's own decoder against transformers: python logits_check.py MHUB SCRATCH [NAME...].

Tiny random models: every decoder of arch_dense.py and arch_moe.py with bfloat16 weights, in sizes that tensor-parallel
size 4 divides, then the rotary scalings of tiny_models.py and the models below. For each: float32 logits of a prompt as
long as the model's context, and 32 greedy tokens behind a short one, from the Hugging Face folder and from folders of
both Megatron formats in several layouts.
Prints a line for each model and exits 1 when anything failed.
"""

import copy
import json
import math
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import architectures  # first: patches CUDA away

import numpy as np
import torch
import transformers

import tiny_models
from arch_dense import BASE
from arch_dense import rope as dense_rope
from arch_moe import MLA, nemotron_keys
from tiny_models import LLAMA, rope

TOLERANCE = 1e-3  # of the largest logit: the bound that mhub promises; float32 sums give about 1e-6
NEW_TOKENS = 32
LLAMA4 = {**LLAMA, "intermediate_size": 48, "intermediate_size_mlp": 112, "num_local_experts": 4, "interleave_moe_layer_step": 2, "head_dim": 16}


def name_experts(model):
    """transformers 5.12's DeepseekV2Moe reads an attribute that it never sets when experts are chosen by groups."""
    for layer in model.model.layers:
        if hasattr(layer.mlp, "num_group"):
            layer.mlp.num_experts = model.config.n_routed_experts


# Models that only generation has to know: Megatron cannot be told of their positions, or they repeat others there.
EXTRA = {
    "llama_dynamic": dict(config="LlamaConfig", model="LlamaForCausalLM", fields={**LLAMA, "max_position_embeddings": 32, **rope(rope_type="dynamic", factor=4.0)}),
    "llama_half": dict(config="LlamaConfig", model="LlamaForCausalLM", fields=LLAMA, dtype="float16"),
    "llama_gelu": dict(config="LlamaConfig", model="LlamaForCausalLM", fields={**LLAMA, "hidden_act": "gelu"}, dtype="bfloat16"),
    "mistral_pages": dict(config="MistralConfig", model="MistralForCausalLM", fields={**LLAMA, "sliding_window": 33}, dtype="bfloat16"),
    # Chunks that end inside and at pages of the cache, layers without rotation whose queries grow, one expert a token.
    "llama4_chunks": dict(config="Llama4TextConfig", model="Llama4ForCausalLM", fields={**LLAMA4, "attention_chunk_size": 7, "floor_scale": 5, "attn_scale": 0.3}, dtype="float32"),
    "llama4_pages": dict(config="Llama4TextConfig", model="Llama4ForCausalLM", fields={**LLAMA4, "attention_chunk_size": 32, "use_qk_norm": False, **rope(rope_type="llama3", factor=16.0, low_freq_factor=1.0, high_freq_factor=1.0, original_max_position_embeddings=32)}, dtype="bfloat16"),
    # Its 32 new tokens begin inside the original context and end beyond it. There transformers 5.12 drops its cache and then
    # runs the last token alone, so what it computes without a cache is the truth.
    "phi3_crossing": dict(config="Phi3Config", model="Phi3ForCausalLM", fields={**BASE, "pad_token_id": 0, "original_max_position_embeddings": 24, **dense_rope(1e4, rope_type="longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3], long_factor=[1.5, 2.0, 4.0])}, dtype="bfloat16", use_cache=False),
    # The norms of compressed queries, keys and values have an epsilon of their own.
    "deepseek_v3_epsilon": dict(config="DeepseekV3Config", model="DeepseekV3ForCausalLM", fields={**MLA, "q_lora_rank": 20, "n_group": 4, "topk_group": 2, "rms_norm_eps": 0.1}, dtype="bfloat16"),
    "deepseek_v2_groups": dict(config="DeepseekV2Config", model="DeepseekV2ForCausalLM", fields={**MLA, "q_lora_rank": 20, "n_group": 4, "topk_group": 2, "topk_method": "group_limited_greedy"}, dtype="bfloat16", compute=name_experts),
}


def strong_mixers(model):
    """Heads that forget at once and heads that hardly do; skip connections around 1. (No time step falls below time_step_min,
    where transformers' torch path has a floor that neither its CUDA path nor MambaMixer has.)"""
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if name.endswith((".A_log", ".dt_bias")):
            parameter.data = 1.5 * noise
        elif name.endswith(".D"):
            parameter.data = 1 + 0.3 * noise


# Mamba-2 mixers of odd sizes: one group, two groups of three heads; heads wider than a vector and a tail; a state of one number.
# Prompts stay within a chunk (chunk_size 128): what transformers 5.12's torch path passes from chunk to chunk is wrong, it sums over
# the later chunks instead of the earlier ones. Token by token it agrees with a single chunk.
HYBRID_BASE = dict(vocab_size=203, hidden_size=40, intermediate_size=56, num_attention_heads=8, num_key_value_heads=4, head_dim=12, max_position_embeddings=96, use_mamba_kernels=False)
HYBRIDS = {
    "nemotron_h_one_group": dict(HYBRID_BASE, layers_block_type=["mamba", "mlp", "mamba", "attention"], mamba_num_heads=3, mamba_head_dim=37, ssm_state_size=9, n_groups=1),
    "nemotron_h_two_groups": dict(HYBRID_BASE, layers_block_type=["mamba"] * 3 + ["attention", "mlp", "mamba"], mamba_num_heads=6, mamba_head_dim=5, ssm_state_size=19, n_groups=2),
    "nemotron_h_many_groups": dict(HYBRID_BASE, layers_block_type=["attention", "mamba"], mamba_num_heads=4, mamba_head_dim=16, ssm_state_size=1, n_groups=4),
}

# Options of mhub convert; the first two numbers are TP and PP.
LAYOUTS = [("--to", form, "--tp", str(tp), "--pp", str(pp)) for form in ("torch_dist", "torch") for tp, pp in ((1, 1), (2, 1), (4, 1), (1, 2))]
EXPERTS = [("--to", form, "--tp", "2", "--pp", "1", "--ep", "2", "--etp", "1") for form in ("torch_dist", "torch")]
HYBRID = [("--to", "torch_dist", "--tp", "2", "--pp", "2", "--model-type", "hybrid")]
FEW = [("--to", "torch_dist", "--tp", "1", "--pp", "1"), ("--to", "torch", "--tp", "2", "--pp", "2")]


def divisible(fields):
    """The same model with 8 heads in 4 query groups (or in as many as it has heads, or in one)."""
    fields = dict(fields)
    heads = {fields[key] for key in ("num_attention_heads", "n_head") if key in fields}
    for key in ("num_key_value_heads", "num_kv_heads"):
        if key in fields:
            fields[key] = 8 if fields[key] in heads else 4
    for key, value in (("hidden_size", 64), ("n_embd", 64), ("num_attention_heads", 8), ("n_head", 8)):
        if key in fields:
            fields[key] = value
    if "block_configs" in fields:
        fields["block_configs"] = copy.deepcopy(fields["block_configs"])
        for one in fields["block_configs"]:
            one["attention"]["n_heads_in_group"] = {3: 2, 6: 8}.get(one["attention"]["n_heads_in_group"], one["attention"]["n_heads_in_group"])
    return fields


def all_models():
    """name: (entry as arch_dense.py describes it, layouts)"""
    models = {}
    for name, entry in architectures.MODELS.items():
        few = entry.get("few", False)
        layouts = (FEW if few else LAYOUTS) + (EXPERTS[: 1 if few else 2] if any("expert" in key and size for key, size in entry["fields"].items()) else [])
        layouts = [architectures.sizes(name, layout) for layout in layouts]
        layouts = layouts + (HYBRID if name in ("llama", "gpt2", "qwen3_moe", "glm_moe_dsa") else [])
        fields = {**entry["fields"], **entry.get("generated", {})}
        models[name] = (dict(entry, fields=divisible(fields), dtype="bfloat16"), layouts)
    for name, (config, model, fields, dtype, shard) in tiny_models.MODELS.items():
        models["tiny_" + name] = (dict(config=config, model=model, fields=fields, dtype=dtype, shard=shard), FEW)
    for name, fields in HYBRIDS.items():
        entry = dict(config="NemotronHConfig", model="NemotronHForCausalLM", fields=fields, dtype="float32", keys=nemotron_keys, config_json=lambda config: config, prepare=strong_mixers)
        models[name] = (entry, LAYOUTS)
    return models | {name: (entry, []) for name, entry in EXTRA.items()}


class Failure(Exception):
    pass


def mhub(binary, *arguments):
    run = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        raise Failure(f"mhub {arguments[0]}: exit {run.returncode}: {run.stderr.strip()}")
    return run.stdout


class Truth:
    """Prompts, transformers' logits for the long one and its greedy continuation of the short one."""

    def __init__(self, entry, folder):
        plain = folder + "_plain" if "keys" in entry else folder
        model = architectures.float_model(entry, plain)
        entry.get("compute", lambda model: None)(model)
        config = model.config
        longest = config.n_positions if hasattr(config, "n_positions") else max(getattr(config, "max_position_embeddings", 96), 96)
        generator = torch.Generator().manual_seed(3)
        short, long = (torch.randint(0, config.vocab_size, (1, size), generator=generator) for size in (17, min(longest, 110)))
        with torch.no_grad():
            # A copy: with dynamic scaling, transformers keeps the frequencies of the longest sequence so far.
            self.logits = copy.deepcopy(model)(long).logits[0].numpy()
            greedy = model.generate(short, attention_mask=torch.ones_like(short), do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0, eos_token_id=-1, use_cache=entry.get("use_cache", True))
        self.short, self.long = short[0].tolist(), long[0].tolist()
        self.greedy = greedy[0, short.shape[1]:].tolist()


def listed(tokens):
    return ",".join(map(str, tokens))


def compare(binary, source, truth, scratch):
    """The deviation of the logits; raises when it is too large or a token differs."""
    output = os.path.join(scratch, "logits.npy")
    mhub(binary, "logits", source, "--tokens", listed(truth.long), "--output", output, "--overwrite", "--threads", "1")
    found, wanted = np.load(output), truth.logits
    if found.dtype != np.float32 or found.shape != wanted.shape:
        raise Failure(f"logits are {found.dtype} {found.shape}, expected float32 {wanted.shape}")
    worst = float(np.abs(found - wanted).max() / np.abs(wanted).max())
    if not worst <= TOLERANCE:
        raise Failure(f"logits differ by {worst:.1e} of scale")
    report = mhub(binary, "generate", source, "--tokens", listed(truth.short), "--max-new-tokens", str(NEW_TOKENS), "--temperature", "0", "--ignore-eos", "--threads", "1", "--json")
    tokens = json.loads(report)["tokens"]
    if tokens != truth.greedy:
        raise Failure(f"greedy tokens differ: {tokens}, transformers {truth.greedy}")
    return worst


def groups(folder):
    """What a tensor-parallel size has to divide."""
    config = json.load(open(os.path.join(folder, "config.json")))
    if config.get("model_type") == "falcon" and not config["new_decoder_architecture"]:
        return 1 if config["multi_query"] else config["num_attention_heads"]
    heads = [config[key] for key in ("num_kv_heads", "num_key_value_heads", "n_head", "num_attention_heads") if config.get(key)][:1]
    mixers = [config[key] for key in ("n_groups", "mamba_n_groups") if config.get(key)]
    if not heads + mixers:
        raise Failure("config.json names no heads")
    return math.gcd(*heads, *mixers)


def check(name, binary, folder, truth, layouts, scratch):
    """Every source of one model; a line for people."""
    os.makedirs(scratch)
    worst, count = compare(binary, folder, truth, scratch), 0
    for layout in layouts:
        if groups(folder) % int(layout[3]):
            continue  # ranks that share a query group are run_interop.py's
        out = os.path.join(scratch, "converted")
        try:
            mhub(binary, "convert", folder, out, *layout)
            worst = max(worst, compare(binary, out, truth, scratch))
        except Failure as failure:
            raise Failure(f"{' '.join(layout)}: {failure}") from None
        shutil.rmtree(out)
        count += 1
    return f"{name}: logits within {worst:.1e} of scale, {NEW_TOKENS} greedy tokens, Hugging Face folder and {count} converted ones"


def main():
    binary, scratch, names = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    models = {name: model for name, model in all_models().items() if not names or name in names}
    failures = 0
    with ThreadPoolExecutor(2) as pool:  # mhub's runs; the models and their truth are made meanwhile
        jobs = {}
        for name, (entry, layouts) in models.items():
            folder, work = os.path.join(scratch, name), os.path.join(scratch, "work", name)
            architectures.make(name, entry, folder)
            jobs[name] = pool.submit(check, name, binary, folder, Truth(entry, folder), layouts, work)
        for name, job in jobs.items():
            try:
                print("ok   " + job.result(), flush=True)
            except Failure as failure:
                failures += 1
                print(f"FAIL {name}: {failure}", flush=True)
    print(f"logits: {len(models)} models, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
