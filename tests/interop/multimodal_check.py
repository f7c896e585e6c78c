# SPDX-License-Identifier: Apache-2.0
"""Models with images or sounds whose decoder goes to Megatron as a model of texts: python multimodal_check.py MHUB SCRATCH [NAME...].

Tiny models as their classes in transformers save them. Each is converted into several layouts and verified; mhub's logits and
32 greedy tokens of a text must be those of the whole model in transformers, from the Hugging Face folder and from the converted
ones; the export, with mhub's manifest and with --hf-reference in its place, must have all tensors of the original, bit for bit.
So must that of a checkpoint which lost the tower, as every one does that Megatron saves. megatron-core loads the decoder where
its GPTModel or a layer spec can express it. Exits 1 when anything failed.
"""

import json
import os
import shutil
import sys

import architectures  # first: patches CUDA away

import numpy as np
import shim
import torch
import transformers
from safetensors.torch import save_file

import arch_judges
from arch_moe import add_delta_mtp, correction
from arch_recipes import dry_runs
from architectures import mhub
from hf_tensors import compare, hf_tensors
from logits_check import listed
from multimodal_models import MODELS, NEW, TEXT
from tiny_models import randomize, save_tokenizer
from vision_check import record, results

TOLERANCE, NEW_TOKENS = 1e-3, 32
LAYOUTS = {
    "dist": ["--model-type", "gpt"],
    "dist22": ["--tp", "2", "--pp", "2"],  # of some, Megatron-Bridge's model of the whole
    "torch4": ["--to", "torch", "--tp", "4"],
    "local": ["--to", "torch", "--transformer-impl", "local", "--pp", "2", "--model-type", "gpt"],
}
FEW = ("dist22", "torch4")  # of the newer entries, whose decoders' own classes have rows in architectures.py


def prompt(size, seed):
    return torch.randint(1, TEXT["vocab_size"], (1, size), generator=torch.Generator().manual_seed(seed))


def reads(name, model):
    """The part of a model that understands texts."""
    return getattr(model, MODELS[name][3].get("inside", ""), model)


def make(name, folder):
    """The model, and what transformers computes of texts."""
    class_name, config, _, options = MODELS[name]
    kind = getattr(transformers, class_name)
    model = kind._from_config(config(), attn_implementation="eager").float().eval()
    randomize(model, sum(map(ord, name)))
    correction(model)
    model.to(torch.bfloat16).save_pretrained(folder)
    save_tokenizer(folder)
    if hasattr(model, "token2wav"):
        torch.save({}, os.path.join(folder, "spk_dict.pt"))  # voices, without which transformers loads no Qwen2.5-Omni
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    texts = reads(name, model)
    ids = torch.cat([prompt(17, 1), prompt(17, 2)])
    with torch.no_grad():
        greedy = texts.generate(prompt(17, 3), attention_mask=torch.ones(1, 17, dtype=torch.long), do_sample=False, max_new_tokens=NEW_TOKENS, pad_token_id=0, eos_token_id=-1)
        truth = {"long": texts(prompt(90, 4)).logits[0].numpy(), "greedy": greedy[0, 17:].numpy(), "ids": ids.numpy(), "logits": texts(ids).logits.numpy()}
    np.savez(os.path.join(folder, "golden.npz"), **truth)
    if options.get("remote"):
        rewrite(folder, folder, options["remote"])
        return
    model.to(torch.bfloat16).save_pretrained(folder + "_memory", save_original_format=False)
    if options.get("mtp"):  # transformers does not write what it does not run
        state = hf_tensors(folder)
        text = {key.replace("model.language_model.", "model."): value for key, value in state.items()}
        block = {key: value for key, value in add_delta_mtp(text, 3).items() if key.startswith("mtp.")}
        save_file(state | block, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        path = os.path.join(folder, "config.json")
        config = json.load(open(path))
        config["text_config"][options["mtp"]] = 1
        json.dump(config, open(path, "w"))
    if options.get("older"):
        rewrite(folder, folder + "_older", options["older"])


def rewrite(folder, to, change):
    """The same model with another config.json and other names."""
    state = hf_tensors(folder)
    config, state = change(json.load(open(os.path.join(folder, "config.json"))), state)
    os.makedirs(to, exist_ok=True)
    json.dump(config, open(os.path.join(to, "config.json"), "w"))
    save_file(state, os.path.join(to, "model.safetensors"), {"format": "pt"})


def computes(binary, name, hf, source, scratch):
    """What differs from transformers; None when nothing does."""
    golden, output = np.load(os.path.join(hf, "golden.npz")), os.path.join(scratch, "logits.npy")
    run = mhub(binary, "logits", source, "--tokens", listed(prompt(90, 4)[0].tolist()), "--output", output, "--overwrite")
    if run.returncode != 0:
        return run.stderr.strip()
    long = MODELS[name][3].get("head", lambda logits: logits)(golden["long"])
    error = np.abs(np.load(output) - long).max() / np.abs(long).max()
    if not error <= TOLERANCE:
        return f"logits differ by {error:.1e} of scale"
    run = mhub(binary, "generate", source, "--tokens", listed(prompt(17, 3)[0].tolist()), "--max-new-tokens", str(NEW_TOKENS), "--temperature", "0", "--ignore-eos", "--json")
    if run.returncode != 0:
        return run.stderr.strip()
    tokens = json.loads(run.stdout)["tokens"]
    return None if tokens == golden["greedy"].tolist() else f"greedy tokens {tokens}, transformers {golden['greedy'].tolist()}"


def check_layouts(binary, name, hf, scratch):
    """Returns the folder of the first layout."""
    record(f"{name}: texts from the Hugging Face folder", computes(binary, name, hf, hf, scratch))
    layouts = {layout: LAYOUTS[layout] for layout in (FEW if name in NEW else LAYOUTS)}
    for layout, options in layouts.items():
        out = os.path.join(scratch, f"{name}-{layout}")
        run = mhub(binary, "convert", hf, out, "--verify", *options)
        record(f"{name} {layout}: converted, texts", run.stderr.strip() if run.returncode else computes(binary, name, hf, out, scratch))
        for bare in (False, True):
            if bare:
                os.remove(os.path.join(out, "mhub_manifest.json"))
            back = os.path.join(scratch, f"{name}-{layout}-{bare}")
            run = mhub(binary, "convert", out, back, "--to", "hf", *(["--hf-reference", hf] if bare else []))
            record(f"{name} {layout}: exported{' with a reference' if bare else ''}", run.stderr.strip() if run.returncode else compare(hf_tensors(hf), hf_tensors(back)))
    if MODELS[name][3].get("remote"):
        return None
    still = getattr(transformers, MODELS[name][0]).from_pretrained(back, dtype=torch.float32, attn_implementation="eager").eval()
    golden = np.load(os.path.join(hf, "golden.npz"))
    with torch.no_grad():
        same = np.array_equal(reads(name, still)(torch.tensor(golden["ids"])).logits.numpy(), golden["logits"])
    record(f"{name}: transformers computes the same of the exported folder", None if same else "logits differ")
    return os.path.join(scratch, f"{name}-dist")


CARRIED = ("audio_tower.", "visual.", "talker.", "token2wav.", "code2wav.", "vision_tower.", "vision_model.", "multi_modal_projector.", "mm_projector.", "mlp1.", "sound_", "image_newline", "model.visual.", "model.vision_", "model.embed_vision.", "model.embed_audio.", "model.audio_tower.", "model.connector.", "model.merger.", "visual_tokenizer.", "vte.", "model.multi_modal_projector.")


def text_alone(name, hf, folder):
    """The decoder as a model of its own class: what Megatron's checkpoint holds after training."""
    os.makedirs(folder)
    config, inside = json.load(open(os.path.join(hf, "config.json"))), MODELS[name][3].get("inside")
    config = config[inside + "_config"] if inside else config
    text = config.get("text_config") or config["llm_config"]
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings", False))
    text = dict(text, architectures=[MODELS[name][2]], tie_word_embeddings=tied, **MODELS[name][3].get("alone", {}))
    if name in NEW:  # as their decoders' own classes, not the whole's
        text.pop("model_type", None)
    json.dump(text, open(os.path.join(folder, "config.json"), "w"))
    state = {}
    for key, value in hf_tensors(hf).items():
        key = key.removeprefix(f"{inside}.")
        if not key.startswith(CARRIED):
            state[key.replace("model.model.", "model.").replace("model.language_model.", "model.").replace("model.text_model.", "model.").removeprefix("language_model.").removeprefix("llm.")] = value
    save_file(state, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    return config


def check_lost_tower(binary, name, hf, scratch):
    text, trained, back = (os.path.join(scratch, f"{name}-{part}") for part in ("text", "trained", "whole"))
    text_alone(name, hf, text)
    run = mhub(binary, "convert", text, trained, "--tp", "2")
    if run.returncode == 0:
        os.remove(os.path.join(trained, "mhub_manifest.json"))
        run = mhub(binary, "convert", trained, back, "--to", "hf", "--hf-reference", hf)
    record(f"{name}: a checkpoint that lost the tower, with a reference", run.stderr.strip() if run.returncode else compare(hf_tensors(hf), hf_tensors(back)))
    bare = os.path.join(scratch, f"{name}-config")
    os.makedirs(bare)
    shutil.copy(os.path.join(hf, "config.json"), bare)
    run = mhub(binary, "convert", trained, back + "2", "--to", "hf", "--hf-reference", bare)
    lost = run.returncode == 3 and "--hf-reference" in run.stderr and not os.path.exists(back + "2")
    record(f"{name}: without the reference's weights it is refused", None if lost else f"exit {run.returncode}: {run.stderr.strip()}")


def check_spelling(binary, name, hf):
    """The names that the model has in memory, where a block that transformers does not know is not missing, and older ones."""
    options = MODELS[name][3]
    memory = not (options.get("mtp") or options.get("remote")) and options.get("memory", True)
    for form in ["memory"] * memory + ["older"] * ("older" in options):
        run = mhub(binary, "verify", hf, f"{hf}_{form}")
        record(f"{name}: the same in the {form} names", None if run.returncode == 0 else run.stderr.strip() or run.stdout.strip()[:300])


def check_core(name, hf, folder):
    options = MODELS[name][3]
    if options.get("core") or options.get("spec"):
        with shim.CudaToCpu():
            error = arch_judges.core_logits({"spec": options.get("spec")}, folder, np.load(os.path.join(hf, "golden.npz")))
        record(f"{name}: megatron-core's logits, {error:.0e} of scale", None if error <= arch_judges.TOLERANCE else "too far")


def check_refusals(binary, hf, scratch):
    def refused(name, wanted, change_tensors=None, change_config=None):
        folder = os.path.join(scratch, "refused-" + name.replace(" ", "-"))
        shutil.copytree(hf, folder)
        state, path = hf_tensors(folder), os.path.join(folder, "config.json")
        config = json.load(open(path))
        (change_tensors or (lambda _: None))(state)
        (change_config or (lambda _: None))(config)
        save_file(state, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        json.dump(config, open(path, "w"))
        run = mhub(binary, "convert", folder, folder + "-out")
        good = run.returncode == 3 and wanted in run.stderr and not os.path.exists(folder + "-out")
        record(f"refuses {name}", None if good else f"exit {run.returncode}: {run.stderr.strip()[:300]}")

    def without(part):
        return lambda state: [state.pop(key) for key in list(state) if key.startswith(part)]

    refused("a tower that is missing", "vision_tower.", without("vision_tower."))
    refused("a tensor of no part", "audio_tower.weight", lambda state: state.update({"audio_tower.weight": torch.ones(2)}))
    refused("a missing tensor of the decoder", "layers.2.mlp.up_proj.weight", without("language_model.model.layers.2.mlp.up"))
    refused("a config without text_config", "from config.json", change_config=lambda config: config.pop("text_config"))
    refused("a decoder that has one itself", "expected a model of texts", change_config=lambda config: config.update(text_config=json.loads(json.dumps(config))))
    refused("a decoder that is unknown", "Unheard", change_config=lambda config: config["text_config"].update(architectures=["Unheard"]))
    refused("a text_config that is no object", "text_config", change_config=lambda config: config.update(text_config=[1]))
    refused("a head that differs from what it is tied to", "lm_head", lambda state: state.update({"language_model.lm_head.weight": state["language_model.model.embed_tokens.weight"] + 1}))


def check_thinkers(binary, hf, scratch):
    """A head that gives times, and a model that has a voice though its config.json says no."""
    for name, wanted, change in (("aligner", "forced_aligner", lambda config: config["thinker_config"].update(model_type="qwen3_forced_aligner_thinker")),
                                 ("mute", "talker.", lambda config: config.update(enable_audio_output=False))):
        folder = os.path.join(scratch, f"{os.path.basename(hf)}-{name}")
        shutil.copytree(hf, folder)
        path = os.path.join(folder, "config.json")
        config = json.load(open(path))
        if ("talker_config" in config) != (name == "mute"):
            continue
        change(config)
        json.dump(config, open(path, "w"))
        run = mhub(binary, "convert", folder, folder + "-out")
        good = run.returncode == 3 and wanted in run.stderr and not os.path.exists(folder + "-out")
        record(f"refuses {os.path.basename(folder)}", None if good else f"exit {run.returncode}: {run.stderr.strip()[:300]}")


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    torch.set_num_threads(1)
    names = sys.argv[3:] or list(MODELS)
    for name in names:
        hf = os.path.join(scratch, name)
        make(name, hf)
        folder = check_layouts(binary, name, hf, scratch)
        check_lost_tower(binary, name, hf, scratch)
        check_spelling(binary, name, hf)
        check_core(name, hf, folder)
        if name == "gemma3_4b":
            check_refusals(binary, hf, scratch)
        if name in ("qwen3_asr", "qwen2_5_omni"):
            check_thinkers(binary, hf, scratch)
    record("recipes, dry", "; ".join(dry_runs(binary, scratch, names)))
    failed = sum(bool(problem) for problem in results)
    print(f"decoders of models with images: {len(results) - failed} ok, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
