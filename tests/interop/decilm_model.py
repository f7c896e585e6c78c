# SPDX-License-Identifier: Apache-2.0
"""DeciLM (Llama-Nemotron Super and Ultra), whose own code is on the Hub alone, made of Llama's parts.

nvidia/Llama-3_3-Nemotron-Super-49B-v1, modeling_decilm.py, as NVIDIA-NeMo/Automodel has it:
a layer's attention and MLP are Llama's at the block's own size, or missing with their norms, or one linear layer."""

import copy

import torch
import transformers
from transformers.models.llama import modeling_llama


class LinearAttention(torch.nn.Module):
    """DeciLMLinearAttention."""

    def __init__(self, config):
        super().__init__()
        self.linear_attn = torch.nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, hidden):
        return self.linear_attn(hidden)


class LinearMlp(torch.nn.Module):
    """DeciLMLinearMLP."""

    def __init__(self, config):
        super().__init__()
        self.linear_mlp = torch.nn.Linear(config.hidden_size, config.hidden_size, bias=False)

    def forward(self, hidden):
        return self.linear_mlp(hidden)


def ffn_size(mult, hidden):
    """_ffn_mult_to_intermediate_size: up to a multiple of 256."""
    return -(-int(2 * mult * hidden / 3) // 256) * 256


class Layer(modeling_llama.LlamaDecoderLayer):
    def __init__(self, config, number):
        block = config.block_configs[number]
        attention, ffn = block["attention"], block["ffn"]
        mine = copy.deepcopy(config)
        if attention["n_heads_in_group"]:
            mine.num_key_value_heads = config.num_attention_heads // attention["n_heads_in_group"]
        if ffn["ffn_mult"]:
            mine.intermediate_size = ffn_size(ffn["ffn_mult"], config.hidden_size)
        super().__init__(mine, number)
        if attention["replace_with_linear"]:
            self.self_attn = LinearAttention(config)
        if ffn["replace_with_linear"]:
            self.mlp = LinearMlp(config)
        if attention["no_op"]:
            self.self_attn = self.input_layernorm = None
        if ffn["no_op"]:
            self.mlp = self.post_attention_layernorm = None

    def forward(self, hidden_states, **kwargs):
        if isinstance(self.self_attn, LinearAttention):
            hidden_states = hidden_states + self.self_attn(self.input_layernorm(hidden_states))
        elif self.self_attn is not None:
            hidden_states = hidden_states + self.self_attn(hidden_states=self.input_layernorm(hidden_states), **kwargs)[0]
        if self.mlp is not None:
            hidden_states = hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))
        return hidden_states


class BlocksForCausalLM(transformers.LlamaForCausalLM):
    def __init__(self, config):
        super().__init__(config)
        self.model.layers = torch.nn.ModuleList(Layer(config, number) for number in range(config.num_hidden_layers))


CLASSES = {"BlocksForCausalLM": BlocksForCausalLM}


def block(heads=None, mult=None, linear_attention=False, linear_mlp=False):
    """An entry of block_configs as it is published; neither a size nor a linear layer: no such block."""
    return {"attention": {"n_heads_in_group": heads, "no_op": heads is None and not linear_attention, "num_sink_tokens": None, "replace_with_linear": linear_attention,
                          "sparsify": None, "unshifted_sink": False, "use_prefill_window_in_sink_attention": False, "window_length": None},
            "ffn": {"ffn_mult": mult, "no_op": mult is None and not linear_mlp, "replace_with_linear": linear_mlp, "sparsify": None}}


SAME = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "hidden_act", "rms_norm_eps", "max_position_embeddings", "initializer_range",
        "tie_word_embeddings", "attention_dropout", "attention_bias", "mlp_bias", "block_configs")


def decilm_config(config):
    """config.json as nvidia/Llama-3_3-Nemotron-Super-49B-v1 has it."""
    rope = dict(config["rope_parameters"])
    return {"architectures": ["DeciLMForCausalLM"], "model_type": "nemotron-nas", "torch_dtype": config["dtype"], "intermediate_size": None, "num_key_value_heads": None,
            "auto_map": {"AutoConfig": "configuration_decilm.DeciLMConfig", "AutoModelForCausalLM": "modeling_decilm.DeciLMForCausalLM"},
            "rope_theta": rope.pop("rope_theta"), "rope_scaling": rope if rope["rope_type"] != "default" else None, **{key: config[key] for key in SAME}}
