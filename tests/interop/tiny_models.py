# SPDX-License-Identifier: Apache-2.0
"""Makes tiny random Hugging Face models: python tiny_models.py OUT. Each has golden.npz beside its weights: ids [2, T]
and transformers' float32 logits [2, T, V]."""

import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

LLAMA = dict(
    vocab_size=256, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=8,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-6,
)
GPT2 = dict(vocab_size=131, n_embd=48, n_layer=4, n_head=4, n_positions=64)


def rope(**scaling):
    """Rotary scaling in the spelling of the installed transformers."""
    if int(transformers.__version__.split(".")[0]) >= 5:
        return {"rope_parameters": {"rope_theta": 500000.0, **scaling}}
    return {"rope_theta": 500000.0, "rope_scaling": scaling}


# name: (config class, model class, config, dtype, largest shard)
MODELS = {
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", GPT2, "float32", "1GB"),
    "gpt2_inner": ("GPT2Config", "GPT2LMHeadModel", {**GPT2, "n_inner": 80, "n_layer": 2}, "bfloat16", "1GB"),
    "gpt2_untied": ("GPT2Config", "GPT2LMHeadModel", {**GPT2, "tie_word_embeddings": False}, "float32", "60KB"),
    "llama_gqa": ("LlamaConfig", "LlamaForCausalLM", LLAMA, "bfloat16", "1GB"),
    "llama_mha_shards": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "num_key_value_heads": 8, "vocab_size": 199}, "float32", "100KB"),
    "llama_mqa_tied": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "num_key_value_heads": 1, "tie_word_embeddings": True, "vocab_size": 259}, "float32", "1GB"),
    # More ranks than query groups (run_interop.SHARED_GROUPS).
    "llama_two_groups": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "num_attention_heads": 8, "num_key_value_heads": 2, "attention_bias": True, "mlp_bias": True}, "float32", "1GB"),
    "llama_three_groups": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "head_dim": 16, "hidden_size": 72, "intermediate_size": 96, "num_attention_heads": 6, "num_key_value_heads": 3}, "float32", "1GB"),
    "llama_head_dim": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "head_dim": 16, "hidden_size": 72, "num_attention_heads": 6, "num_key_value_heads": 2}, "float32", "1GB"),
    "llama_bias": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "attention_bias": True, "mlp_bias": True}, "float32", "1GB"),
    "llama_llama3": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, **rope(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)}, "float32", "1GB"),
    "llama_linear": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, **rope(rope_type="linear", factor=2.0)}, "float32", "1GB"),
    "llama_yarn": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)}, "float32", "1GB"),
    "llama_yarn_factor": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, **rope(rope_type="yarn", factor=4.0, original_max_position_embeddings=32, attention_factor=1.3, beta_fast=8.0, beta_slow=2.0)}, "float32", "1GB"),
    "mistral": ("MistralConfig", "MistralForCausalLM", {**LLAMA, "sliding_window": 5}, "float32", "1GB"),
}


def randomize(model, seed):
    """Norms around 1 but not 1, everything else around 0 but not 0: a swapped or skipped tensor shows."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        is_norm = ("norm" in name or "ln_" in name) and name.endswith("weight")
        parameter.data = (1 + 0.2 * noise if is_norm else 0.15 * noise).to(parameter.dtype)


def save_tokenizer(folder):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    text = ["the capital of France is Paris and the capital of Spain is Madrid"]
    tokenizer.train_from_iterator(text, trainers.BpeTrainer(vocab_size=120, special_tokens=["<s>", "</s>"]))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")
    fast.save_pretrained(folder)


def make(name, folder):
    config_class, model_class, config, dtype, shard = MODELS[name]
    config = getattr(transformers, config_class)(**config)
    model = getattr(transformers, model_class)._from_config(config, attn_implementation="eager").float().eval()
    randomize(model, sum(map(ord, name)))
    model = model.to(getattr(torch, dtype))
    model.save_pretrained(folder, max_shard_size=shard)
    save_tokenizer(folder)
    ids = torch.randint(0, config.vocab_size, (2, 17), generator=torch.Generator().manual_seed(1))
    # Loaded anew: casting a model to bfloat16 also rounds its rotary frequencies, which are not part of a checkpoint.
    model = getattr(transformers, model_class).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        logits = model(ids).logits.numpy()
    np.savez(os.path.join(folder, "golden.npz"), ids=ids.numpy(), logits=logits)


def main():
    for name in MODELS:
        folder = os.path.join(sys.argv[1], name)
        if not os.path.exists(os.path.join(folder, "golden.npz")):
            make(name, folder)
    print(f"{len(MODELS)} tiny models")


if __name__ == "__main__":
    main()
