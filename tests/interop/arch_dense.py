# SPDX-License-Identifier: Apache-2.0
"""Tiny models of dense architectures, for architectures.py.

MODELS maps a name to an entry (a dict):
    config      transformers' config class
    model       transformers' model class
    fields      keyword arguments of the config; odd sizes, 2 to 4 layers
    dtype       of the stored tensors: "float32" (the default), "bfloat16"
    shard       largest shard that save_pretrained writes ("1GB" by default)
    class_name  what config.json's "architectures" says, where it differs from `model`
    layouts     names of LAYOUTS in architectures.py that the model is written in (all dense ones by default)
    few         True: it differs from another row by little, and logits_check.py tries it in few layouts
    slow        True: by so little that architectures.py has it with --slow alone, and limits_check.py when it is named
    twin        True: another class builds the same function, so mhub's manifest or --hf-class has to name this one
    judge       who builds the model in Megatron and compares logits:
                "core"    megatron-core's GPTModel from the checkpoint's args alone (gpt_model.py)
                "spec"    the same with the layer spec that the conversion report names (examples/megatron/)
                "bridge"  Megatron-Bridge's provider for the class
                None      nobody; absent_judges.json says why, under "logits of <name>" or what `absent` says
    spec        with "spec": a module of examples/megatron
    mlm         False: Megatron-LM's arguments cannot say it (`mhub convert` notes why), so its own path is not tried
    build       with "core" and "spec": builds the model, as gpt_model.build
    build_module  the module whose `build` that is, where it can build one of two tensor-parallel ranks
    repeats     endings of names of tensors that repeat another one
    judged      the layout whose folder megatron-core loads ("dist1" by default)
    bridge_logits  True: Megatron-Bridge's provider is asked for logits too
    bridge      True: Bridge's import has our keys and bits
    unread      with it: the ending of keys whose bits nobody reads, and Bridge has others
Where transformers has no class of that name (remote code), a class with the same function stands in:
    keys        a function(state dict) -> state dict with the published names
    config_json a function(config.json) -> the published config.json
    compute     changes the loaded model before its logits are taken
"""

import copy

import torch
from decilm_model import block, decilm_config
from moe_model import build_plain


def rope(theta=10000.0, **scaling):
    """Rotary positions as transformers 5 spells them."""
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, **scaling}}


BASE = dict(
    vocab_size=203, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=6,
    num_key_value_heads=2, max_position_embeddings=96,
)

HEADS = {key: value for key, value in BASE.items() if key != "num_key_value_heads"}
FALCON = dict(vocab_size=203, hidden_size=48, ffn_hidden_size=88, num_hidden_layers=4, num_attention_heads=6)


def internlm2_keys(state):
    """internlm/internlm2-7b, modeling_internlm2.py: wqkv holds, per query group, its queries, its key, its value."""
    names = {"embed_tokens": "tok_embeddings", "lm_head": "output", "self_attn.o_proj": "attention.wo", "mlp.gate_proj": "feed_forward.w1",
             "mlp.up_proj": "feed_forward.w3", "mlp.down_proj": "feed_forward.w2", "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm"}
    out = {}
    for key, value in state.items():
        if "k_proj" in key or "v_proj" in key:
            continue
        if "q_proj" in key:
            q, k, v = (state[key.replace("q_proj", name)] for name in ("q_proj", "k_proj", "v_proj"))
            dim = BASE["hidden_size"] // BASE["num_attention_heads"]
            groups = len(k) // dim
            parts = [part.view(groups, -1, dim, part.shape[-1]) for part in (q, k, v)]
            key, value = key.replace("self_attn.q_proj", "attention.wqkv"), torch.cat(parts, dim=1).flatten(0, 2)
        for ours, theirs in names.items():
            key = key.replace(ours, theirs)
        out[key] = value.contiguous()
    return out


def internlm2_config(config):
    wanted = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
              "max_position_embeddings", "rms_norm_eps", "hidden_act", "initializer_range", "tie_word_embeddings")
    return {"architectures": ["InternLM2ForCausalLM"], "model_type": "internlm2", "bias": False, "rope_theta": 10000.0,
            "torch_dtype": "float32", **{key: config[key] for key in wanted}}


def baichuan_keys(state):
    out = {}
    for key, value in state.items():
        if "k_proj" in key or "v_proj" in key:
            continue
        if "q_proj" in key:
            value = torch.cat([state[key.replace("q_proj", name)] for name in ("q_proj", "k_proj", "v_proj")])
            key = key.replace("q_proj", "W_pack")
        out[key] = value
    return out


def baichuan_config(config):
    wanted = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings",
              "rms_norm_eps", "hidden_act", "initializer_range", "tie_word_embeddings")
    return {"architectures": ["BaichuanForCausalLM"], "model_type": "baichuan", "torch_dtype": "float32", **{key: config[key] for key in wanted}}


def normalize_head(model):
    """baichuan-inc/Baichuan2-7B-Base, modeling_baichuan.py, NormHead."""
    model.lm_head.weight.data = torch.nn.functional.normalize(model.lm_head.weight.data)


def as_it_is(values):
    return values


def internlm3_config(config):
    wanted = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim",
              "max_position_embeddings", "rms_norm_eps", "hidden_act", "initializer_range", "tie_word_embeddings")
    return {"architectures": ["InternLM3ForCausalLM"], "model_type": "internlm3", "bias": False, "qkv_bias": False, "rope_theta": 10000.0,
            "torch_dtype": "float32", **{key: config[key] for key in wanted}}


def mimo_keys(state):
    """XiaomiMiMo/MiMo-7B-Base, modeling_mimo.py: a prediction block like Qwen2's layers, its projection of [hidden state; embedding]."""
    generator = torch.Generator().manual_seed(9)
    last, new = f"model.layers.{BASE['num_hidden_layers'] - 1}.", "model.mtp_layers.0."
    block = {new + key[len(last):]: value for key, value in state.items() if key.startswith(last)}
    width = len(state["model.norm.weight"])
    block |= {new + name + ".weight": torch.ones(width) for name in ("token_layernorm", "hidden_layernorm", "final_layernorm")}
    block[new + "input_proj.weight"] = torch.ones(width, 2 * width)
    kind = state["model.norm.weight"].dtype
    return state | {key: (0.2 * torch.randn(value.shape, generator=generator)).to(kind) for key, value in block.items()}


def mimo_config(config):
    return {**config, "architectures": ["MiMoForCausalLM"], "model_type": "mimo", "num_nextn_predict_layers": 1, "attention_bias": True}


LLAMA3 = rope(5e5, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
DECILM = dict(config="LlamaConfig", model="BlocksForCausalLM", class_name="DeciLMForCausalLM", keys=as_it_is, config_json=decilm_config, judge="core")


def unscaled_windows(model):
    """OLMo 3 scales positions in layers without a window only; transformers 5.12 does in all of them (its pull request 45945)."""
    plain = copy.deepcopy(model.config)
    plain.rope_parameters = {"rope_type": "default", "rope_theta": model.config.rope_parameters["rope_theta"]}
    rotary = type(model.model.rotary_emb)(plain)

    def plainly(_module, args, kwargs):
        return args, {**kwargs, "position_embeddings": rotary(kwargs["hidden_states"], kwargs["position_ids"])}

    for layer, kind in zip(model.model.layers, model.config.layer_types):
        if kind == "sliding_attention":
            layer.self_attn.register_forward_pre_hook(plainly, with_kwargs=True)


def scalars(model):
    """Gemma 4's number behind each layer, which is a buffer."""
    for number, layer in enumerate(model.model.layers):
        layer.layer_scalar.fill_(0.75 + 0.125 * number)


# Bridge's import does not pad the vocabulary of this one.
GEMMA4 = {**BASE, "vocab_size": 256, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 16, "global_head_dim": 32, "num_global_key_value_heads": 2,
          "attention_k_eq_v": True, "sliding_window": 5, "hidden_size_per_layer_input": 0, "final_logit_softcapping": 3.0,
          "layer_types": ["sliding_attention", "sliding_attention", "full_attention", "full_attention"]}

# Bridge multiplies by the number of global key heads where there are no keys; nothing else reads it.
GEMMA4_SMALL = {**GEMMA4, "num_hidden_layers": 8, "num_key_value_heads": 2, "attention_k_eq_v": False, "num_global_key_value_heads": 2, "hidden_size_per_layer_input": 12,
                "vocab_size_per_layer_input": 256, "num_kv_shared_layers": 4, "use_double_wide_mlp": True,
                "layer_types": ["sliding_attention", "full_attention"] * 4}


def unread_keys(state):
    """Of layers that share keys (transformers' _keys_to_ignore_on_load_unexpected)."""
    generator = torch.Generator().manual_seed(10)
    out = dict(state)
    for layer, like in ((4, 2), (5, 3), (6, 2), (7, 3)):
        for part in ("k_proj", "v_proj", "k_norm"):
            value = state[f"model.layers.{like}.self_attn.{part}.weight"]
            out[f"model.layers.{layer}.self_attn.{part}.weight"] = (0.2 * torch.randn(value.shape, generator=generator)).to(value.dtype)
    return out


MODELS = {
    "gpt2": dict(config="GPT2Config", model="GPT2LMHeadModel", fields=dict(vocab_size=203, n_embd=48, n_layer=4, n_head=6, n_inner=88, n_positions=96), judge="core"),
    "llama": dict(config="LlamaConfig", model="LlamaForCausalLM", fields={**BASE, "head_dim": 16, **rope(5e5)}, dtype="bfloat16", judge="core", bridge=True),
    "llama_tied_bias": dict(config="LlamaConfig", model="LlamaForCausalLM", fields={**BASE, "tie_word_embeddings": True, "attention_bias": True, "mlp_bias": True}, judge="core", layouts=["dist1", "dist22"]),
    "llama_swish": dict(config="LlamaConfig", model="LlamaForCausalLM", fields={**BASE, "hidden_act": "swish"}, judge="core", layouts=["dist1"]),
    "qwen2": dict(config="Qwen2Config", model="Qwen2ForCausalLM", fields={**BASE, **rope(1e6)}, dtype="bfloat16", judge="core", bridge=True),
    "qwen2_shards": dict(config="Qwen2Config", model="Qwen2ForCausalLM", fields={**BASE, "tie_word_embeddings": True, "num_hidden_layers": 2}, shard="40KB", judge="core", layouts=["dist1"]),
    "qwen2_window": dict(config="Qwen2Config", model="Qwen2ForCausalLM", fields={**BASE, "use_sliding_window": True, "sliding_window": 5, "max_window_layers": 2}, judge="core", layouts=["dist1"]),
    "qwen3": dict(config="Qwen3Config", model="Qwen3ForCausalLM", fields={**BASE, "head_dim": 16, **rope(1e6)}, dtype="bfloat16", judge="core", bridge=True),
    "gemma": dict(config="GemmaConfig", model="GemmaForCausalLM", fields={**BASE, "head_dim": 16}, judge="spec", spec="gemma", bridge=True),
    "gemma2": dict(config="Gemma2Config", model="Gemma2ForCausalLM", fields={**BASE, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 5}, judge="spec", spec="gemma2", bridge_logits=True, bridge=True),
    "gemma3": dict(config="Gemma3TextConfig", model="Gemma3ForCausalLM", fields={**BASE, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 5, "layer_types": ["sliding_attention", "full_attention"] * 2}, dtype="bfloat16", judge="spec", spec="gemma3", bridge_logits=True, bridge=True),
    # Bridge makes its own modules and one stage of them, and computes in bfloat16 what its import reads (Gemma4DenseProvider)
    "gemma4": dict(config="Gemma4TextConfig", model="Gemma4ForCausalLM", fields=GEMMA4, dtype="bfloat16", prepare=scalars, judge="bridge", bridge=True, mlm=False),
    "gemma4_values": dict(config="Gemma4TextConfig", model="Gemma4ForCausalLM", fields={**GEMMA4, "attention_k_eq_v": False, "num_global_key_value_heads": None, "num_key_value_heads": 2}, prepare=scalars, judge="bridge", mlm=False, layouts=["dist1", "te222"]),
    # As E2B: embeddings for each layer, keys and values shared, wide MLPs. Bridge leaves key norms that nobody reads as they are made.
    "gemma4_small": dict(config="Gemma4TextConfig", model="Gemma4ForCausalLM", fields=GEMMA4_SMALL, dtype="bfloat16", prepare=scalars, judge="bridge", bridge=True, unread="k_layernorm.weight", mlm=False),
    # As published, where layers that share keys have projections that nobody reads.
    "gemma4_small_stored": dict(config="Gemma4TextConfig", model="Gemma4ForCausalLM", fields={**GEMMA4_SMALL, "num_global_key_value_heads": None}, dtype="bfloat16", prepare=scalars, keys=unread_keys, config_json=lambda config: config, judge="bridge", bridge=True, mlm=False, layouts=["dist1", "te222", "local2"]),
    # transformers reads the cap and never applies it
    "gemma3_capped": dict(config="Gemma3TextConfig", model="Gemma3ForCausalLM", fields={**BASE, "head_dim": 16, "query_pre_attn_scalar": 24, "sliding_window": 5, "attn_logit_softcapping": 0.5, "layer_types": ["sliding_attention", "full_attention"] * 2}, dtype="bfloat16", judge="spec", spec="gemma3"),
    "phi3": dict(twin=True, config="Phi3Config", model="Phi3ForCausalLM", fields={**BASE, "pad_token_id": 0, "sliding_window": 5}, judge="core"),
    "phi3_longrope": dict(config="Phi3Config", model="Phi3ForCausalLM", fields={**BASE, "pad_token_id": 0, "original_max_position_embeddings": 48, **rope(1e4, rope_type="longrope", partial_rotary_factor=0.75, short_factor=[1.0, 1.1, 1.3], long_factor=[1.5, 2.0, 4.0])}, layouts=["dist1"]),
    "mistral": dict(config="MistralConfig", model="MistralForCausalLM", fields={**BASE, "sliding_window": 5, "head_dim": 16}, judge="core", bridge=True),
    "ministral": dict(config="MinistralConfig", model="MinistralForCausalLM", fields={**BASE, "head_dim": 16, "sliding_window": 5, "layer_types": ["full_attention"] + ["sliding_attention"] * 3}, judge="core"),
    "ministral3": dict(config="Ministral3Config", model="Ministral3ForCausalLM", fields={**BASE, "head_dim": 16, **rope(1e6, rope_type="yarn", factor=4.0, original_max_position_embeddings=24, mscale=1.0, mscale_all_dim=1.0, beta_fast=4.0, beta_slow=1.0, llama_4_scaling_beta=0.1)}, judge="core"),
    "gpt_neox": dict(config="GPTNeoXConfig", model="GPTNeoXForCausalLM", fields={**HEADS, **rope(1e4, partial_rotary_factor=0.5)}, judge="spec", spec="gpt_neox"),
    "gpt_neox_sequential": dict(config="GPTNeoXConfig", model="GPTNeoXForCausalLM", fields={**HEADS, "use_parallel_residual": False, **rope(1e4, partial_rotary_factor=0.25)}, judge="core", layouts=["dist1"]),
    "phi": dict(config="PhiConfig", model="PhiForCausalLM", fields={**BASE, **rope(1e4, partial_rotary_factor=0.5)}, dtype="float16", judge="spec", spec="phi"),
    "phi_qk": dict(config="PhiConfig", model="PhiForCausalLM", fields={**BASE, "qk_layernorm": True, **rope(1e4, partial_rotary_factor=0.5)}, layouts=["dist1", "te222"]),
    "starcoder2": dict(config="Starcoder2Config", model="Starcoder2ForCausalLM", fields={**BASE, "sliding_window": 5}, judge="core"),
    "olmo2": dict(config="Olmo2Config", model="Olmo2ForCausalLM", fields={**BASE, "pad_token_id": None}, judge="spec", spec="olmo2"),
    "glm": dict(config="GlmConfig", model="GlmForCausalLM", fields={**BASE, "head_dim": 16, "pad_token_id": None, **rope(1e4, partial_rotary_factor=0.5)}, judge="core"),
    "glm4": dict(config="Glm4Config", model="Glm4ForCausalLM", fields={**BASE, "head_dim": 16, "pad_token_id": None, **rope(1e4, partial_rotary_factor=0.5)}, judge="spec", spec="glm4"),
    "nemotron": dict(config="NemotronConfig", model="NemotronForCausalLM", fields={**BASE, **rope(1e4, partial_rotary_factor=0.5)}, judge="core", bridge=True),
    "granite": dict(config="GraniteConfig", model="GraniteForCausalLM", fields={**BASE, "embedding_multiplier": 12.0, "residual_multiplier": 0.22, "attention_multiplier": 0.3, "logits_scaling": 8.0}, judge="spec", spec="granite"),
    "cohere": dict(config="CohereConfig", model="CohereForCausalLM", fields={**BASE, "logit_scale": 0.25}, judge="spec", spec="cohere"),
    "cohere2": dict(config="Cohere2Config", model="Cohere2ForCausalLM", fields={**BASE, "logit_scale": 0.25, "sliding_window": 5}, judge="spec", spec="cohere"),
    "falcon_7b": dict(config="FalconConfig", model="FalconForCausalLM", fields={**FALCON, "multi_query": True}, judge="spec", spec="falcon", layouts=["dist1"]),
    "falcon_40b": dict(config="FalconConfig", model="FalconForCausalLM", fields={**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2}, judge="spec", spec="gpt_neox"),
    "falcon_11b": dict(config="FalconConfig", model="FalconForCausalLM", fields={**FALCON, "new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1, "tie_word_embeddings": False}, judge="spec", spec="falcon"),
    "falcon_bias": dict(config="FalconConfig", model="FalconForCausalLM", fields={**FALCON, "multi_query": False, "parallel_attn": False, "bias": True}, judge="core", layouts=["dist1"]),
    "internlm2": dict(config="LlamaConfig", model="LlamaForCausalLM", class_name="InternLM2ForCausalLM", twin=True, fields=BASE, judge="core", keys=internlm2_keys, config_json=internlm2_config),
    "smollm3": dict(few=True, config="SmolLM3Config", model="SmolLM3ForCausalLM", fields={**BASE, "pad_token_id": 0}, judge="core", layouts=["dist1", "dist22", "te222"]),
    "seed_oss": dict(few=True, slow=True, config="SeedOssConfig", model="SeedOssForCausalLM", twin=True, fields={**BASE, "head_dim": 16, "pad_token_id": 0}, judge="core", layouts=["dist1", "te222"]),
    "arcee": dict(few=True, config="ArceeConfig", model="ArceeForCausalLM", fields=BASE, judge="core", layouts=["dist1", "dist22", "local2"]),
    "cwm": dict(few=True, slow=True, config="CwmConfig", model="CwmForCausalLM", twin=True, mlm=False, fields={**BASE, "head_dim": 16, "sliding_window": 5}, dtype="bfloat16", judge="core", layouts=["dist1", "te222"]),
    "ernie4_5": dict(few=True, config="Ernie4_5Config", model="Ernie4_5ForCausalLM", fields={**BASE, "head_dim": 16, "pad_token_id": 0}, dtype="bfloat16", judge="core", layouts=["dist1", "te222"]),
    "olmo3": dict(few=True, config="Olmo3Config", model="Olmo3ForCausalLM", fields={**BASE, "pad_token_id": 0, "sliding_window": 5}, judge="spec", spec="olmo2", layouts=["dist1", "dist22", "te222"]),
    "olmo3_yarn": dict(few=True, config="Olmo3Config", model="Olmo3ForCausalLM", class_name="Olmo3ForCausalLM", compute=unscaled_windows, fields={**BASE, "pad_token_id": 0, "sliding_window": 5, **rope(5e5, rope_type="yarn", factor=8.0, original_max_position_embeddings=12, attention_factor=1.2079441541679836, beta_fast=32.0, beta_slow=1.0)}, judge="spec", spec="olmo3", layouts=["dist1"]),
    "exaone4": dict(few=True, config="Exaone4Config", model="Exaone4ForCausalLM", fields={**BASE, "head_dim": 16, "tie_word_embeddings": True, "sliding_window": 5}, judge="spec", spec="exaone4", bridge=True, layouts=["dist1", "dist22", "te222"]),
    "exaone4_full": dict(few=True, slow=True, config="Exaone4Config", model="Exaone4ForCausalLM", fields={**BASE, "sliding_window": None, "layer_types": ["full_attention"] * 4}, judge="spec", spec="exaone4", layouts=["dist1"]),
    "apertus": dict(few=True, config="ApertusConfig", model="ApertusForCausalLM", fields={**BASE, "pad_token_id": 0}, dtype="bfloat16", judge="spec", spec="apertus", layouts=["dist1", "dist22", "te222", "local2"]),
    "hunyuan": dict(few=True, config="HunYuanDenseV1Config", model="HunYuanDenseV1ForCausalLM", fields={**BASE, "head_dim": 16, **rope(1e4, rope_type="dynamic", alpha=50.0, factor=1.0)}, judge="spec", spec="hunyuan", layouts=["dist1", "dist22", "te222"]),
    "cohere_qk": dict(few=True, config="CohereConfig", model="CohereForCausalLM", fields={**BASE, "logit_scale": 0.25, "use_qk_norm": True}, judge="spec", spec="command_r_plus", layouts=["dist1", "dist22", "te222"]),
    "internlm3": dict(few=True, slow=True, config="LlamaConfig", model="LlamaForCausalLM", class_name="InternLM3ForCausalLM", twin=True, fields={**BASE, "head_dim": 16}, judge="core", keys=as_it_is, config_json=internlm3_config, layouts=["dist1"]),
    "mimo": dict(few=True, config="Qwen2Config", model="Qwen2ForCausalLM", class_name="MiMoForCausalLM", fields={**BASE, "head_dim": 16}, judge="core", build=build_plain, keys=mimo_keys, config_json=mimo_config, bridge=True, layouts=["dist1", "dist22", "te222", "local_dist"], judged="local_dist"),
    "decilm": dict(**DECILM, fields={**BASE, **LLAMA3, "block_configs": [block(3, 8.0), block(None, 16.0), block(3), block(3, 16.0)]}, dtype="bfloat16", bridge=True, bridge_logits=True),
    # Megatron-Bridge has no names for a linear layer in a block's place. A stage ends with a layer without tensors.
    "decilm_linear": dict(**DECILM, fields={**BASE, **LLAMA3, "block_configs": [block(3, 8.0), block(), block(None, 8.0, linear_attention=True), block(3, linear_mlp=True)]}, bridge_logits=True),
    # Of DeciLM 7B numbers of query groups differ, which Megatron-LM's arguments cannot say.
    "decilm_groups": dict(**DECILM, mlm=False, fields={**BASE, "block_configs": [block(3, 8.0), block(1, 8.0), block(6, 8.0), block(3, 8.0)]}, layouts=["dist1", "dist22", "te222"], bridge=True),
    "baichuan2": dict(config="LlamaConfig", model="LlamaForCausalLM", class_name="BaichuanForCausalLM", fields=HEADS, judge="spec", spec="baichuan", keys=baichuan_keys, config_json=baichuan_config, compute=normalize_head),
}
