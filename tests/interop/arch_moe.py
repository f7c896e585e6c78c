# SPDX-License-Identifier: Apache-2.0
"""Tiny models of mixture-of-experts architectures, for architectures.py; arch_dense.py says what an entry is."""

import torch

from arch_dense import BASE, GEMMA4, as_it_is, rope, scalars

import gpt_model
import llama4_model
import mamba_models
import mimo_v2
import softmax_moe_model
import sparse_models
from moe_model import build_changed, build_plain

try:
    import delta_net
except ImportError:  # a megatron-core before 0.19
    delta_net = None
try:
    import mamba
except ImportError:  # likewise: no HybridModel
    mamba = None

MOE_LAYOUTS = ["dist1", "local_dist", "dist22", "ep2", "te_ep2", "local_ep2"]
MOE = dict(vocab_size=203, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=6, num_key_value_heads=2, max_position_embeddings=96)
MLA = dict(MOE, num_key_value_heads=6, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=4, kv_lora_rank=16, qk_nope_head_dim=8,
           qk_rope_head_dim=4, v_head_dim=12, first_k_dense_replace=1)
V3 = dict(MLA, q_lora_rank=20, n_group=4, topk_group=2)
DELTA = dict(MOE, head_dim=16, linear_key_head_dim=8, linear_value_head_dim=12, linear_num_key_heads=4, linear_num_value_heads=8)
DELTA_MOE = dict(DELTA, moe_intermediate_size=24, shared_expert_intermediate_size=40, num_experts=4, num_experts_per_tok=2)
HYBRID = dict(vocab_size=203, hidden_size=48, intermediate_size=88, num_attention_heads=6, num_key_value_heads=2, head_dim=8, mamba_num_heads=8, mamba_head_dim=6, ssm_state_size=5, use_mamba_kernels=False)
LLAMA4 = dict(MOE, head_dim=16, intermediate_size=24, intermediate_size_mlp=88, num_local_experts=4)


def add_mtp(state, layers, head):
    """One multi-token-prediction layer as DeepSeek-V3 publishes it: transformers neither loads nor writes it."""
    generator = torch.Generator().manual_seed(7)

    def random(shape, dtype):
        return (0.2 * torch.randn(shape, generator=generator)).to(dtype)

    last, new = f"model.layers.{layers - 1}.", f"model.layers.{layers}."
    out = dict(state)
    for key, value in state.items():
        if key.startswith(last):
            out[new + key[len(last):]] = random(value.shape, value.dtype)
    hidden = state["model.norm.weight"]
    for name in ("enorm.weight", "hnorm.weight", "shared_head.norm.weight"):
        out[new + name] = random(hidden.shape, hidden.dtype) + 1
    out[new + "eh_proj.weight"] = random((len(hidden), 2 * len(hidden)), hidden.dtype)
    if head:
        out[new + "embed_tokens.weight"] = state["model.embed_tokens.weight"].clone()
        out[new + "shared_head.head.weight"] = state["lm_head.weight"].clone()
    return out


def add_delta_mtp(state, layer):
    """The multi-token-prediction block of Qwen3-Next and Qwen3.5 (their checkpoints' index) and of K-EXAONE (Megatron-Bridge's
    exaone_moe_bridge.py): a layer like `layer`."""
    generator = torch.Generator().manual_seed(8)

    def random(shape, dtype):
        return (0.2 * torch.randn(shape, generator=generator)).to(dtype)

    last = f"model.layers.{layer}."
    out = dict(state)
    for key, value in state.items():
        if key.startswith(last):
            out["mtp.layers.0." + key[len(last):]] = random(value.shape, value.dtype)
    hidden = state["model.norm.weight"]
    for name in ("pre_fc_norm_embedding", "pre_fc_norm_hidden", "norm"):
        out[f"mtp.{name}.weight"] = random(hidden.shape, hidden.dtype)
    out["mtp.fc.weight"] = random((len(hidden), 2 * len(hidden)), hidden.dtype)
    return out


def output_norms(model):
    return [parameter for name, parameter in model.named_parameters() if name.endswith("linear_attn.norm.weight")]


def small_output_norms(model):
    """Values below one half, minus one, are not exact in the model's own type."""
    for parameter in output_norms(model):
        parameter.data[:3] = torch.tensor([0.2001953125, 0.03, 1e-3])


def large_output_norms(model):
    """From one half on they are, and Megatron-Bridge, which rounds, has the same bits."""
    for parameter in output_norms(model):
        parameter.data.clamp_(min=0.5)


def with_mtp(config):
    return {**config, "num_nextn_predict_layers": 1}


def nemotron_keys(state):
    """The published models' name of the embedding (nvidia/NVIDIA-Nemotron-Nano-9B-v2)."""
    return {key.replace("backbone.embedding.", "backbone.embeddings."): value for key, value in state.items()}


def add_hybrid_mtp(state):
    """Nemotron 3 Super's prediction block, attention and experts (its config.json; Megatron-Bridge's nemotron_h_bridge.py has the names): like
    layers 2 and 3."""
    generator = torch.Generator().manual_seed(9)
    random = lambda shape, dtype: (0.2 * torch.randn(shape, generator=generator)).to(dtype)  # noqa: E731
    out = dict(state)
    for layer, like in (("mtp.layers.0.", "backbone.layers.2."), ("mtp.layers.1.", "backbone.layers.3.")):
        out.update({layer + key[len(like):]: random(value.shape, value.dtype) for key, value in state.items() if key.startswith(like)})
    hidden = state["backbone.norm_f.weight"]
    for name in ("0.enorm", "0.hnorm", "1.final_layernorm"):
        out[f"mtp.layers.{name}.weight"] = random(hidden.shape, hidden.dtype)
    out["mtp.layers.0.eh_proj.weight"] = random((len(hidden), 2 * len(hidden)), hidden.dtype)
    return out


def fused_keys(state):
    """inclusionAI/Ling-lite and Ling-mini-2.0, modeling_bailing_moe.py and modeling_bailing_moe_v2.py, and sarvamai/sarvam-30b,
    modeling_sarvam_moe.py: GLM-4.5's tensors under other names, q, k and v in one."""
    names = {"model.embed_tokens.": "model.word_embeddings.", "self_attn.q_norm": "attention.query_layernorm", "self_attn.k_norm": "attention.key_layernorm",
             "self_attn.o_proj": "attention.dense", "gate.e_score_correction_bias": "gate.expert_bias", "shared_head.norm": "final_layernorm"}
    out = {}
    for key, value in state.items():
        if "k_proj" in key or "v_proj" in key:
            continue
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        out[key] = value
    for key in [key for key in out if "q_proj" in key]:
        layer = key[: -len("self_attn.q_proj.weight")]
        parts = [state[f"{layer}self_attn.{part}_proj.weight"] for part in "qkv"]
        del out[key]
        out[layer + "attention.query_key_value.weight"] = torch.cat(parts)
    return out


def bailing_keys(state):
    return fused_keys(add_mtp(state, 4, False))


def bailing_config(config):
    same = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "hidden_act",
            "rms_norm_eps", "max_position_embeddings", "initializer_range", "tie_word_embeddings", "attention_dropout", "num_experts_per_tok",
            "n_group", "topk_group", "moe_intermediate_size", "first_k_dense_replace", "routed_scaling_factor")
    return {"architectures": ["BailingMoeV2ForCausalLM"], "model_type": "bailing_moe_v2", **{key: config[key] for key in same},
            "num_experts": config["n_routed_experts"], "num_shared_experts": config["n_shared_experts"], "num_nextn_predict_layers": 1,
            "rope_theta": 10000.0, "partial_rotary_factor": 0.5, "use_qk_norm": True, "use_qkv_bias": False, "use_bias": False, "torch_dtype": "float32",
            "score_function": "sigmoid", "norm_topk_prob": True, "moe_router_enable_expert_bias": True}


def sarvam_config(config):
    """Of the 30B: Ling 2's keys, and its code knows no prediction blocks and no share of a head that rotates."""
    published = {**bailing_config(config), "architectures": ["SarvamMoEForCausalLM"], "model_type": "sarvam_moe", "rope_theta": config["rope_parameters"]["rope_theta"]}
    return {key: value for key, value in published.items() if key not in ("num_nextn_predict_layers", "partial_rotary_factor")}


def sarvam_mla_config(config):
    """Of the 105B: without groups of experts, for which its code has defaults (16 groups for 128 experts, of which 2 are chosen).
    Of the scaling it takes what it knows; "truncate" is transformers', which mhub writes."""
    left_out = ("n_group", "topk_group", "n_routed_experts", "n_shared_experts", "rope_parameters", "rope_interleave")
    scaling = {**config["rope_parameters"], "rope_type": "deepseek_yarn", "truncate": True}
    return {**{key: value for key, value in config.items() if key not in left_out}, "architectures": ["SarvamMLAForCausalLM"], "model_type": "sarvam_mla",
            "num_experts": config["n_routed_experts"], "num_shared_experts": config["n_shared_experts"], "rope_theta": scaling.pop("rope_theta"),
            "rope_scaling": scaling, "use_qk_norm": True, "moe_router_enable_expert_bias": True}


def kimi_config(config):
    return {**config, "architectures": ["KimiK2ForCausalLM"], "model_type": "kimi_k2"}


def correction(model):
    """The correction bias is a buffer, which random initialisation left at zero."""
    for name, buffer in model.named_buffers():
        if name.endswith("e_score_correction_bias"):
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=torch.Generator().manual_seed(len(name))))


def entry(config, model, fields, **rest):
    return dict(config=config, model=model, fields=fields, layouts=MOE_LAYOUTS, judge="core", judged="local_dist", build=build_plain, **rest)


def delta(config, model, fields, **rest):
    """With layers of gated delta net."""
    judge = dict(build=delta_net.build) if delta_net else dict(judge=None, absent="logits of layers of gated delta net")
    return entry(config, model, fields) | dict(layouts=["dist1", "local_dist", "dist22", "ep2", "te_ep2"]) | judge | rest


HYBRID_JUDGE = dict(judge="core", build=mamba.build) if mamba else dict(judge=None, absent="logits of Mamba layers")


def hybrid(fields, **rest):
    """With Mamba-2 mixers."""
    return dict(config="NemotronHConfig", model="NemotronHForCausalLM", fields=fields, keys=nemotron_keys, config_json=lambda config: config, mlm=False) | HYBRID_JUDGE | rest


MODELS = {
    "qwen3_moe": entry("Qwen3MoeConfig", "Qwen3MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, num_experts=6, num_experts_per_tok=2, norm_topk_prob=True), dtype="bfloat16", bridge=True),
    "qwen3_moe_mixed": entry("Qwen3MoeConfig", "Qwen3MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, num_experts=4, num_experts_per_tok=3, mlp_only_layers=[0, 2])),
    "gemma4_moe": dict(config="Gemma4TextConfig", model="Gemma4ForCausalLM", fields={**GEMMA4, "vocab_size": 203, "layer_types": ["sliding_attention", "full_attention"] * 2, "enable_moe_block": True, "num_experts": 6, "top_k_experts": 2, "moe_intermediate_size": 24, "intermediate_size": 40}, dtype="bfloat16", prepare=scalars, layouts=MOE_LAYOUTS, judge="bridge", bridge=True, mlm=False),
    "mixtral": entry("MixtralConfig", "MixtralForCausalLM", dict(MOE, num_local_experts=4)),
    "deepseek_v3": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(V3, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=4096, mscale=1.0, mscale_all_dim=1.0, beta_fast=32.0, beta_slow=1.0)), prepare=correction, bridge=True),
    "kimi_k2": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(V3, n_group=1, topk_group=1, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=24, mscale=0.7, mscale_all_dim=1.0, beta_fast=2.0, beta_slow=1.0)), prepare=correction, mlm=False),
    "deepseek_v3_mtp": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", V3, prepare=correction, keys=lambda state: add_mtp(state, 4, True), config_json=with_mtp, repeats=("4.embed_tokens.weight", "shared_head.head.weight")),
    "moonlight": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(MLA, q_lora_rank=None, n_group=1, topk_group=1, n_shared_experts=2), prepare=correction, mlm=False),
    "qwen2_moe": entry("Qwen2MoeConfig", "Qwen2MoeForCausalLM", dict(MOE, moe_intermediate_size=24, shared_expert_intermediate_size=40, num_experts=4, num_experts_per_tok=2)),
    "olmoe": entry("OlmoeConfig", "OlmoeForCausalLM", dict(MOE, num_experts=4, num_experts_per_tok=2, num_key_value_heads=6), spec="olmoe", bridge=True, mlm=False) | dict(build=build_changed("normalize_over_heads")),
    "gpt_oss": entry("GptOssConfig", "GptOssForCausalLM", dict(MOE, head_dim=16, intermediate_size=40, num_local_experts=4, num_experts_per_tok=2, sliding_window=5, **rope(150000.0, rope_type="yarn", factor=32.0, beta_fast=32.0, beta_slow=1.0, truncate=False, original_max_position_embeddings=4096)), dtype="bfloat16", bridge=True),
    "gpt_oss_rope": entry("GptOssConfig", "GptOssForCausalLM", dict(MOE, head_dim=16, intermediate_size=40, num_local_experts=4, num_experts_per_tok=2, sliding_window=5, **rope(150000.0))) | dict(layouts=["dist1", "local_dist"]),
    "deepseek_v3_unshared": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(V3, n_shared_experts=0), prepare=correction) | dict(layouts=["dist1", "local_dist"]),
    "deepseek_v2": entry("DeepseekV2Config", "DeepseekV2ForCausalLM", dict(MLA, q_lora_rank=20, routed_scaling_factor=1.5)),
    "deepseek_v2_lite": entry("DeepseekV2Config", "DeepseekV2ForCausalLM", dict(MLA, q_lora_rank=None, first_k_dense_replace=2), mlm=False),
    "glm4_moe": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2, use_qk_norm=True, attention_bias=True, routed_scaling_factor=2.5), prepare=correction, bridge=True),
    "glm4_moe_lite": entry("Glm4MoeLiteConfig", "Glm4MoeLiteForCausalLM", dict(MLA, q_lora_rank=20, n_group=1, topk_group=1, mlp_layer_types=["dense"] + ["sparse"] * 3), twin=True, prepare=correction, bridge=True) | dict(few=True, layouts=["dist1", "local_dist", "te_ep2"]),
    "glm4_moe_lite_mtp": entry("Glm4MoeLiteConfig", "Glm4MoeLiteForCausalLM", dict(MLA, q_lora_rank=20, n_group=1, topk_group=1), twin=True, prepare=correction, keys=lambda state: add_mtp(state, 4, True), config_json=with_mtp, repeats=("4.embed_tokens.weight", "shared_head.head.weight")) | dict(few=True, slow=True, layouts=["dist1", "local_dist"]),
    "kimi_k2_class": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(V3, n_group=1, topk_group=1), class_name="KimiK2ForCausalLM", twin=True, prepare=correction, keys=as_it_is, config_json=kimi_config, mlm=False) | dict(few=True, slow=True, layouts=["dist1", "local_dist"]),
    "ernie4_5_moe": entry("Ernie4_5_MoeConfig", "Ernie4_5_MoeForCausalLM", dict(MOE, moe_intermediate_size=24, moe_num_experts=8, moe_k=2, pad_token_id=0), spec="ernie_moe", bridge=True) | dict(few=True, build=build_changed("correct_softmax"), layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "granite_moe": entry("GraniteMoeConfig", "GraniteMoeForCausalLM", dict(MOE, intermediate_size=24, num_local_experts=4, embedding_multiplier=12.0, residual_multiplier=0.22, attention_multiplier=0.3, logits_scaling=6.0), spec="granite_moe") | dict(few=True, build=build_changed("multiply_residuals"), layouts=["dist1", "local_dist", "te_ep2"]),
    "granite_moe_shared": entry("GraniteMoeSharedConfig", "GraniteMoeSharedForCausalLM", dict(MOE, intermediate_size=24, num_local_experts=4, shared_intermediate_size=40, residual_multiplier=0.22, attention_multiplier=0.3), spec="granite_moe", mlm=False) | dict(few=True, slow=True, build=build_changed("multiply_residuals"), layouts=["dist1", "local_dist", "ep2"]),
    "dots1": entry("Dots1Config", "Dots1ForCausalLM", dict(MOE, moe_intermediate_size=24, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=2, first_k_dense_replace=1, norm_topk_prob=True, sliding_window=5, max_window_layers=2), prepare=correction) | dict(few=True, layouts=["dist1", "local_dist", "te_ep2"]),
    "minimax_m2": entry("MiniMaxM2Config", "MiniMaxM2ForCausalLM", dict(MOE, head_dim=16, intermediate_size=24, num_local_experts=4, num_experts_per_tok=2, **rope(5e6, partial_rotary_factor=0.5)), spec="olmoe", prepare=correction, bridge=True) | dict(few=True, build=build_changed("normalize_over_heads"), layouts=["dist1", "local_dist", "te_ep2"]),
    "hunyuan_moe": entry("HunYuanMoEV1Config", "HunYuanMoEV1ForCausalLM", dict(MOE, head_dim=16, intermediate_size=24, num_experts=4, moe_topk=2), dtype="bfloat16", spec="hunyuan_moe") | dict(few=True, build=build_changed("rotate_before_norms"), layouts=["dist1", "local_dist", "te_ep2"]),
    "bailing_moe_v2": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=4, use_qk_norm=True, n_group=4, topk_group=2), class_name="BailingMoeV2ForCausalLM", twin=True, prepare=correction, keys=bailing_keys, config_json=bailing_config, bridge=True) | dict(few=True, layouts=["dist1", "local_dist", "te_ep2"]),
    "deepseek": entry("LlamaConfig", "SoftmaxMoeForCausalLM", dict(MOE, **softmax_moe_model.EXPERTS, moe_intermediate_size=24, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=3, first_k_dense_replace=1, norm_topk_prob=False), class_name="DeepseekForCausalLM", keys=softmax_moe_model.separate, config_json=softmax_moe_model.deepseek_config) | dict(few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "bailing_moe": entry("LlamaConfig", "SoftmaxMoeForCausalLM", dict(MOE, head_dim=16, **softmax_moe_model.EXPERTS, moe_intermediate_size=24, n_routed_experts=8, n_shared_experts=2, num_experts_per_tok=3, first_k_dense_replace=0, norm_topk_prob=True), class_name="BailingMoeForCausalLM", twin=True, keys=lambda state: fused_keys(softmax_moe_model.separate(state)), config_json=softmax_moe_model.bailing_config) | dict(few=True, layouts=["dist1", "local_dist", "te_ep2"]),
    "sarvam_moe": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2, use_qk_norm=True, routed_scaling_factor=2.5, **rope(8e6, partial_rotary_factor=1.0)), class_name="SarvamMoEForCausalLM", twin=True, prepare=correction, keys=fused_keys, config_json=sarvam_config, bridge=True) | dict(few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "sarvam_mla": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(MLA, q_lora_rank=None, n_routed_experts=32, moe_intermediate_size=8, n_group=4, topk_group=2, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=24, mscale=1.0, mscale_all_dim=1.0, beta_fast=2.0, beta_slow=1.0)), class_name="SarvamMLAForCausalLM", twin=True, prepare=correction, keys=as_it_is, config_json=sarvam_mla_config, bridge=True, mlm=False) | dict(few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "exaone_moe": entry("ExaoneMoeConfig", "ExaoneMoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, num_experts=8, num_experts_per_tok=4, n_group=4, topk_group=2, sliding_window=5), prepare=correction, bridge=True) | dict(few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "exaone4_mtp": entry("Exaone4Config", "Exaone4ForCausalLM", dict(BASE, head_dim=16, sliding_window=5), keys=lambda state: add_delta_mtp(state, 3), config_json=with_mtp) | dict(judge="spec", spec="exaone4", build=gpt_model.build, few=True, mlm=False, judged="dist1", layouts=["dist1", "dist22", "te222"]),
    "exaone_moe_mtp": entry("ExaoneMoeConfig", "ExaoneMoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, num_experts=8, num_experts_per_tok=2, sliding_window=5), prepare=correction, keys=lambda state: add_delta_mtp(state, 0), config_json=with_mtp, bridge=True, bridge_logits=True, mlm=False) | dict(few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"]),
    "solar_open": entry("SolarOpenConfig", "SolarOpenForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2), twin=True, prepare=correction) | dict(few=True, slow=True, layouts=["dist1", "local_dist"]),
    "hy_v3": entry("HYV3Config", "HYV3ForCausalLM", dict(MOE, first_k_dense_replace=1, head_dim=16, moe_intermediate_size=24, num_experts=8, num_experts_per_tok=2), dtype="bfloat16", twin=True, prepare=correction) | dict(few=True, layouts=["dist1", "local_dist", "te_ep2"]),
    "glm4_moe_mtp": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2), prepare=correction, keys=lambda state: add_mtp(state, 4, False), config_json=with_mtp),
    "qwen3_next": delta("Qwen3NextConfig", "Qwen3NextForCausalLM", dict(DELTA_MOE, num_hidden_layers=8), twin=True, prepare=large_output_norms, bridge=True, bridge_logits=True),
    "qwen3_next_mixed": delta("Qwen3NextConfig", "Qwen3NextForCausalLM", dict(DELTA_MOE, layer_types=["full_attention", "linear_attention"] * 2, mlp_only_layers=[1, 2], norm_topk_prob=False), dtype="bfloat16", prepare=small_output_norms),
    "qwen3_next_mtp": delta("Qwen3NextConfig", "Qwen3NextForCausalLM", DELTA_MOE, twin=True, keys=lambda state: add_delta_mtp(state, 3), config_json=lambda config: config),
    "qwen3_5": delta("Qwen3_5TextConfig", "Qwen3_5ForCausalLM", DELTA, dtype="bfloat16", prepare=small_output_norms, layouts=["dist1", "local_dist", "dist22", "te222"], build_module="delta_net"),
    "qwen3_5_mtp": delta("Qwen3_5TextConfig", "Qwen3_5ForCausalLM", DELTA, prepare=large_output_norms, keys=lambda state: add_delta_mtp(state, 3), config_json=lambda config: {**config, "mtp_num_hidden_layers": 1}, bridge=True, bridge_logits=True, layouts=["dist1", "local_dist"]),
    "qwen3_5_moe": delta("Qwen3_5MoeTextConfig", "Qwen3_5MoeForCausalLM", DELTA_MOE, twin=True, prepare=large_output_norms, bridge=True),
    "llama4": entry("Llama4TextConfig", "Llama4ForCausalLM", dict(LLAMA4, interleave_moe_layer_step=2, attention_chunk_size=7, floor_scale=5, attn_scale=0.3, **rope(5e5)), mlm=False) | dict(build=llama4_model.build),
    "llama4_scout": entry("Llama4TextConfig", "Llama4ForCausalLM", dict(LLAMA4, **rope(5e5, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)), dtype="bfloat16", spec="llama4") | dict(build=llama4_model.build),
    "llama4_plain": entry("Llama4TextConfig", "Llama4ForCausalLM", dict(LLAMA4, use_qk_norm=False, attn_temperature_tuning=False, moe_layers=[1, 2], no_rope_layers=[1] * 4, layer_types=["chunked_attention"] * 4)),
    "nemotron_h": hybrid(dict(HYBRID, layers_block_type=["mamba", "mlp", "mamba", "attention", "mamba", "moe", "mamba", "mlp"], n_groups=4, n_routed_experts=4, moe_intermediate_size=24, moe_shared_expert_intermediate_size=40), prepare=correction, layouts=["dist1", "local_dist", "dist22", "ep2", "te_ep2", "local_ep2"], judged="local_dist"),
    "nemotron_h_latent": hybrid(dict(HYBRID, layers_block_type=["mamba", "moe", "attention", "moe"], n_groups=4, n_routed_experts=4, moe_intermediate_size=24, moe_shared_expert_intermediate_size=40, moe_latent_size=20), prepare=correction, few=True, layouts=["dist1", "local_dist", "dist22", "te_ep2"], judged="local_dist"),
    "nemotron_h_mtp": hybrid(dict(HYBRID, layers_block_type=["mamba", "moe", "attention", "moe"], n_groups=4, n_routed_experts=4, moe_intermediate_size=24, moe_shared_expert_intermediate_size=40, moe_latent_size=20), prepare=correction, few=True, layouts=["dist1", "local_dist", "dist22", "te222", "te_ep2"], judged="local_dist", bridge_names="te222", keys=lambda state: add_hybrid_mtp(nemotron_keys(state)), config_json=lambda config: {**config, "num_nextn_predict_layers": 1}),
    "nemotron_h_dense": hybrid(dict(HYBRID, layers_block_type=["mamba", "mlp", "mamba", "attention"], n_groups=2), dtype="bfloat16", layouts=["dist1", "dist22", "te222"], build_module="mamba"),
} | mamba_models.models(HYBRID_JUDGE) | sparse_models.models(entry, MLA, with_mtp, add_mtp, correction) | mimo_v2.rows(correction)
