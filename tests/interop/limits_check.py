# SPDX-License-Identifier: Apache-2.0
"""Limits from the real thing: limits_check.py MHUB SCRATCH [NAME...]

Every architecture, and configs at the edge of what Megatron takes, in layouts of every kind. What Megatron-LM's validate_args,
megatron-core's TransformerConfig or its model raises for the folder that mhub wrote (limits_megatron.py), mhub must have refused
or noted; what mhub refuses they must refuse too."""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import architectures
import launch_lines
from arch_dense import BASE, DECILM, LLAMA3, rope
from decilm_model import block
from arch_moe import MLA, MOE, V3, add_mtp, correction, with_mtp

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "golden"))
from megatron_flags import OPTIONS  # noqa: E402

FEW = ["", "--tp 2 --pp 2", "--pp 2 --to torch"]
DENSE = [*FEW, "--tp 3", "--tp 4", "--pp 3", "--pp 4", "--vpp 2", "--pp 2 --vpp 2", "--pp 4 --vpp 2", "--pp 2 --first-stage-layers 1", "--pp 2 --first-stage-layers 4",
         "--pp 2 --last-stage-layers 3 --first-stage-layers 1", "--pp 2 --first-stage-layers 1 --vpp 2", "--pp 2 --account-for-embedding",
         "--pp 2 --account-for-embedding --account-for-loss", "--pp 4 --pp-layout E|tt|tt|L", "--pp 2 --pp-layout E|tt|t|tL", "--pp 2 --pp-layout Ettt|L",
         "--pp 1 --pp-layout Ett|ttL", "--pp 2 --vpp 2 --pp-layout Ett|t|t|L", "--pp 2 --first-stage-layers 2 --pp-layout Ett|ttL", "--pp 2 --account-for-loss --pp-layout Ett|ttL",
         "--pp 6 --account-for-embedding --account-for-loss", "--ep 2", "--etp 2", "--model-type hybrid", "--model-type hybrid --tp 2 --pp 2", "--model-type hybrid --pp 2 --vpp 2"]
EXPERTS = [*FEW, "--ep 2", "--ep 3", "--ep 2 --etp 2", "--tp 2 --etp 1", "--tp 2 --ep 2", "--tp 2 --ep 2 --etp 1", "--tp 2 --pp 2 --ep 2 --etp 1", "--ep 2 --pp 2 --vpp 2"]
BLOCKS = ["", "--pp 2", "--pp 2 --vpp 2", "--pp 2 --pp-layout Ett|ttmL", "--pp 4 --pp-layout Ett|tt|m|L", "--pp 2 --pp-layout Ettm|ttL"]
# The models that are tried in more than FEW layouts.
LAYOUTS = {
    "llama": DENSE, "gpt2": DENSE, "llama_tied_bias": DENSE, "gemma3": DENSE[:8], "qwen3_moe": EXPERTS, "mixtral": EXPERTS, "gpt_oss": EXPERTS, "qwen2_moe": EXPERTS,
    "qwen3_moe_mixed": EXPERTS, "deepseek_v3": EXPERTS, "qwen3_next": [*EXPERTS, "--tp 4", "--tp 8"], "nemotron_h": [*EXPERTS, "--tp 4", "--tp 8", "--pp 4", "--pp 3"],
    "decilm": [one for one in DENSE if "hybrid" not in one], "deepseek_v3_mtp": BLOCKS, "glm4_moe_mtp": BLOCKS,
    "glm_moe_dsa": [*FEW, "--model-type hybrid", "--model-type hybrid --tp 2 --pp 2"],
    "glm_moe_dsa_shared": ["--model-type hybrid", *FEW, "--pp 2 --vpp 2", "--pp 2 --pp-layout Ettt|tL"],
}


def entry(config, model, fields, **rest):
    return dict(config=config, model=model, fields=fields, **rest)


GLM = dict(MOE, head_dim=16, moe_intermediate_size=24, n_routed_experts=8, num_experts_per_tok=2)
# Configs at the edge.
EDGES = {
    "top1_mixtral": entry("MixtralConfig", "MixtralForCausalLM", dict(MOE, num_local_experts=4, num_experts_per_tok=1)),
    "top1_qwen3_moe": entry("Qwen3MoeConfig", "Qwen3MoeForCausalLM", dict(MOE, moe_intermediate_size=24, num_experts=4, num_experts_per_tok=1, norm_topk_prob=True)),
    "top1_plain_qwen3_moe": entry("Qwen3MoeConfig", "Qwen3MoeForCausalLM", dict(MOE, moe_intermediate_size=24, num_experts=4, num_experts_per_tok=1, norm_topk_prob=False)),
    "top1_glm4_moe": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(GLM, num_experts_per_tok=1), prepare=correction),
    "top1_gpt_oss": entry("GptOssConfig", "GptOssForCausalLM", dict(MOE, head_dim=16, intermediate_size=40, num_local_experts=4, num_experts_per_tok=1, **rope(150000.0))),
    "one_expert": entry("MixtralConfig", "MixtralForCausalLM", dict(MOE, num_local_experts=1, num_experts_per_tok=1)),
    "mtp_yarn": entry("Glm4MoeConfig", "Glm4MoeForCausalLM", dict(GLM, **rope(1e4, rope_type="yarn", factor=4.0, original_max_position_embeddings=24)), prepare=correction,
                      keys=lambda state: add_mtp(state, 4, False), config_json=with_mtp),
    "mla_plain_rope": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", V3, prepare=correction),
    "mla_dense": entry("DeepseekV3Config", "DeepseekV3ForCausalLM", dict(V3, first_k_dense_replace=4)),
    "mla_v2": entry("DeepseekV2Config", "DeepseekV2ForCausalLM", dict(MLA, q_lora_rank=20)),
    "llama_gelu": entry("LlamaConfig", "LlamaForCausalLM", dict(BASE, hidden_act="gelu")),
    "llama_relu2": entry("LlamaConfig", "LlamaForCausalLM", dict(BASE, hidden_act="relu2")),
    "starcoder2_gelu": entry("Starcoder2Config", "Starcoder2ForCausalLM", dict(BASE, hidden_act="gelu", use_bias=False)),
    "starcoder2_tanh": entry("Starcoder2Config", "Starcoder2ForCausalLM", dict(BASE, use_bias=False)),
    "starcoder2_silu": entry("Starcoder2Config", "Starcoder2ForCausalLM", dict(BASE, hidden_act="silu")),
    "starcoder2_quick": entry("Starcoder2Config", "Starcoder2ForCausalLM", dict(BASE, hidden_act="quick_gelu")),
    "gpt2_quick": entry("GPT2Config", "GPT2LMHeadModel", dict(vocab_size=203, n_embd=48, n_layer=4, n_head=6, n_positions=96, activation_function="quick_gelu")),
    "nemotron_swish": entry("NemotronConfig", "NemotronForCausalLM", dict(BASE, hidden_act="swish")),
    "groups3": entry("LlamaConfig", "LlamaForCausalLM", dict(BASE, num_key_value_heads=3, intermediate_size=96)),
    "decilm_plain_rope": dict(DECILM, fields=dict(BASE, block_configs=[block(3, 8.0)] * 4)),
    "decilm_no_groups": dict(DECILM, fields=dict(BASE, **LLAMA3, block_configs=[block(1, 8.0)] * 4)),
    "glm_interleaved": entry("GlmConfig", "GlmForCausalLM", dict(BASE, head_dim=16, pad_token_id=None, **rope(1e4, partial_rotary_factor=0.5))),
}
EDGE_LAYOUTS = {"groups3": ["--tp 2", "--tp 3", "--tp 6"], "mtp_yarn": ["", "--pp 2"]}

# What Megatron raises: what mhub says about it.
NOTED = [
    (r"pre-softmax when topk is 1", r"one expert a token"),
    (r"\(MTP\) is not supported with yarn", r"prediction blocks beside YaRN"),
    (r"not supported with get_gpt_decoder_layer_specs", r"prediction blocks beside (gated delta nets|sparse attention)"),
    (r"num query head must be consistent", r"numbers of query groups that differ"),
    (r"Arguments differ from heterogeneous config: use_rope_scaling", r"layers of several sizes without llama3 rope scaling"),
    (r"Arguments differ from heterogeneous config: group_query_attention", r"layers of several sizes with a query group for each head"),
    (r"vp_stage must be p(rovided|assed) if virtual pipeline", r"layers of several sizes in chunks"),
    (r"index-share pipeline split is invalid", r"sparse attention that layers share"),
]
# What mhub refuses though Megatron does not, and why that is right.
STRICTER = [r"--ep and --etp lay out experts, and the model has none"]  # an option that would do nothing


class Case:
    def __init__(self, name, entry, options):
        self.name, self.entry, self.options = f"{name} {options}".strip(), entry, options
        self.refused, self.notes, self.fields, self.launch = None, [], {}, None


def world_of(options):
    words = options.split()
    size = {name: int(words[words.index(name) + 1]) if name in words else None for name in ("--tp", "--pp", "--ep", "--etp")}
    tensor, stages, experts = size["--tp"] or 1, size["--pp"] or 1, size["--ep"] or 1
    return max(tensor, experts * (size["--etp"] or tensor)) * stages


def convert(binary, case, hf, scratch):
    """mhub's answer; a layout that it refuses is asked for with a folder of one rank, which loads in any."""
    def run(*options):
        shutil.rmtree(out, ignore_errors=True)
        return subprocess.run([binary, "convert", hf, out, "--json", *options], capture_output=True, text=True)

    out = os.path.join(scratch, "out-" + case.name.replace(" ", "_").replace("|", "-"))
    done = run(*case.options.split())
    if done.returncode != 0:
        case.refused = f"exit {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
        kind = case.options.split()[:2] if "--model-type" in case.options else []
        done = run(*kind)
    if done.returncode != 0:
        return
    report = json.loads(done.stdout)
    case.notes = report["limits"] + report.get("notes", [])
    case.launch = launch_lines.problem(report, case.entry.get("spec"), report["format"])
    asked = case.options.replace("--model-type hybrid", "").replace("--to torch", "")
    if "--model-type" in case.options or case.entry["model"].startswith("NemotronH"):  # the pattern says what lies on which stage and in which chunk
        asked = re.sub("--vpp [0-9]+", "", asked)
    words = [OPTIONS.get(word, word) for word in asked.split()]
    layout = " ".join(f"'{word}'" if "|" in word else word for word in words)
    case.fields = {"name": case.name, "megatron": out, "flags": report["megatron_lm_flags"], "layout": layout, "world": world_of(case.options), "spec": case.entry.get("spec"),
                   "launch": None if case.refused else report["launch"]["megatron_lm"]}


def verdict(case, raised):
    """(whether it is right, what to print)"""
    if case.launch:
        return False, f"what convert prints: {case.launch}"
    if not case.fields:  # a config that is refused in every layout
        return case.refused.startswith("exit 3"), f"refused: {case.refused}"
    if raised is None and case.refused is None:
        return True, "taken by both"
    if raised is None:
        return any(re.search(pattern, case.refused) for pattern in STRICTER), f"mhub refuses ({case.refused}), Megatron does not"
    if case.refused is not None:
        return "exit 2" in case.refused or "exit 3" in case.refused, f"refused by both: {case.refused} | {raised}"
    for pattern, note in NOTED:
        if re.search(pattern, raised):
            return any(re.search(note, one) for one in case.notes), f"noted: {raised} | {case.notes}"
    return False, f"Megatron raises {raised}, mhub says {case.notes}"


def made(names, scratch):
    """(name, entry, folder) of every model."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    for name, one in {**architectures.MODELS, **EDGES}.items():
        if name not in names if names else one.get("slow"):
            continue
        folder = os.path.join(scratch, name)
        architectures.make(name, one, folder)
        yield name, one, folder


def main(binary, scratch, names):
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    cases = []
    with ThreadPoolExecutor(2) as pool:
        for name, one, hf in made(names, scratch):
            for options in LAYOUTS.get(name) or EDGE_LAYOUTS.get(name) or (FEW if name in architectures.MODELS else [""]):
                cases.append(Case(name, one, options))
                pool.submit(convert, binary, cases[-1], hf, scratch)
    path = os.path.join(scratch, "cases.json")
    json.dump([case.fields for case in cases if case.fields], open(path, "w"))
    job = subprocess.run([sys.executable, os.path.join(HERE, "limits_megatron.py"), path], capture_output=True, text=True)
    lines = [json.loads(line[len("RESULT "):]) for line in job.stdout.splitlines() if line.startswith("RESULT ")]
    raised = {line["name"]: line["raised"] for line in lines}
    failures = 0
    for case in cases:
        answered = case.name in raised or not case.fields
        good, text = verdict(case, raised.get(case.name)) if answered else (False, f"no answer: {job.stderr[-600:]}")
        failures += not good
        print(f"{'ok  ' if good else 'FAIL'} {case.name}: {text}", flush=True)
    print(f"{len(cases)} cases, {sum(1 for one in raised.values() if one)} raised, {failures} failures")
    return 1 if failures or not cases else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), sys.argv[3:]))
