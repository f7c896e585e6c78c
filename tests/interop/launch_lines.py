# SPDX-License-Identifier: Apache-2.0
"""What `mhub convert` prints of how to train from a checkpoint, taken apart. Megatron-LM's own parser takes the command line in
limits_megatron.py; the settings of the others are held against what those frameworks read."""

import ast
import importlib.util
import os
import shlex

# verl b178a3c, verl/trainer/config/engine/megatron.yaml, of actor and ref alike; beside "model.path".
VERL = {"tensor_model_parallel_size", "pipeline_model_parallel_size", "virtual_pipeline_model_parallel_size", "expert_model_parallel_size",
        "expert_tensor_parallel_size", "use_dist_checkpointing", "dist_checkpointing_path"}
# NeMo-RL 7ea279a, examples/configs/grpo_math_1B_megatron.yaml, policy.megatron_cfg.
NEMO_RL = {"enabled", "tensor_model_parallel_size", "pipeline_model_parallel_size", "expert_model_parallel_size", "expert_tensor_parallel_size",
           "num_layers_in_first_pipeline_stage", "num_layers_in_last_pipeline_stage"}


def command(line):
    """(environment, script, its arguments) of a command line of torchrun."""
    words = shlex.split(line)
    start = words.index("torchrun")
    script = next(k for k, word in enumerate(words) if word.startswith("pretrain_") and word.endswith(".py"))
    return dict(word.split("=", 1) for word in words[:start]), words[script], words[script + 1:]


def bridge_settings():
    """The names that load_megatron_model's mp_overrides may have: ModelParallelKwargs of the installed Bridge, read without importing it."""
    path = importlib.util.find_spec("megatron.bridge").submodule_search_locations[0]
    tree = ast.parse(open(os.path.join(path, "models", "model_provider.py")).read())
    kwargs = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "ModelParallelKwargs")
    return {node.target.id for node in kwargs.body if isinstance(node, ast.AnnAssign)}


def bridge_problem(line, folder):
    imported, assigned = ast.parse(line).body
    call = assigned.value
    path = importlib.util.find_spec("megatron.bridge").submodule_search_locations[0]
    tree = ast.parse(open(os.path.join(path, "training", "model_load_save.py")).read())
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == imported.names[0].name)
    if imported.module != "megatron.bridge.training.model_load_save" or "mp_overrides" not in [one.arg for one in function.args.args]:
        return f"not Bridge's function: {line}"
    unknown = {one.arg for one in call.keywords[0].value.keywords} - bridge_settings()
    if unknown or not os.path.isfile(os.path.join(ast.literal_eval(call.args[0]), "run_config.yaml")):
        return f"Bridge has no {unknown}, or {folder} no run_config.yaml: {line}"
    return None


def settings_problem(line, known, section):
    for word in shlex.split(line):
        key, value = word.lstrip("+").split("=", 1)
        if not value or (section in key and key.rsplit(".", 1)[1] not in known and "override_transformer_config" not in key):
            return f"no such setting: {word}"
    return None


def problem(report, spec, format):
    """What is wrong with a report's lines; None for nothing. `spec`: the module of examples/megatron that computes the model."""
    lines = report["launch"]
    environment, script, words = command(lines["megatron_lm"])
    given = words[words.index("--spec") + 1] if "--spec" in words else None
    if script == "pretrain_hybrid.py":
        spec = spec or "megatron.core.models.hybrid.hybrid_layer_specs"
    elif format == "torch":
        spec = given and spec  # files with fused names fit no spec
    if given != spec:
        return f"--spec {given}, expected {spec}"
    if given and not given.startswith("megatron.") and not os.path.isfile(os.path.join(environment["PYTHONPATH"].split(":")[0], given + ".py")):
        return f"{given}.py is not in {environment['PYTHONPATH']}"
    if not os.path.isdir(words[words.index("--tokenizer-model") + 1]):
        return "there is no such tokenizer"
    if "megatron_bridge" in lines and bridge_problem(lines["megatron_bridge"], report["output"]):
        return bridge_problem(lines["megatron_bridge"], report["output"])
    return settings_problem(lines.get("verl", ""), VERL, ".megatron.") or settings_problem(lines.get("nemo_rl", ""), NEMO_RL, ".megatron_cfg.")
