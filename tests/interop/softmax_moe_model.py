# SPDX-License-Identifier: Apache-2.0
"""DeepSeekMoE, whose own code is on the Hub alone, made of transformers' parts: Llama with the experts of DeepSeek-V2, some layers dense.

deepseek-ai/deepseek-moe-16b-base, modeling_deepseek.py: scores are a softmax over all experts, divided by the sum of the chosen ones where
norm_topk_prob says so; shared experts are one MLP. inclusionAI/Ling-lite, modeling_bailing_moe.py, is the same under names of its own."""

import glob
import json
import os
import re

import torch
import transformers
from safetensors.torch import load_file
from transformers.models.deepseek_v2.modeling_deepseek_v2 import DeepseekV2Experts, DeepseekV2MLP

EXPERTS = dict(routed_scaling_factor=1.0)


class Nothing(torch.nn.Module):
    """In the place of shared experts."""

    def forward(self, hidden):
        return torch.zeros_like(hidden)


class SoftmaxMoe(torch.nn.Module):
    """Of DeepSeek-V2's experts and MLPs; how they are chosen changed from one transformers to the next."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.experts = DeepseekV2Experts(config)
        self.gate = torch.nn.Linear(config.hidden_size, config.n_routed_experts, bias=False)
        shared = config.n_shared_experts
        self.shared_experts = DeepseekV2MLP(config, intermediate_size=config.moe_intermediate_size * shared) if shared else Nothing()

    def forward(self, hidden):
        tokens = hidden.view(-1, hidden.shape[-1])
        weights, chosen = self.gate(tokens).softmax(-1, dtype=torch.float32).topk(self.config.num_experts_per_tok, sorted=False)
        if self.config.norm_topk_prob:
            weights = weights / weights.sum(-1, keepdim=True)
        routed = self.experts(tokens, chosen, weights * self.config.routed_scaling_factor)
        return routed.view(hidden.shape) + self.shared_experts(hidden)


class SoftmaxMoeForCausalLM(transformers.LlamaForCausalLM):
    def __init__(self, config):
        config.num_experts = config.n_routed_experts  # which transformers 5.24 reads in DeepseekV2Experts
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


def plain_names(state):
    """The inverse of arch_moe.fused_keys; DeepSeekMoE's names are plain already."""
    names = {"model.word_embeddings.": "model.embed_tokens.", "attention.dense": "self_attn.o_proj", "attention.query_key_value": "self_attn.query_key_value"}
    for key, value in state.items():
        for theirs, ours in names.items():
            key = key.replace(theirs, ours)
        yield key, value


def together(state, config):
    """The state of SoftmaxMoeForCausalLM: q, k and v on their own, the experts of a layer in one tensor."""
    rows = [config.num_attention_heads * config.head_dim] + [config.num_key_value_heads * config.head_dim] * 2
    out, experts = {}, {}
    for key, value in plain_names(state):
        found = re.fullmatch(r"(.*experts)\.(\d+)\.(gate|up|down)_proj\.weight", key)
        if found:
            experts.setdefault(found[1], {})[int(found[2]), found[3]] = value
        elif "query_key_value" in key:
            out |= {key.replace("query_key_value", part + "_proj"): rest for part, rest in zip("qkv", value.split(rows))}
        else:
            out[key] = value
    for front, parts in experts.items():
        count = 1 + max(number for number, _ in parts)
        out[front + ".gate_up_proj"] = torch.stack([torch.cat([parts[k, "gate"], parts[k, "up"]]) for k in range(count)])
        out[front + ".down_proj"] = torch.stack([parts[k, "down"] for k in range(count)])
    return out


def opened(folder):
    """The model of a folder whose class transformers does not have; None for others."""
    published = json.load(open(os.path.join(folder, "config.json")))
    if published["model_type"] not in ("deepseek", "bailing_moe"):
        return None
    names = {"num_experts": "n_routed_experts", "num_shared_experts": "n_shared_experts", "use_qkv_bias": "attention_bias"}
    fields = {names.get(key, key): value for key, value in published.items() if key not in ("architectures", "model_type")}
    config = transformers.LlamaConfig(**{"n_shared_experts": None, "first_k_dense_replace": 0, **EXPERTS, **fields}, attn_implementation="eager")
    model = SoftmaxMoeForCausalLM(config).float().eval()
    state = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        state.update(load_file(path))
    missing, unexpected = model.load_state_dict({key: value.float() for key, value in together(state, config).items()}, strict=False)
    assert not unexpected and all(key.endswith("o_proj.bias") or key == "lm_head.weight" and config.tie_word_embeddings for key in missing), (missing, unexpected)
    for key, value in model.named_parameters():
        if key.endswith("o_proj.bias"):  # Llama has one switch for four biases
            torch.nn.init.zeros_(value)
    return model


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
