# SPDX-License-Identifier: Apache-2.0
"""Speculative decoding with a model's own prediction block: python guesses_check.py MHUB SCRATCH.

1. The newest transformers generates with `use_mtp`: mhub gives its tokens, and as many of its guesses come true. The tiny models are made
   such that some do: layers say little beside embeddings, and the block looks at the token in front of its own most.
2. Of every architecture with such a block, with guesses and without, mhub gives the same tokens, greedy and drawn, beyond a page of the
   cache and a window; from a Megatron checkpoint as well; and takes no more passes. Models that cannot take tokens back refuse.
"""

import json
import os
import shutil
import subprocess
import sys

import newest  # first: the script runs anew

import architectures  # then: patches CUDA away

newest.without_stand_ins()

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers.generation.candidate_generator import MTPCandidateGenerator

JUDGED = {"glm4_moe_mtp": 4, "deepseek_v3_mtp": 4}  # and how many layers it has
SAME = ["glm4_moe_mtp", "deepseek_v3_mtp", "glm4_moe_lite_mtp", "exaone4_mtp", "exaone_moe_mtp", "mimo", "bailing_moe_v2", "deepseek_v32_mtp",
        "glm_moe_dsa_mtp", "mimo_v2_flash_mtp"]
REFUSED = ["qwen3_next_mtp", "nemotron_h_mtp"]
PROMPTS = [[5, 9, 2], [17, 3, 3, 8, 120], [40], [7, 7, 7, 1, 2, 3, 4, 5, 6], [150, 20, 99]]
NEW_TOKENS = 48
failures = []


def generate(binary, folder, tokens, *options):
    command = [binary, "generate", folder, "--tokens", ",".join(map(str, tokens)), "--ignore-eos", "--exact", "--json", *options]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def expect(condition, text):
    print(("ok   " if condition else "FAIL ") + text, flush=True)
    if not condition:
        failures.append(text)


def make(name, scratch):
    """A folder of a row whose guesses come true now and then."""
    entry, folder = dict(architectures.MODELS[name]), os.path.join(scratch, name)
    entry["fields"] = {**entry["fields"], **entry.get("generated", {})}
    architectures.make(name, entry, folder)
    path = os.path.join(folder, "model.safetensors")
    state = load_file(path)
    for key, value in state.items():
        if key.endswith(("o_proj.weight", "down_proj.weight", "down_proj")):
            value *= 0.1
        elif key.endswith("embed_tokens.weight"):
            value *= 10
        elif key.endswith(("eh_proj.weight", "mtp.fc.weight")):
            value *= 0.3
            value[:, : len(value)] += torch.eye(len(value), dtype=value.dtype)
        elif key.endswith(("enorm.weight", "pre_fc_norm_embedding.weight")):
            value.fill_(1)
        elif key.endswith(("shared_head.norm.weight", "mtp.norm.weight")):
            value.copy_(state["model.norm.weight"])
    save_file(state, path, {"format": "pt"})
    return folder


class Counted(MTPCandidateGenerator):
    """Counts guesses and those that came true."""

    guessed = accepted = 0

    def get_candidates(self, input_ids, model_kwargs, model_outputs, is_first_iteration, n_last_matches, **kwargs):
        result = super().get_candidates(input_ids, model_kwargs, model_outputs, is_first_iteration, n_last_matches, **kwargs)
        Counted.guessed += result[0].shape[1] - input_ids.shape[1]
        return result

    def update_candidate_strategy(self, input_ids, scores, num_matches):
        Counted.accepted += num_matches


def judge(binary, name, folder):
    """mhub's tokens and guesses are transformers'."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    # The published models' numbers of layers stand in this list, by which the blocks are found.
    model._keys_to_ignore_on_load_unexpected = [rf"model\.layers\.{JUDGED[name]}\..*"]
    for prompt in PROMPTS:
        Counted.guessed = Counted.accepted = 0
        with torch.no_grad():
            options = dict(max_new_tokens=NEW_TOKENS, do_sample=False, eos_token_id=None, pad_token_id=0)
            whole = model.generate(torch.tensor([prompt]), use_mtp=True, **options)[0, len(prompt):].tolist()
        ours = generate(binary, folder, prompt, "--max-new-tokens", str(NEW_TOKENS), "--use-mtp", "true")
        expect(ours["tokens"] == whole, f"{name}, {prompt}: tokens of transformers")
        both = (ours["guessed_tokens"], ours["accepted_tokens"])
        expect(ours["accepted_tokens"] == Counted.accepted and abs(ours["guessed_tokens"] - Counted.guessed) <= 1,
               f"{name}, {prompt}: {both} guesses and hits, transformers ({Counted.guessed}, {Counted.accepted})")
        yield ours


def same(binary, name, folder, scratch):
    """With guesses and without."""
    saved = 0
    megatron = folder + "_megatron"
    subprocess.run([binary, "convert", folder, megatron, "--to", "torch", "--tp", "2"], check=True, capture_output=True)
    for source in (folder, megatron):
        for options in ([], ["--do-sample", "true", "--seed", "3"], ["--repetition-penalty", "1.3"]):
            for prompt in PROMPTS[:3]:
                long = [*options, "--max-new-tokens", "150"]
                plain = generate(binary, source, prompt, *long, "--use-mtp", "false")
                guessed = generate(binary, source, prompt, *long, "--use-mtp", "true")
                if plain["tokens"] != guessed["tokens"]:
                    expect(False, f"{name}: other tokens with guesses, {options} {prompt}")
                if guessed["decode_passes"] + guessed["accepted_tokens"] != plain["decode_passes"] or plain["guessed_tokens"]:
                    expect(False, f"{name}: {guessed['decode_passes']} passes, {plain['decode_passes']} without guesses")
                saved += plain["decode_passes"] - guessed["decode_passes"]
    expect(saved > 0, f"{name}: the same tokens, {saved} passes fewer of {2 * 3 * 3 * 149}")


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    print("transformers " + transformers.__version__)
    transformers.logging.set_verbosity_error()
    transformers.generation.utils.MTPCandidateGenerator = Counted
    torch.set_num_threads(1)
    for name in SAME:
        folder = make(name, scratch)
        if name in JUDGED:
            all_ours = list(judge(binary, name, folder))
            hits, guesses = (sum(one[key] for one in all_ours) for key in ("accepted_tokens", "guessed_tokens"))
            expect(0 < hits < guesses, f"{name}: {hits} of {guesses} guesses come true")
        same(binary, name, folder, scratch)
    for name in REFUSED:
        folder = make(name, scratch)
        expect(not generate(binary, folder, PROMPTS[0])["guessed_tokens"], f"{name}: no guesses where tokens cannot be taken back")
        run = subprocess.run([binary, "generate", folder, "--tokens", "1", "--use-mtp", "true"], capture_output=True, text=True)
        expect(run.returncode == 2 and "use_mtp" in run.stderr, f"{name}: guesses are refused: {run.stderr.strip()[:80]}")
    print(f"guesses: {len(failures)} failures")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
