# SPDX-License-Identifier: Apache-2.0
"""Families of models and kinds of layouts for layouts_check.py. What an entry of MODELS holds is described in arch_dense.py."""

import arch_dense
import arch_moe
import vision_check
from arch_dense import rope

HEADS = dict(vocab_size=203, hidden_size=64, intermediate_size=88, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=2, max_position_embeddings=96)
EXPERTS = dict(HEADS, num_key_value_heads=4, head_dim=16, moe_intermediate_size=24, num_experts=8, num_experts_per_tok=2, norm_topk_prob=True)
LATENT = dict(arch_moe.V3, hidden_size=64, num_attention_heads=8, num_key_value_heads=8)
HYBRID = dict(arch_moe.HYBRID, layers_block_type=["mamba", "mlp", "mamba", "attention", "mamba", "moe", "mamba", "mlp"], n_groups=4, n_routed_experts=4,
              moe_intermediate_size=24, moe_shared_expert_intermediate_size=40)
YARN = rope(150000.0, rope_type="yarn", factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=4096)


def entry(name, fields, config=None, **rest):
    return dict(config=config or f"{name}Config", model=f"{name}ForCausalLM", fields=fields, **rest)


def with_blocks(head):
    """One prediction block behind the last layer, as published."""
    return dict(prepare=arch_moe.correction, keys=lambda state: arch_moe.add_mtp(state, 4, head), config_json=arch_moe.with_mtp)


def hybrid(fields, **rest):
    return entry("NemotronH", fields, keys=arch_moe.nemotron_keys, config_json=lambda config: config, kind="hybrid", **rest)


def spec(name):
    """A model with a layer spec of examples/megatron."""
    return {**arch_dense.MODELS[name], "kind": "spec"}


MODELS = {
    "llama": entry("Llama", HEADS),
    "llama_tied": entry("Llama", dict(HEADS, tie_word_embeddings=True)),
    "llama_bias": entry("Llama", dict(HEADS, attention_bias=True, mlp_bias=True)),
    "llama8": entry("Llama", dict(HEADS, num_hidden_layers=8)),
    "qwen2_tied": entry("Qwen2", dict(HEADS, tie_word_embeddings=True)),
    "gpt2": dict(config="GPT2Config", model="GPT2LMHeadModel", fields=dict(vocab_size=131, n_embd=48, n_layer=4, n_head=4, n_positions=64)),
    **{name: spec(name) for name in ("gemma", "gemma2", "gemma3", "gpt_neox", "phi", "olmo2", "glm4", "granite", "cohere", "falcon_40b")},
    "qwen3_moe": entry("Qwen3Moe", EXPERTS),
    "mixed": entry("Qwen3Moe", dict(EXPERTS, mlp_only_layers=[0, 2])),
    "mixtral": entry("Mixtral", dict(HEADS, num_local_experts=4)),
    "qwen2_moe": entry("Qwen2Moe", dict(HEADS, moe_intermediate_size=24, shared_expert_intermediate_size=40, num_experts=4, num_experts_per_tok=2)),
    "gpt_oss": entry("GptOss", dict(HEADS, head_dim=16, intermediate_size=40, num_local_experts=4, num_experts_per_tok=2, sliding_window=5, **YARN)),
    "mla": entry("DeepseekV3", LATENT, prepare=arch_moe.correction),
    "mla_plain_q": entry("DeepseekV3", dict(LATENT, q_lora_rank=None, n_group=1, topk_group=1, n_shared_experts=2), prepare=arch_moe.correction),
    "mla_mtp": entry("DeepseekV3", LATENT, **with_blocks(True)),
    "mtp": entry("Glm4Moe", dict(HEADS, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2), **with_blocks(False)),
    "delta": entry("Qwen3Next", dict(arch_moe.DELTA_MOE, num_hidden_layers=8), prepare=arch_moe.large_output_norms, kind="delta"),
    "delta_mtp": entry("Qwen3Next", arch_moe.DELTA_MOE, keys=lambda state: arch_moe.add_delta_mtp(state, 3), config_json=lambda config: config, kind="delta"),
    "mamba": hybrid(dict(arch_moe.HYBRID, layers_block_type=["mamba", "mlp", "mamba", "attention"], n_groups=2)),
    "hybrid": hybrid(HYBRID, prepare=arch_moe.correction),
    "llava": dict(kind="llava", make=lambda folder: vision_check.make("llava", folder)),
}

PLAIN = ["", "--tp 2 --pp 2"]
UNEVEN = ["--pp 2 --first-stage-layers 1", "--pp 3 --account-for-embedding --account-for-loss", "--pp 4 --pp-layout E|tt|tt|L", "--pp 2 --pp-layout E|tt|t|tL"]
PIPELINE = ["--pp 2 --vpp 2", *UNEVEN]
EP = ["--tp 2 --ep 2", "--tp 2 --ep 2 --etp 1", "--pp 2 --ep 2"]
ALONE = ["--tp 2", "--pp 2", "--ep 2"]
HYBRIDS = ["--model-type hybrid", "--tp 2 --pp 2 --model-type hybrid"]
# Where prediction blocks lie.
BLOCKS = ["--pp 2 --vpp 2", "--pp 2 --pp-layout Ett|t|t|mL", "--pp 3 --pp-layout Ett|tt|mL", "--pp 2 --pp-layout Etttt|mL", "--pp 4 --pp-layout Ett|t|tm|L", "--pp 4 --pp-layout Ett|tt|m|L"]

# part (a CTest entry) -> model -> layouts in mhub's options
PARTS = {
    "dense": {
        "llama": [*PLAIN, "--tp 4", *PIPELINE, *HYBRIDS], "llama_tied": ["--tp 2 --pp 2", PIPELINE[0], *UNEVEN[1:3], HYBRIDS[1]], "llama_bias": ["--tp 2 --pp 2"],
        "gpt2": ["--tp 2 --pp 2", "--pp 2 --vpp 2", HYBRIDS[1]], "gemma2": ["--tp 2 --pp 2"], "phi": ["--tp 2"], "llava": ["", "--tp 2"],
    },
    "experts": {
        "qwen3_moe": [*PLAIN, *EP, "--pp 2 --vpp 2 --ep 2", "--tp 2 --etp 1", UNEVEN[0], UNEVEN[3], HYBRIDS[1]],
        "mixed": ["", "--pp 2 --ep 2", "--pp 2 --vpp 2", "--tp 2 --pp 2 --ep 2 --etp 1", UNEVEN[0]],
        "gpt_oss": ["", "--tp 2 --etp 1", "--tp 2 --ep 2 --etp 1", "--pp 2 --ep 2", "--pp 2 --vpp 2"],
    },
    "latent": {
        "mla": [*PLAIN, *EP, "--pp 2 --vpp 2", UNEVEN[0], UNEVEN[3]], "mla_mtp": ["", "--tp 2 --pp 2", "--pp 2 --ep 2", *BLOCKS], "mla_plain_q": ["--tp 2"],
        "mtp": ["--tp 2 --pp 2", "--ep 2", BLOCKS[1]],
    },
    "mixers": {
        "delta": [*PLAIN, "--tp 2", "--pp 2 --vpp 2", "--tp 2 --ep 2 --etp 1"], "delta_mtp": ["--tp 2", "--pp 2"],
        "mamba": [*PLAIN, "--pp 2 --vpp 2"], "hybrid": ["--tp 2 --pp 2", "--tp 2 --ep 2 --etp 1", "--pp 2 --ep 2"],
    },
}
# The rest, with --all.
MORE = {
    "dense": {
        "llama": [*ALONE[:2], "--pp 4", "--pp 2 --last-stage-layers 1", "--pp 2 --pp-layout Et|tttL"], "llama_tied": ["", *ALONE[:2], "--pp 4", "--tp 4", *PIPELINE, *HYBRIDS[:1]],
        "llama8": ["--pp 4 --first-stage-layers 1 --last-stage-layers 3", "--pp 2 --vpp 2 --first-stage-layers 2", "--pp 2 --vpp 4", "--pp 2 --pp-layout Ett|t|ttt|ttL", "--tp 2 --pp 2 --vpp 2"],
        "qwen2_tied": ["--tp 2", "--tp 2 --pp 2", "--pp 2 --vpp 2"], "gpt2": ["", "--tp 2", "--pp 2", "--tp 4", *HYBRIDS[:1]],
        **{name: ["", "--tp 2", "--pp 2"] for name in ("gemma", "gemma2", "gemma3", "gpt_neox", "phi", "olmo2", "glm4", "granite", "cohere", "falcon_40b")},
    },
    "experts": {
        "qwen3_moe": [*ALONE, "--tp 2 --ep 4 --etp 1", "--tp 4 --ep 2 --etp 2", "--tp 2 --pp 2 --ep 2 --etp 1"], "mixtral": [*PLAIN, *ALONE, *EP], "gpt_oss": ["--pp 2", "--ep 2"],
        "qwen2_moe": ["", "--tp 2", "--tp 2 --ep 2"],
    },
    "latent": {
        "mla": [*ALONE, "--pp 4"], "mla_mtp": [*ALONE, "--pp 2 --pp-layout Ett|ttmL", "--pp 2 --pp-layout Ett|tt|m|L"], "mla_plain_q": ["", "--ep 2"], "mtp": ["", "--tp 2", "--pp 2"],
    },
    "mixers": {"delta": ALONE[1:], "delta_mtp": [""], "mamba": ALONE[:2], "hybrid": ["", *ALONE]},
}


def sizes(options):
    """The parallel sizes that mhub's options ask for."""
    words = options.split()
    found = {name: int(words[words.index("--" + name) + 1]) if "--" + name in words else None for name in ("tp", "pp", "vpp", "ep", "etp")}
    tp, pp, ep = found["tp"] or 1, found["pp"] or 1, found["ep"] or 1
    vpp = found["vpp"]
    if "--pp-layout" in words:
        parts = words[words.index("--pp-layout") + 1].count("|") + 1
        vpp = parts // pp if parts > pp else None
    return dict(tp=tp, pp=pp, vpp=vpp, ep=ep, etp=found["etp"] or tp)


def implementations(model, options):
    """megatron-core builds pipelines of delta nets, and experts of a HybridModel of GPT's layers, of TransformerEngine's modules alone."""
    kind = MODELS[model].get("kind")
    te_only = (kind == "delta" and "--pp" in options) or (model == "qwen3_moe" and "hybrid" in options)
    return ["te"] if te_only else ["local", "te"]


def cases(part, everything):
    """[name, model, options, impl, kind, sizes, world] of a part."""
    layouts = {model: list(options) for model, options in PARTS[part].items()}
    for model, options in MORE[part].items() if everything else []:
        layouts.setdefault(model, []).extend(one for one in options if one not in layouts[model])
    for model, all_options in layouts.items():
        for options in all_options:
            size = sizes(options)
            kind = "hybrid" if "--model-type" in options else MODELS[model].get("kind", "gpt")
            for impl in implementations(model, options):
                yield dict(name=f"{model} {options} [{impl}]".replace("  ", " "), model=model, options=options, impl=impl, kind=kind, sizes=size,
                           spec=MODELS[model].get("spec"), world=max(size["tp"], size["ep"] * size["etp"]) * size["pp"])
