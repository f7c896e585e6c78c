# SPDX-License-Identifier: Apache-2.0
"""What transformers and Megatron-Bridge say of the same models: python published_facts.py < CASES.json > FACTS.json, called by
record.py. transformers: config.json, tensors and their shapes. Bridge: the model's section of run_config.yaml."""

import functools
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "interop")]
OUT = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

import bridge_shim
import decilm_model
import shim
import torch
import transformers
from megatron.bridge.models.gpt_provider import GPTModelProvider
from megatron.bridge.training.utils.config_utils import _ConfigContainerBase

# The stand-ins for functions go by the names of what they stand for.
bridge_shim._local_block_spec.__module__ = "megatron.core.models.gpt.gpt_layer_specs"
bridge_shim._local_block_spec.__qualname__ = "get_gpt_decoder_block_spec"
variant_spec = bridge_shim.sparse_attention.local_block_spec
variant_spec.__module__ = "megatron.core.models.gpt.experimental_attention_variant_module_specs"
variant_spec.__qualname__ = "get_transformer_block_with_experimental_attention_variant_spec"


def published(case):
    """config.json as a model page has it, and {tensor: shape}."""
    config_class, model_class, fields = case["hf"]
    config = getattr(transformers, config_class)(**fields)
    with torch.device("meta"):
        model = (decilm_model.CLASSES.get(model_class) or getattr(transformers, model_class))._from_config(config)
    class_name, model_type = case.get("published", (model_class, config.model_type))
    folder_config = {"architectures": [class_name], "model_type": model_type, **fields}
    tensors = {name: list(value.shape) for name, value in as_saved(model, config).items()}
    if case.get("mtp") == "hybrid":
        add_hybrid_block(folder_config, tensors, config.hidden_size)
    elif case.get("mtp"):
        add_prediction_block(folder_config, tensors, config)
    return {"config": folder_config, "tensors": tensors}, config


def as_saved(model, config):
    """The published names: save_pretrained takes apart what transformers 5 keeps together in memory."""
    from transformers.core_model_loading import revert_weight_conversion

    state = revert_weight_conversion(model, model.state_dict())
    # nvidia's published models (NVIDIA-Nemotron-Nano-9B-v2) have another name for it than transformers.
    state = {name.replace("backbone.embedding.", "backbone.embeddings."): value for name, value in state.items()}
    if config.tie_word_embeddings:
        state = {name: value for name, value in state.items() if name != "lm_head.weight"}
    return state


def add_prediction_block(config, tensors, model_config):
    """DeepSeek-V3's: transformers does not know it."""
    config["num_nextn_predict_layers"] = 1
    layers, hidden, vocabulary = model_config.num_hidden_layers, model_config.hidden_size, model_config.vocab_size
    last, new = f"model.layers.{layers - 1}.", f"model.layers.{layers}."
    tensors.update({new + name[len(last):]: shape for name, shape in list(tensors.items()) if name.startswith(last)})
    tensors.update({new + name + ".weight": [hidden] for name in ("enorm", "hnorm", "shared_head.norm")})
    tensors.update({new + "eh_proj.weight": [hidden, 2 * hidden], new + "embed_tokens.weight": [vocabulary, hidden], new + "shared_head.head.weight": [vocabulary, hidden]})


def add_hybrid_block(config, tensors, hidden):
    """Nemotron 3's, of an attention and a layer of experts: names of Megatron-Bridge's nemotron_h_bridge.py."""
    config["num_nextn_predict_layers"] = 1
    for number, kind in enumerate(("attention", "moe")):
        like, new = f"backbone.layers.{config['layers_block_type'].index(kind)}.", f"mtp.layers.{number}."
        tensors.update({new + name[len(like):]: shape for name, shape in list(tensors.items()) if name.startswith(like)})
    tensors.update({f"mtp.layers.{name}.weight": [hidden] for name in ("0.enorm", "0.hnorm", "1.final_layernorm")})
    tensors["mtp.layers.0.eh_proj.weight"] = [hidden, 2 * hidden]


def sections(value):
    """A config of Bridge's as its run_config.yaml has it."""

    def name(one):
        if isinstance(one, functools.partial):
            return {"_target_": name(one.func), "_partial_": True, **one.keywords}
        return f"{one.__module__}.{one.__qualname__}" if callable(one) else str(one)

    return json.loads(json.dumps(_ConfigContainerBase._convert_value_to_dict(value), default=name))


def bridged(model_config, model_class):
    model_config.architectures = [model_class]
    provider = bridge_shim.AutoBridge.from_hf_config(model_config).to_megatron_provider(load_weights=False)
    return sections(provider)


def main():
    cases, _ = json.load(sys.stdin)
    facts = {}
    with shim.CudaToCpu():
        plain = sections(GPTModelProvider(num_layers=1, hidden_size=1, num_attention_heads=1))
        for name, case in cases.items():
            facts[name] = {}
            facts[name]["hf"], model_config = published(case)
            if case.get("bridge"):
                provider = bridged(model_config, case["hf"][1])
                facts[name]["run_config"] = {key: value for key, value in provider.items() if key not in plain or plain[key] != value}
    json.dump({"provider_defaults": plain, "cases": facts, "versions": shim.versions()}, OUT)


if __name__ == "__main__":
    main()
