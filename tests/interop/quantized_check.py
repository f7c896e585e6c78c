# SPDX-License-Identifier: Apache-2.0
"""Quantised sources against transformers' and torch's own arithmetic: python quantized_check.py MHUB SCRATCH.

Tiny models are published as DeepSeek-V3 and V3.2 (FP8 with weight_scale_inv blocks, in the indexer too), Ministral 3 (FP8 with one scale a weight and one for its
inputs, a tower that is not quantised) and gpt-oss (MXFP4) are; mhub's export of each,
directly and through Megatron checkpoints, must have the bits that transformers' dequantisation gives.
"""

import json
import os
import shutil
import subprocess
import sys

import multimodal_check  # first: patches CUDA away

import torch
import transformers
from safetensors.torch import save_file
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from arch_moe import MODELS
from hf_tensors import hf_tensors
from multimodal_models import mistral
from tiny_models import randomize, save_tokenizer

BLOCK = 16  # of the tiny model; DeepSeek's is 128


def tiny_model(name, **changes):
    torch.manual_seed(3)
    entry = MODELS[name]
    config = getattr(transformers, entry["config"])(**{**entry["fields"], **changes})
    model = getattr(transformers, entry["model"])._from_config(config).to(torch.bfloat16)
    randomize(model, 5)
    return model


def fp8_reference(weight, scale, rows, columns):
    """DeepSeek-V3's inference/kernel.py, weight_dequant: each block of rows x columns by its scale, the last ones cut off."""
    wide = scale.repeat_interleave(rows, -2).repeat_interleave(columns, -1)[..., : weight.shape[-2], : weight.shape[-1]]
    return (weight.float() * wide).to(torch.bfloat16)


def publish(model, folder, state, quantization):
    model.save_pretrained(folder)
    os.remove(os.path.join(folder, "model.safetensors"))
    save_file(state, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    path = os.path.join(folder, "config.json")
    config = json.load(open(path))
    config["quantization_config"] = quantization
    json.dump(config, open(path, "w"))
    save_tokenizer(folder)


def saved(model, scratch, name):
    folder = os.path.join(scratch, name + "-plain")
    model.save_pretrained(folder)
    return hf_tensors(folder)


def make_fp8(scratch, name="deepseek_v3"):
    model = tiny_model(name)
    state, expected = {}, {}
    for key, value in saved(model, scratch, "fp8-" + name).items():
        quantise = key.endswith(("_proj.weight", "indexer.wq_b.weight", "indexer.wk.weight")) and "weights_proj" not in key or "kv_a_proj_with_mqa" in key
        if not quantise:
            state[key] = expected[key] = value
            continue
        rows, columns = value.shape
        weight = torch.randint(0, 256, (rows, columns), dtype=torch.uint8)  # every bit pattern, NaN too
        scale = torch.rand(-(-rows // BLOCK), -(-columns // BLOCK)) * 1e-3
        state[key], state[key + "_scale_inv"] = weight.view(torch.float8_e4m3fn), scale
        expected[key] = fp8_reference(state[key], scale, BLOCK, BLOCK)
        if rows % BLOCK == 0 and columns % BLOCK == 0:
            theirs = Fp8Dequantize(None)._dequantize_one(state[key], scale, torch.bfloat16)
            assert torch.equal(theirs.view(torch.int16), expected[key].view(torch.int16))
    folder = os.path.join(scratch, "fp8-" + name)
    publish(model, folder, state, {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK]})
    return folder, expected


def make_fp8_whole(scratch):
    torch.manual_seed(4)
    model = transformers.Mistral3ForConditionalGeneration._from_config(mistral(tie_word_embeddings=False)).to(torch.bfloat16)
    randomize(model, 6)
    state, expected = {}, {}
    for key, value in saved(model, scratch, "fp8-whole").items():
        if not (key.startswith("language_model.") and key.endswith("_proj.weight")):
            state[key] = expected[key] = value
            continue
        scale = (torch.rand(()) * 1e-2).to(torch.bfloat16)
        state[key] = torch.randint(0, 256, value.shape, dtype=torch.uint8).view(torch.float8_e4m3fn)
        state[key + "_scale_inv"], state[key.replace(".weight", ".activation_scale")] = scale, torch.ones((), dtype=torch.bfloat16)
        expected[key] = Fp8Dequantize(None)._dequantize_one(state[key], scale, torch.bfloat16)
    folder = os.path.join(scratch, "fp8-whole")
    publish(model, folder, state, {"quant_method": "fp8", "activation_scheme": "static", "weight_block_size": None, "dequantize": False, "modules_to_not_convert": ["model.vision_tower", "model.multi_modal_projector", "lm_head"]})
    return folder, expected


def make_mxfp4(scratch):
    model = tiny_model("gpt_oss", hidden_size=96, intermediate_size=64)
    state, expected = {}, {}
    for key, value in saved(model, scratch, "mxfp4").items():
        if not key.endswith(("experts.gate_up_proj", "experts.down_proj")):
            state[key] = expected[key] = value
            continue
        experts, columns, rows = value.shape
        blocks = torch.randint(0, 256, (experts, rows, columns // 32, 16), dtype=torch.uint8)
        scales = torch.randint(110, 135, blocks.shape[:-1], dtype=torch.uint8)
        scales.view(-1)[:4] = torch.tensor([0, 1, 254, 255])  # subnormal and infinite products
        state[key + "_blocks"], state[key + "_scales"] = blocks, scales
        expected[key] = convert_moe_packed_tensors(blocks, scales)
    folder = os.path.join(scratch, "mxfp4")
    publish(model, folder, state, {"quant_method": "mxfp4", "modules_to_not_convert": ["lm_head"]})
    return folder, expected


def run(binary, *arguments):
    done = subprocess.run([binary, *arguments], capture_output=True, text=True)
    return done.stderr.strip() or "exit %d" % done.returncode if done.returncode else None


def without_nan_payload(tensor):
    """Bits, with one pattern for NaN: torch's own casts give it different ones, by processor and by tensor size."""
    bits = tensor.contiguous().view({2: torch.int16, 4: torch.int32}[tensor.element_size()])
    return torch.where(tensor.isnan(), torch.zeros_like(bits) - 1, bits)


def problem_of(exported, expected):
    found = hf_tensors(exported)
    if set(found) != set(expected):
        return f"keys differ: {sorted(set(found) ^ set(expected))[:4]}"
    for key, value in expected.items():
        if found[key].dtype != value.dtype or found[key].shape != value.shape:
            return f"{key}: {found[key].dtype} {tuple(found[key].shape)}, expected {value.dtype} {tuple(value.shape)}"
        if not torch.equal(*(without_nan_payload(tensor) for tensor in (found[key], value))):
            return f"{key}: bits differ"
    config = json.load(open(os.path.join(exported, "config.json")))
    return "config.json keeps quantization_config" if "quantization_config" in config else None


def check(binary, scratch, name, folder, expected, experts=True):
    parallel = [["--tp", "2", "--ep", "2", "--etp", "1"], ["--ep", "2"]] if experts else [["--tp", "2"], ["--pp", "2"]]
    ways = {"hf": None, "torch_dist": ["--to", "torch_dist", *parallel[0]], "torch": ["--to", "torch", *parallel[1]]}
    failures = []
    for way, options in ways.items():
        source = folder
        problem = None
        if options is not None:
            source = os.path.join(scratch, f"{name}-{way}")
            problem = run(binary, "convert", folder, source, *options) or run(binary, "verify", folder, source)
        exported = os.path.join(scratch, f"{name}-{way}-exported")
        problem = problem or run(binary, "convert", source, exported, "--to", "hf") or problem_of(exported, expected)
        print(f"{'FAIL' if problem else 'ok  '} {name} through {way}: {problem or f'{len(expected)} tensors equal'}", flush=True)
        failures += [problem] if problem else []
    return failures


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    failures = check(binary, scratch, "fp8", *make_fp8(scratch)) + check(binary, scratch, "fp8-sparse", *make_fp8(scratch, "deepseek_v32"))
    failures += check(binary, scratch, "fp8-whole", *make_fp8_whole(scratch), experts=False) + check(binary, scratch, "mxfp4", *make_mxfp4(scratch))
    print(f"quantised sources: {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
