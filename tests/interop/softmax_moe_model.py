# SPDX-License-Identifier: Apache-2.0
"""DeepSeekMoE, whose own code is on the Hub alone, made of transformers' parts: Llama with the experts of DeepSeek-V2, some layers dense.

deepseek-ai/deepseek-moe-16b-base, modeling_deepseek.py: scores are a softmax over all experts, divided by the sum of the chosen ones where
norm_topk_prob says so; shared experts are one MLP. inclusionAI/Ling-lite, modeling_bailing_moe.py, is the same under names of its own."""

import torch
import transformers
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Moe

EXPERTS = dict(routed_scaling_factor=1.0, topk_method="greedy", n_group=None, topk_group=None)


class SoftmaxMoe(DeepseekV2Moe):
    def route_tokens_to_experts(self, router_logits):
        chosen, weights = super().route_tokens_to_experts(router_logits)
        return chosen, weights / weights.sum(-1, keepdim=True) if self.config.norm_topk_prob else weights


class SoftmaxMoeForCausalLM(transformers.LlamaForCausalLM):
    def __init__(self, config):
        super().__init__(config)
        for layer in self.model.layers[config.first_k_dense_replace:]:
            layer.mlp = SoftmaxMoe(config)


CLASSES = {"SoftmaxMoeForCausalLM": SoftmaxMoeForCausalLM}


def separate(state):
    """Experts as modules of their own, as both are published."""
    out = {}
    for key, value in state.items():
        if key.endswith("experts.gate_up_proj"):
            for number, (gate, up) in enumerate(expert.chunk(2) for expert in value):
                prefix = f"{key[: -len('gate_up_proj')]}{number}."
                out[prefix + "gate_proj.weight"], out[prefix + "up_proj.weight"] = gate.contiguous(), up.contiguous()
        elif key.endswith("experts.down_proj"):
            for number, down in enumerate(value):
                out[f"{key[: -len('down_proj')]}{number}.down_proj.weight"] = down.contiguous()
        else:
            out[key] = value
    return out


def bailing_keys(state):
    names = {"model.embed_tokens.": "model.word_embeddings.", "self_attn.o_proj": "attention.dense"}
    state, out = separate(state), {}
    for key, value in state.items():
        if "q_proj" in key:
            layer = key[: -len("self_attn.q_proj.weight")]
            out[layer + "attention.query_key_value.weight"] = torch.cat([state[f"{layer}self_attn.{part}_proj.weight"] for part in "qkv"])
        elif "k_proj" not in key and "v_proj" not in key:
            for ours, theirs in names.items():
                key = key.replace(ours, theirs)
            out[key] = value
    return out


SAME = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "hidden_act", "rms_norm_eps",
        "max_position_embeddings", "initializer_range", "tie_word_embeddings", "attention_dropout", "num_experts_per_tok", "moe_intermediate_size",
        "first_k_dense_replace", "norm_topk_prob")


def deepseek_config(config):
    """configuration_deepseek.py; the last ones are of training and have no effect on the model."""
    return {"architectures": ["DeepseekForCausalLM"], "model_type": "deepseek", **{key: config[key] for key in SAME}, "n_routed_experts": config["n_routed_experts"],
            "n_shared_experts": config["n_shared_experts"], "moe_layer_freq": 1, "scoring_func": "softmax", "rope_theta": 10000.0, "rope_scaling": None,
            "attention_bias": False, "aux_loss_alpha": 0.001, "seq_aux": True, "pretraining_tp": 1, "torch_dtype": "float32"}


def bailing_config(config):
    """configuration_bailing_moe.py."""
    return {"architectures": ["BailingMoeForCausalLM"], "model_type": "bailing_moe", **{key: config[key] for key in SAME}, "num_experts": config["n_routed_experts"],
            "num_shared_experts": config["n_shared_experts"], "head_dim": config["head_dim"], "rope_theta": 10000.0, "rope_scaling": None, "use_bias": False,
            "use_qkv_bias": False, "norm_head": False, "norm_softmax": False, "multi_gate": False, "embedding_dropout": 0.0, "output_dropout": 0.0,
            "output_router_logits": False, "torch_dtype": "float32"}
