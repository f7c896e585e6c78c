# SPDX-License-Identifier: Apache-2.0
"""Every recipe of recipes/ tried out on a tiny model of its class: `mhub run RECIPE --dry-run` on what architectures.py and
vision_check.py made. Parallel sizes are cut down to what a tiny model can be split by."""

import json
import os
import subprocess

RECIPES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "recipes")

# recipe: entry of arch_dense.py, arch_moe.py, vision_check.py or multimodal_check.py
TINY = {
    "afm-4.5b": "arcee", "apertus-70b": "apertus", "apertus-8b": "apertus", "aya-23-8b": "cohere", "aya-vision-8b": "aya_vision", "baichuan2-7b": "baichuan2", "bamba-9b": "bamba_one_group",
    "clip-vit-large-patch14-336": "clip", "command-a-vision": "cohere2_vision", "command-r-plus": "cohere_qk", "cwm": "cwm", "deepseek-moe-16b": "deepseek", "deepseek-r1": "deepseek_v3",
    "deepseek-v2-lite": "deepseek_v2_lite", "deepseek-v3": "deepseek_v3_mtp", "deepseek-v3.2": "deepseek_v32_mtp", "distilgpt2": "gpt2", "dots.llm1": "dots1", "ernie-4.5-0.3b": "ernie4_5",
    "ernie-4.5-21b-a3b": "ernie4_5_moe", "exaone-4.0-1.2b": "exaone4_full", "exaone-4.0-32b": "exaone4", "exaone-4.5-33b": "exaone4_5", "falcon-40b": "falcon_40b", "falcon-7b": "falcon_7b",
    "gemma-2-9b": "gemma2", "gemma-2b": "gemma", "gemma-3-12b": "gemma3_4b", "gemma-3-1b": "gemma3", "gemma-4-26b-a4b": "gemma4_26b", "gemma-4-31b": "gemma4_31b", "gemma-4-e2b": "gemma4_e2b",
    "glm-4-32b-0414": "glm4", "glm-4-9b": "glm", "glm-4.1v-9b": "glm4v",
    "glm-4.5-air": "glm4_moe_mtp", "glm-4.5v": "glm4v_moe", "glm-4.6v": "glm4v_moe", "glm-4.6v-flash": "glm4v", "glm-4.7-flash": "glm4_moe_lite_mtp", "glm-5": "glm_moe_dsa_mtp", "glm-5.2": "glm_moe_dsa_mtp",
    "gpt-neox-20b": "gpt_neox", "gpt-oss-120b": "gpt_oss", "gpt-oss-20b": "gpt_oss", "gpt2": "gpt2", "gpt2-large": "gpt2", "gpt2-medium": "gpt2", "gpt2-xl": "gpt2",
    "granite-3.1-3b-a800m": "granite_moe", "granite-3.3-8b": "granite", "granite-4.0-h-tiny": "granite_hybrid", "granite-4.0-micro": "granite_hybrid_attention", "hunyuan-7b": "hunyuan", "hunyuan-a13b": "hunyuan_moe", "hy3-preview": "hy_v3",
    "idefics3-8b": "idefics3", "internlm2.5-7b": "internlm2", "internlm3-8b": "internlm3", "internvl3-8b": "internvl", "internvl3.5-8b": "internvl_chat",
    "k-exaone-236b": "exaone_moe_mtp",
    "kimi-k2": "kimi_k2", "kimi-vl-a3b": "kimi_vl", "ling-lite-1.5": "bailing_moe", "ling-mini-2.0": "bailing_moe_v2", "llama-2-7b": "llama", "llama-3-8b": "llama", "llama-3.1-70b": "llama",
    "llama-3.1-8b": "llama", "llama-3.2-1b": "llama_tied_bias", "llama-3.2-3b": "llama_tied_bias", "llama-4-scout": "llama4_whole", "llama-nemotron-super-49b": "decilm",
    "llava-1.5-7b": "llava", "llava-onevision-1.5-8b": "llava_onevision1_5", "nemotron-3-nano-omni-30b-a3b": "nemotron_omni", "ovis2.5-9b": "ovis2_5", "qwen2-audio-7b": "qwen2_audio", "qwen2.5-omni-7b": "qwen2_5_omni",
    "llava-onevision-qwen2-7b": "llava_onevision", "llava-v1.6-mistral-7b": "llava", "mamba-codestral-7b": "mamba2", "mimo-7b": "mimo", "mimo-v2-flash": "mimo_v2_flash", "minimax-m2": "minimax_m2", "ministral-3-8b": "ministral3_8b",
    "minitron-4b": "nemotron", "mistral-7b-v0.1": "mistral", "mistral-nemo-12b": "mistral", "mistral-small-3.1-24b": "mistral3", "mixtral-8x22b": "mixtral",
    "mixtral-8x7b": "mixtral", "moe-7b-1b-shared": "granite_moe_shared", "moonlight-16b-a3b": "moonlight", "nemotron-h-8b": "nemotron_h_dense", "olmo-2-7b": "olmo2",
    "olmo-3-32b": "olmo3", "olmo-3-7b": "olmo3", "olmoe-1b-7b": "olmoe", "paligemma-3b": "paligemma", "paligemma2-3b": "paligemma2", "phi-2": "phi",
    "phi-3-mini-4k": "phi3", "phi-4": "phi3", "phi-4-mini": "phi3_longrope", "pythia-1.4b": "gpt_neox", "qwen1.5-moe-a2.7b": "qwen2_moe", "qwen2.5-0.5b": "qwen2_shards",
    "qwen2.5-72b": "qwen2", "qwen2.5-7b": "qwen2", "qwen2.5-vl-7b": "qwen2_5_vl", "qwen3-0.6b": "qwen3", "qwen3-235b-a22b": "qwen3_moe", "qwen3-30b-a3b": "qwen3_moe",
    "qwen3-32b": "qwen3", "qwen3-8b": "qwen3", "qwen3-next-80b-a3b": "qwen3_next", "qwen3-vl-30b-a3b": "qwen3_vl_moe", "qwen3-vl-8b": "qwen3_vl",
    "qwen3.5-27b": "qwen3_5_whole", "sarvam-105b": "sarvam_mla", "sarvam-30b": "sarvam_moe", "seed-oss-36b": "seed_oss", "smollm2-135m": "llama_tied_bias", "smollm3-3b": "smollm3", "smolvlm2-2.2b": "smolvlm",
    "solar-open-100b": "solar_open", "starcoder2-7b": "starcoder2",
}
SIZES = {"tp": 2, "pp": 2, "ep": 2}


def stated(recipe):
    """The sizes that a recipe states, cut down."""
    lines = [line.split("#")[0].split(":") for line in open(recipe)]
    return {line[0]: min(int(line[1]), SIZES[line[0]]) for line in lines if line[0] in SIZES}


def dry_runs(binary, scratch, models):
    """What failed, for the recipes whose tiny model is one of `models` (entries made in `scratch`)."""
    files = {name[: -len(".yaml")] for name in os.listdir(RECIPES) if name.endswith(".yaml")}
    failures = [f"recipe {name}: has no entry in arch_recipes.py, or is missing" for name in sorted(files ^ set(TINY))]
    for name in sorted(files & set(TINY)):
        source = os.path.join(scratch, TINY[name])
        if TINY[name] not in models or not os.path.isdir(source):
            continue
        path = os.path.join(RECIPES, name + ".yaml")
        settings = [f"source={source}", f"output={os.path.join(scratch, 'dry')}", *(f"{key}={value}" for key, value in stated(path).items())]
        run = subprocess.run([binary, "run", path, "--dry-run", "--json", *(word for one in settings for word in ("--set", one))], capture_output=True, text=True)
        if run.returncode != 0 or json.loads(run.stdout)["conversions"][0]["total_bytes"] < 1000:
            failures.append(f"recipe {name}: {run.stderr.strip() or run.stdout[:200]}")
        if os.path.exists(os.path.join(scratch, "dry")):
            failures.append(f"recipe {name}: a dry run wrote something")
    return failures
