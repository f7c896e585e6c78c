# SPDX-License-Identifier: Apache-2.0
"""Writes a folder with the headers of DeepSeek-V3 (671B, FP8 with a scale for each block of 128 x 128, 163 shards): payloads are holes in sparse
files. python3 deepseek_folder.py FOLDER [KEY=NUMBER]..., such as num_hidden_layers=6 for a smaller one. Names, shapes and config are those of deepseek-ai/DeepSeek-V3."""

import sys

import llama_folder

CONFIG = dict(
    architectures=["DeepseekV3ForCausalLM"], model_type="deepseek_v3", attention_bias=False, bos_token_id=0, eos_token_id=1, ep_size=1,
    first_k_dense_replace=3, hidden_act="silu", hidden_size=7168, initializer_range=0.02, intermediate_size=18432, kv_lora_rank=512,
    max_position_embeddings=163840, moe_intermediate_size=2048, moe_layer_freq=1, n_group=8, n_routed_experts=256, n_shared_experts=1,
    norm_topk_prob=True, num_attention_heads=128, num_experts_per_tok=8, num_hidden_layers=61, num_key_value_heads=128,
    num_nextn_predict_layers=1, q_lora_rank=1536, qk_nope_head_dim=128, qk_rope_head_dim=64, rms_norm_eps=1e-6, rope_theta=10000,
    quantization_config=dict(activation_scheme="dynamic", fmt="e4m3", quant_method="fp8", weight_block_size=[128, 128]),
    rope_scaling=dict(beta_fast=32, beta_slow=1, factor=40, mscale=1.0, mscale_all_dim=1.0, original_max_position_embeddings=4096, type="yarn"),
    routed_scaling_factor=2.5, scoring_func="sigmoid", tie_word_embeddings=False, topk_group=4, topk_method="noaux_tc",
    torch_dtype="bfloat16", v_head_dim=128, vocab_size=129280)


def mlp(prefix, hidden, ffn):
    yield prefix + "gate_proj", [ffn, hidden]
    yield prefix + "up_proj", [ffn, hidden]
    yield prefix + "down_proj", [hidden, ffn]


def linears(prefix, layer, c):
    """(module, shape) of the quantized weights of a layer."""
    hidden, heads, latent = c["hidden_size"], c["num_attention_heads"], c["kv_lora_rank"]
    query = c["qk_nope_head_dim"] + c["qk_rope_head_dim"]
    attention = prefix + "self_attn."
    yield attention + "q_a_proj", [c["q_lora_rank"], hidden]
    yield attention + "q_b_proj", [heads * query, c["q_lora_rank"]]
    yield attention + "kv_a_proj_with_mqa", [latent + c["qk_rope_head_dim"], hidden]
    yield attention + "kv_b_proj", [heads * (c["qk_nope_head_dim"] + c["v_head_dim"]), latent]
    yield attention + "o_proj", [hidden, heads * c["v_head_dim"]]
    if layer < c["first_k_dense_replace"]:
        yield from mlp(prefix + "mlp.", hidden, c["intermediate_size"])
        return
    yield from mlp(prefix + "mlp.shared_experts.", hidden, c["moe_intermediate_size"])
    for expert in range(c["n_routed_experts"]):
        yield from mlp(f"{prefix}mlp.experts.{expert}.", hidden, c["moe_intermediate_size"])


def tensors(c):
    """(name, dtype, shape) of every tensor."""
    hidden, layers = c["hidden_size"], c["num_hidden_layers"]
    vocabulary = [c["vocab_size"], hidden]
    yield "model.embed_tokens.weight", "BF16", vocabulary
    for layer in range(layers + c["num_nextn_predict_layers"]):
        prefix = f"model.layers.{layer}."
        for name, shape in (("input_layernorm", [hidden]), ("post_attention_layernorm", [hidden]),
                            ("self_attn.q_a_layernorm", [c["q_lora_rank"]]), ("self_attn.kv_a_layernorm", [c["kv_lora_rank"]])):
            yield prefix + name + ".weight", "BF16", shape
        for module, shape in linears(prefix, layer, c):
            yield module + ".weight", "F8_E4M3", shape
            yield module + ".weight_scale_inv", "F32", [-(-n // 128) for n in shape]
        if layer >= c["first_k_dense_replace"]:
            yield prefix + "mlp.gate.weight", "BF16", [c["n_routed_experts"], hidden]
            yield prefix + "mlp.gate.e_score_correction_bias", "F32", [c["n_routed_experts"]]
        if layer >= layers:
            for name, shape in (("enorm", [hidden]), ("hnorm", [hidden]), ("eh_proj", [hidden, 2 * hidden]), ("shared_head.norm", [hidden]),
                                ("embed_tokens", vocabulary), ("shared_head.head", vocabulary)):
                yield f"{prefix}{name}.weight", "BF16", shape
    yield "model.norm.weight", "BF16", [hidden]
    yield "lm_head.weight", "BF16", vocabulary


def make(folder, shards=163, **changes):
    """`changes` are other values of the config, for a smaller model of the kind."""
    config = {**CONFIG, **changes}
    entries = list(tensors(config))
    llama_folder.write_folder(folder, entries, shards, False, config)
    return len(entries)


if __name__ == "__main__":
    print(make(sys.argv[1], **{key: int(value) for key, value in (word.split("=") for word in sys.argv[2:])}), "tensors")
