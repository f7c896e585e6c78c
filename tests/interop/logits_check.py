"""mhub's own decoder against transformers: python logits_check.py MHUB SCRATCH.

Tiny random models (tiny_models.py and the ones below). For each: float32 logits of a short and a long prompt, and 32 greedy
tokens, from the Hugging Face folder and from converted folders of both formats and several layouts, all without the
folder that they came from. Prints a line for each model and exits 1 when anything failed.
"""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import torch
import transformers

import tiny_models
from tiny_models import LLAMA, rope

TOLERANCE = 1e-3  # of the largest logit: the bound that mhub promises; float32 sums give about 1e-6
NEW_TOKENS = 32
LLAMA4 = {**LLAMA, "intermediate_size": 48, "intermediate_size_mlp": 112, "num_local_experts": 4, "interleave_moe_layer_step": 2, "head_dim": 16}
# Models that only generation has to know: Megatron cannot be told of their positions, or they repeat others there.
EXTRA = {
    "llama_dynamic": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "max_position_embeddings": 32, **rope(rope_type="dynamic", factor=2.0)}, "float32", "1GB"),
    "llama_half": ("LlamaConfig", "LlamaForCausalLM", LLAMA, "float16", "1GB"),
    "llama_gelu": ("LlamaConfig", "LlamaForCausalLM", {**LLAMA, "hidden_act": "gelu"}, "bfloat16", "1GB"),
    # Chunks that end inside and at pages of the cache, layers without rotation whose queries grow, one expert a token.
    "llama4": ("Llama4TextConfig", "Llama4ForCausalLM", {**LLAMA4, "attention_chunk_size": 7, "floor_scale": 5, "attn_scale": 0.3}, "float32", "1GB"),
    "llama4_pages": ("Llama4TextConfig", "Llama4ForCausalLM", {**LLAMA4, "attention_chunk_size": 32, "use_qk_norm": False, **rope(rope_type="llama3", factor=16.0, low_freq_factor=1.0, high_freq_factor=1.0, original_max_position_embeddings=32)}, "bfloat16", "1GB"),
    "mistral_pages": ("MistralConfig", "MistralForCausalLM", {**LLAMA, "sliding_window": 33}, "bfloat16", "1GB"),
}
# (format, tp, pp)
LAYOUTS = [(form, tp, pp) for form in ("torch_dist", "torch") for tp, pp in ((1, 1), (2, 1), (4, 1), (1, 2), (2, 2))]

failures = []


def mhub(binary, *arguments):
    run = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"mhub {' '.join(arguments[:2])}: exit {run.returncode}: {run.stderr.strip()}")
    return run.stdout


def expected(folder):
    """Prompts, transformers' logits for them and its greedy continuation of the first."""
    def fresh():
        # Every time anew: with dynamic scaling, transformers keeps the frequencies of the longest sequence so far.
        return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()

    config = fresh().config
    limit = config.n_positions if hasattr(config, "n_positions") else 110
    generator = torch.Generator().manual_seed(3)
    prompts = [torch.randint(0, config.vocab_size, (1, size), generator=generator) for size in (17, limit)]
    with torch.no_grad():
        logits = [fresh()(ids).logits[0].numpy() for ids in prompts]
        greedy = fresh().generate(
            prompts[0], attention_mask=torch.ones_like(prompts[0]), do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0, eos_token_id=-1
        )
    return [ids[0].tolist() for ids in prompts], logits, greedy[0, prompts[0].shape[1]:].tolist()


def compare(binary, source, truth, scratch):
    """The worst deviation of the logits; raises when it is too large or a token differs."""
    prompts, logits, greedy = truth
    worst = 0.0
    for ids, wanted in zip(prompts, logits):
        output = os.path.join(scratch, "logits.npy")
        tokens = ",".join(map(str, ids))
        mhub(binary, "logits", source, "--tokens", tokens, "--output", output)
        found = np.load(output)
        assert found.dtype == np.float32 and found.shape == wanted.shape, (found.dtype, found.shape, wanted.shape)
        worst = max(worst, float(np.abs(found - wanted).max() / np.abs(wanted).max()))
    if not worst <= TOLERANCE:
        raise RuntimeError(f"logits differ by {worst:.1e} of scale")
    report = mhub(binary, "generate", source, "--tokens", ",".join(map(str, prompts[0])), "--max-new-tokens", str(NEW_TOKENS), "--temperature", "0", "--ignore-eos", "--json")
    found = json.loads(report)["tokens"]
    if found != greedy:
        raise RuntimeError(f"greedy tokens differ: {found}, transformers {greedy}")
    return worst


def heads(folder):
    config = json.load(open(os.path.join(folder, "config.json")))
    return config.get("num_key_value_heads") or config.get("n_head")


def check(name, binary, tiny, scratch, layouts):
    folder = os.path.join(tiny, name)
    try:
        truth = expected(folder)
        worst, count = compare(binary, folder, truth, scratch), 0
        for form, tp, pp in layouts:
            if heads(folder) % tp:
                continue  # a query group is never split
            out = os.path.join(scratch, "converted")
            shutil.rmtree(out, ignore_errors=True)
            mhub(binary, "convert", folder, out, "--to", form, "--tp", str(tp), "--pp", str(pp))
            try:
                worst = max(worst, compare(binary, out, truth, scratch))
            except RuntimeError as error:
                raise RuntimeError(f"{form} tp{tp} pp{pp}: {error}") from None
            count += 1
        print(f"ok   {name}: logits within {worst:.1e} of scale, {NEW_TOKENS} greedy tokens, Hugging Face folder and {count} converted ones", flush=True)
    except (RuntimeError, AssertionError) as error:
        failures.append(name)
        print(f"FAIL {name}: {error}", flush=True)


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    tiny = os.path.join(scratch, "tiny")
    os.makedirs(tiny)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    common = list(tiny_models.MODELS)
    tiny_models.MODELS.update(EXTRA)
    for name in tiny_models.MODELS:
        tiny_models.make(name, os.path.join(tiny, name))
        check(name, binary, tiny, scratch, LAYOUTS if name in common else [])
    print(f"logits: {len(tiny_models.MODELS) - len(failures)} models ok, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
