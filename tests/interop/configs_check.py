# SPDX-License-Identifier: Apache-2.0
"""Published configs (tests/configs) at their published size: configs_check.py MHUB SCRATCH [NAME...]

Each passes `mhub plugins --check`, or is of a class that mhub has not. Where transformers has the class, it builds the model without
memory, and mhub's mapping must have as many elements. Each recipe is tried out (`mhub run --dry-run`) on a folder with the
headers of its model: names and shapes are mhub's own (which the count above holds), payloads are holes."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "bench"))
CONFIGS, RECIPES = os.path.join(HERE, "..", "configs"), os.path.join(HERE, "..", "..", "recipes")

# plugins/README.md has the reasons.
UNKNOWN = ["BitNetForCausalLM", "ChatGLMModel", "DeepseekV4ForCausalLM", "ExaoneForCausalLM",
           "JambaForCausalLM", "KimiLinearForCausalLM", "Lfm2MoeForCausalLM", "LongcatFlashForCausalLM",
           "MiniCPM3ForCausalLM", "MiniCPMForCausalLM", "MllamaForConditionalGeneration", "MolmoForCausalLM", "Phi3SmallForCausalLM",
           "PhiMoEForCausalLM", "QWenLMHeadModel", "StableLmForCausalLM"]
WHOLES = {"vision_config", "text_config", "thinker_config", "llm_config"}  # of which models of more than texts have one
# No published config was found (tests/configs/README.md).
WITHOUT_CONFIG = {"moe-7b-1b-shared", "deepseek-moe-16b", "ling-lite-1.5", "bamba-9b", "granite-4.0-h-tiny", "granite-4.0-micro", "k-exaone-236b", "sarvam-30b", "sarvam-105b"}


def mhub(binary, *arguments):
    return subprocess.run([binary, *arguments], capture_output=True, text=True)


def config_of(name):
    return json.load(open(os.path.join(CONFIGS, name + ".json")))


def class_of(config):
    return (config.get("architectures") or ["none"])[0]


def checked(binary, name, path):
    """(elements, problem)"""
    run = mhub(binary, "plugins", "--check", class_of(json.load(open(path))), path, "--json")
    answer = json.loads(run.stdout)
    return (answer["elements"], None) if run.returncode == 0 else (None, answer.get("error", {}).get("message") or str(answer))


def built(config):
    """The state of transformers' model, without memory; None where it has no such class."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    model_class = getattr(transformers, class_of(config), None)
    if model_class is None:
        return None
    with torch.device("meta"):
        model = model_class(model_class.config_class.from_dict({key: value for key, value in config.items() if key not in ("quantization_config", "auto_map")}))
    model.tie_weights()
    return model.state_dict(keep_vars=True)


def counted(config):
    """Elements of a model of texts, tied weights once; None where transformers has none."""
    state = None if WHOLES.intersection(config) else built(config)
    return state and sum({id(value): value.numel() for value in state.values()}.values())


def carried(binary, name, config):
    """Towers, whose names the mapping leaves open: transformers' tensors, or a stand-in where it has no class."""
    listed = json.loads(mhub(binary, "plugins", class_of(config), os.path.join(CONFIGS, name + ".json"), "--json").stdout)
    rules = [rule for model in listed["plugins"][0]["models"] if model["class"] == class_of(config) for rule in model["rules"] + model.get("whole_rules", [])]
    fronts = sorted({rule["hf"][0][:-1] for rule in rules if rule["hf"][0].endswith("*")})
    fronts = [front for front in fronts if not any(other != front and other.startswith(front) for other in fronts)]  # the parts of a whole
    state = built(config) if fronts else None
    for front in fronts:
        found = [(front + key.split(front, 1)[1], list(value.shape)) for key, value in (state or {}).items() if front in key]
        for key, shape in found or [(front + "stand_in.weight", [1])]:
            yield {"name": key, "shape": shape}


def try_config(binary, scratch, name):
    """What is wrong with a config; None for nothing, else a sentence."""
    config = config_of(name)
    elements, problem = checked(binary, name, os.path.join(CONFIGS, name + ".json"))
    if class_of(config) in UNKNOWN:
        expected = f"is called {class_of(config)}"
        return None if problem and expected in problem else f"expected a refusal with {expected!r}, got {problem or elements}"
    if problem:
        return problem
    # transformers does not build prediction blocks.
    plain = os.path.join(scratch, name + ".json")
    json.dump({key: value for key, value in config.items() if key not in ("num_nextn_predict_layers", "mtp_num_hidden_layers")}, open(plain, "w"))
    theirs = counted(json.load(open(plain)))
    ours = checked(binary, name, plain)[0] if theirs else None
    return None if ours == theirs else f"{ours} elements, transformers' model has {theirs}"


def quantized(config, tensors):
    """(name, dtype, shape) as a config says that weights are stored: FP8 in blocks, MXFP4, or bf16."""
    kind = config.get("quantization_config", {}).get("quant_method")
    side = config.get("quantization_config", {}).get("weight_block_size", [128, 128])
    for tensor in tensors:
        name, shape = tensor["name"], tensor["shape"]
        expert = kind == "mxfp4" and re.search(r"experts\.(gate_up|down)_proj$", name)
        linear = kind == "fp8" and len(shape) == 2 and re.search(r"layers\..*(_proj|_proj_with_mqa|w[123]|wq_b|wk)\.weight$", name) and "eh_proj" not in name and "weights_proj" not in name
        if expert:
            count, inner, outer = shape
            yield name + "_blocks", "U8", [count, outer, inner // 32, 16]
            yield name + "_scales", "U8", [count, outer, inner // 32]
        elif linear:
            yield name, "F8_E4M3", shape
            yield name + "_scale_inv", "F32", [-(-size // block) for size, block in zip(shape, side)]
        else:
            yield name, "F32" if "correction_bias" in name else "BF16", shape


def try_recipe(binary, scratch, name):
    import llama_folder

    config, folder, out = config_of(name), os.path.join(scratch, "model-" + name), os.path.join(scratch, "dry-" + name)
    listed = mhub(binary, "plugins", "--tensors", class_of(config), os.path.join(CONFIGS, name + ".json"), "--json")
    if listed.returncode != 0:
        return f"recipe: {listed.stdout[-300:]}"
    tensors = json.loads(listed.stdout)["tensors"] + list(carried(binary, name, config))
    llama_folder.write_folder(folder, list(quantized(config, tensors)), min(len(tensors), 9), False, config)
    run = mhub(binary, "run", os.path.join(RECIPES, name + ".yaml"), "--set", f"source={folder}", "--set", f"output={out}", "--dry-run", "--json")
    shutil.rmtree(folder)
    if run.returncode != 0:
        return f"recipe: {run.stdout[-400:]}{run.stderr[-300:]}"
    planned, least = json.loads(run.stdout)["conversions"][0]["total_bytes"], sum(math.prod(tensor["shape"]) for tensor in tensors)
    return None if planned >= 1.9 * least and not os.path.exists(out) else f"recipe: {planned} bytes planned for {least} elements"


def main(binary, scratch, names):
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    configs = sorted(one[:-5] for one in os.listdir(CONFIGS) if one.endswith(".json"))
    recipes = sorted(one[:-5] for one in os.listdir(RECIPES) if one.endswith(".yaml"))
    failures = [f"recipe {name}: no config" for name in set(recipes) - set(configs) - WITHOUT_CONFIG]
    jobs = [(try_config, name) for name in configs] + [(try_recipe, name) for name in recipes if name in configs]
    jobs = [(work, name) for work, name in jobs if not names or name in names]
    with ProcessPoolExecutor(2) as pool:
        running = [(name, pool.submit(work, binary, scratch, name)) for work, name in jobs]
        for name, one in running:
            problem = one.result()
            failures += [f"{name}: {problem}"] if problem else []
    for failure in failures:
        print("FAIL " + failure)
    print(f"{len(configs)} configs, {len(recipes)} recipes, {len(failures)} failures")
    return bool(failures) or not jobs


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]))
