"""Tiny models of dense architectures, for architectures.py.

MODELS maps a name to an entry (a dict):
    config      transformers' config class
    model       transformers' model class
    fields      keyword arguments of the config; odd sizes, 2 to 4 layers
    dtype       of the stored tensors: "float32" (the default), "bfloat16"
    shard       largest shard that save_pretrained writes ("1GB" by default)
    class_name  what config.json's "architectures" says, where it differs from `model`
    layouts     names of LAYOUTS in architectures.py that the model is written in (all dense ones by default)
    judge       who builds the model in Megatron and compares logits:
                "core"    megatron-core's GPTModel from the checkpoint's args alone (gpt_model.py)
                "spec"    the same with the layer spec that the conversion report names (examples/megatron/)
                "bridge"  Megatron-Bridge's provider for the class
                None      nobody; `why` says why
    bridge      True: Bridge's import has our keys and bits
    keys        a function(state dict) -> state dict that renames transformers' tensors to the published names, where
                transformers has no class of that name (remote code)
"""


def rope(theta=10000.0, **scaling):
    """Rotary positions as transformers 5 spells them."""
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, **scaling}}


BASE = dict(
    vocab_size=203, hidden_size=48, intermediate_size=88, num_hidden_layers=4, num_attention_heads=6,
    num_key_value_heads=2, max_position_embeddings=96,
)

MODELS = {
    "qwen2": dict(config="Qwen2Config", model="Qwen2ForCausalLM", fields={**BASE, **rope(1e6)}, dtype="bfloat16", judge="core", bridge=True),
    "qwen2_tied_shards": dict(config="Qwen2Config", model="Qwen2ForCausalLM", fields={**BASE, "tie_word_embeddings": True, "num_hidden_layers": 2}, shard="40KB", judge="core", layouts=["dist1"]),
    "qwen3": dict(config="Qwen3Config", model="Qwen3ForCausalLM", fields={**BASE, "head_dim": 16, **rope(1e6)}, dtype="bfloat16", judge="core", bridge=True),
}
