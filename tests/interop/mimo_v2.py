# SPDX-License-Identifier: Apache-2.0
"""MiMo-V2-Flash, tiny, for arch_moe.py: of a class that only the newest transformers has (newest_check.py), as that saves it and as it is
published, with prediction blocks (Megatron-Bridge's mimo_v2_flash_bridge.py has their names)."""

import torch

FIELDS = dict(vocab_size=203, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=2, head_dim=24, v_head_dim=16,
              max_position_embeddings=96, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=4, sliding_window=5, bos_token_id=None)
SAVED = dict(FIELDS, layer_types=["full_attention", "sliding_attention", "sliding_attention", "full_attention"], mlp_layer_types=["dense", "sparse", "dense", "sparse"],
             n_group=4, topk_group=2, routed_scaling_factor=2.5, attention_value_scale=0.6, rms_norm_eps=1e-3,
             rope_parameters={kind: {"rope_type": "default", "rope_theta": theta, "partial_rotary_factor": 0.5} for kind, theta in (("full_attention", 2e6), ("sliding_attention", 500.0))})


def keys(state):
    """With two blocks: a window's attention, a dense MLP behind a norm of another name."""
    generator = torch.Generator().manual_seed(9)

    def random(value):
        return (0.2 * torch.randn(value.shape, generator=generator)).to(value.dtype)

    out = {key.replace(".self_attn.sinks", ".self_attn.attention_sink_bias"): value for key, value in state.items()}
    parts = {"model.layers.1.self_attn.": "self_attn.", "model.layers.1.input_layernorm.": "input_layernorm.",
             "model.layers.0.post_attention_layernorm.": "pre_mlp_layernorm.", "model.layers.0.mlp.": "mlp."}
    hidden = state["model.norm.weight"]
    for block in ("model.mtp.layers.0.", "model.mtp.layers.1."):
        new = {theirs + key[len(ours):]: value for key, value in out.items() for ours, theirs in parts.items() if key.startswith(ours)}
        for name in ("enorm", "hnorm", "final_layernorm"):
            new[name + ".weight"] = hidden
        new["eh_proj.weight"] = torch.cat([hidden[:, None]] * (2 * len(hidden)), 1)
        out.update({block + key: random(value) for key, value in new.items()})
    return out


def published(config):
    """By the names of the model's own code alone (tests/configs/mimo-v2-flash.json)."""
    words = ("rope_parameters", "rms_norm_eps", "layer_types", "mlp_layer_types", "output_router_logits")
    full, window = config["rope_parameters"]["full_attention"], config["rope_parameters"]["sliding_attention"]
    heads, before = config["num_key_value_heads"], config["sliding_window"] - 1
    return {**{key: value for key, value in config.items() if key not in words}, "sliding_window": before, "sliding_window_size": before, "attention_chunk_size": before,
            "hybrid_layer_pattern": [int(kind == "sliding_attention") for kind in config["layer_types"]], "moe_layer_freq": [int(kind == "sparse") for kind in config["mlp_layer_types"]],
            "rope_theta": full["rope_theta"], "swa_rope_theta": window["rope_theta"], "partial_rotary_factor": full["partial_rotary_factor"],
            "layernorm_epsilon": config["rms_norm_eps"], "swa_num_attention_heads": config["num_attention_heads"], "swa_num_key_value_heads": 2 * heads,
            "swa_head_dim": config["head_dim"], "swa_v_head_dim": config["v_head_dim"], "add_swa_attention_sink_bias": True, "add_full_attention_sink_bias": False,
            "scoring_func": "sigmoid", "topk_method": "noaux_tc", "n_shared_experts": None, "routed_scaling_factor": None}


def rows(correction):
    """What is published says nothing that is not transformers' default, which it takes where it does not know a key."""
    both = dict(newest=True, config="MiMoV2FlashConfig", model="MiMoV2FlashForCausalLM", prepare=correction, mlm=False, layouts=["dist1", "local_dist", "dist22", "te_ep2", "local_ep2"])
    return {"mimo_v2_flash": dict(both, fields=SAVED, dtype="bfloat16"),
            "mimo_v2_flash_mtp": dict(both, fields=FIELDS, keys=keys, config_json=published, judge="bridge", bridge=True)}
