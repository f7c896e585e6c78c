# SPDX-License-Identifier: Apache-2.0
"""Models with images: python vision_check.py MHUB SCRATCH.

Tiny CLIP towers and LLaVA models: converted into several layouts, verified, exported with and without mhub's manifest (all
tensors bit-equal), and loaded by megatron-core's own CLIPViTModel, LLaVAModel and GPTModel (vision_model.py), whose outputs
must be transformers'. Prints a table; exits 1 when a cell failed.
"""

import json
import os
import shutil
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import ranks
import torch
import transformers
from safetensors.torch import save_file

from arch_recipes import dry_runs
from hf_tensors import compare, hf_tensors
from tiny_models import randomize, save_tokenizer

ENCODER = dict(hidden_size=48, intermediate_size=88, num_hidden_layers=3, num_attention_heads=6, projection_dim=20)
VISION = dict(ENCODER, image_size=28, patch_size=7)
SIGLIP = {key: value for key, value in VISION.items() if key != "projection_dim"}
TEXT = dict(ENCODER, hidden_size=40, num_attention_heads=4, vocab_size=203, max_position_embeddings=32)
DECODER = dict(vocab_size=203, hidden_size=64, intermediate_size=112, num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=2, max_position_embeddings=96, rms_norm_eps=1e-6)
PATCHES, TOKEN = 16, 200

LAYOUTS = {
    "dist": [],
    "dist2": ["--tp", "2"],
    "te2": ["--to", "torch", "--tp", "2"],
    "local": ["--to", "torch", "--transformer-impl", "local"],
    "local_dist": ["--transformer-impl", "local"],
    "local_dist2": ["--transformer-impl", "local", "--tp", "2"],
    "pp2": ["--to", "torch", "--tp", "2", "--pp", "2"],
    "dist_pp2": ["--pp", "2"],
}
ONE_STAGE = [name for name in LAYOUTS if "pp2" not in name]


def pixels(batch=2):
    return torch.randn(batch, 3, VISION["image_size"], VISION["image_size"], generator=torch.Generator().manual_seed(2))


def ids(vocabulary, length=17):
    return torch.randint(0, vocabulary, (2, length), generator=torch.Generator().manual_seed(1))


def vision_features(model):
    x = pixels()
    tower = getattr(model, "vision_model", model)
    return {"pixels": x, "wanted": tower(x).last_hidden_state}


def text_logits(model):
    tokens = ids(TEXT["vocab_size"])
    return {"ids": tokens, "wanted": model(tokens).last_hidden_state @ model.get_input_embeddings().weight.T}


def llava_logits(model):
    patches = PATCHES + (model.config.vision_feature_select_strategy == "full")
    text = ids(TOKEN, 9)
    image = torch.full((1, patches), TOKEN)
    rows = [torch.cat([row[:at], image[0], row[at:]]) for row, at in zip(text, (2, 5))]
    tokens, x = torch.stack(rows), pixels()
    return {"ids": tokens, "pixels": x, "wanted": model(input_ids=tokens, pixel_values=x).logits}


def llava(text_class="LlamaConfig", **fields):
    text = getattr(transformers, text_class)(**DECODER)
    return transformers.LlavaConfig(vision_config=transformers.CLIPVisionConfig(**VISION), text_config=text, image_token_index=TOKEN, **fields)


# name: (class, config, kind of vision_model.py, golden, options)
MODELS = {
    "clip_vision": ("CLIPVisionModel", lambda: transformers.CLIPVisionConfig(**VISION), "vit", vision_features, {}),
    "clip_vision_projection": ("CLIPVisionModelWithProjection", lambda: transformers.CLIPVisionConfig(**VISION), "vit", vision_features, {"reference": True}),
    "clip": ("CLIPModel", lambda: transformers.CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=20), "vit", vision_features, {"reference": True}),
    "siglip": ("SiglipVisionModel", lambda: transformers.SiglipVisionConfig(**SIGLIP, vision_use_head=False), "vit", vision_features, {}),
    "siglip_head": ("SiglipVisionModel", lambda: transformers.SiglipVisionConfig(**SIGLIP), "vit", vision_features, {"reference": True}),
    "clip_text": ("CLIPTextModel", lambda: transformers.CLIPTextConfig(**TEXT), "text", text_logits, {"twin": True}),
    "llava": ("LlavaForConditionalGeneration", llava, "llava", llava_logits, {"pp": True}),
    "llava_mistral": ("LlavaForConditionalGeneration", lambda: llava("MistralConfig", vision_feature_layer=-1, vision_feature_select_strategy="full", multimodal_projector_bias=False, tie_word_embeddings=True),
                      "llava", llava_logits, {"pp": True, "dtype": torch.bfloat16, "older": True}),
}
results = []


def record(name, problem):
    results.append(problem)
    print(f"{'FAIL' if problem else 'ok  '} {name}{': ' + problem if problem else ''}", flush=True)


def spelled_by_4(name):
    """Names as transformers 4 has them: CLIP's tower is a module of the class that has it."""
    return name.replace("vision_tower.", "vision_tower.vision_model.", 1) if name.startswith("vision_tower.") else name


def plain_names(state, name):
    """The same names for either spelling."""
    if name == "clip":
        return state
    return {key.replace("vision_model.", "").removeprefix("text_model."): value for key, value in state.items()}


def mhub(binary, *arguments):
    return subprocess.run([binary, *arguments], capture_output=True, text=True)


def make(name, folder):
    class_name, config, _, golden, options = MODELS[name]
    kind = getattr(transformers, class_name)
    model = kind._from_config(config(), attn_implementation="eager").float().eval()
    randomize(model, sum(map(ord, name)))
    model.to(options.get("dtype", torch.float32)).save_pretrained(folder)
    save_tokenizer(folder)
    if options.get("older"):
        state = {spelled_by_4(key): value for key, value in hf_tensors(folder).items()}
        save_file(state, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    model = kind.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        np.savez(os.path.join(folder, "golden.npz"), **{key: value.numpy() for key, value in golden(model).items()})


def convert(binary, name, hf, scratch):
    """{layout: folder} of what was converted and verified."""
    folders = {}
    for layout in LAYOUTS if MODELS[name][4].get("pp") else ONE_STAGE:
        out = os.path.join(scratch, f"{name}-{layout}")
        run = mhub(binary, "convert", hf, out, "--verify", *LAYOUTS[layout])
        if run.returncode == 0:
            folders[layout] = out
        else:
            record(f"{name} {layout}", run.stderr.strip())
    return folders


def export(binary, name, hf, folders, scratch):
    options = MODELS[name][4]
    original, wrong = hf_tensors(hf), []
    for layout, folder in folders.items():
        for bare in (False, True):
            if bare:
                os.remove(os.path.join(folder, "mhub_manifest.json"))
            hints = (["--hf-reference", hf] if options.get("reference") else []) + (["--hf-class", MODELS[name][0]] if options.get("twin") else [])
            out = os.path.join(scratch, f"{name}-{layout}-{'bare' if bare else 'manifest'}")
            run = mhub(binary, "convert", folder, out, "--to", "hf", *(hints if bare else []))
            problem = run.stderr.strip() if run.returncode else None
            if not problem:  # only the manifest knows which spelling the original had
                problem = compare(*(plain_names(state, name) if bare else state for state in (original, hf_tensors(out))))
            if problem:
                wrong.append(f"{layout}{' without manifest' if bare else ''}: {problem}")
            elif bare and layout in ("dist", "local"):
                wrong += still_computes(name, hf, out)
    record(f"{name}: {len(folders)} layouts exported with and without manifest, bit-equal", "; ".join(wrong))


def still_computes(name, hf, folder):
    """transformers' output of an exported folder is that of the original."""
    class_name, _, _, golden, _ = MODELS[name]
    model = getattr(transformers, class_name).from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        got = golden(model)["wanted"].numpy()
    return [] if np.array_equal(got, np.load(os.path.join(hf, "golden.npz"))["wanted"]) else [f"{folder}: transformers' output differs"]


def real_models(cases, scratch):
    path = os.path.join(scratch, "cases.json")
    json.dump(cases, open(path, "w"))
    for world in (1, 2):
        found, outputs = ranks.results(ranks.start("vision_model.py", path, world))
        for case in cases:
            if case["tp"] == world:
                result = found.get(case["name"], {"ok": False, "detail": "no result: " + " | ".join(output[-500:] for output in outputs)})
                record(f"{case['name']}: {result['detail']}", "" if result["ok"] else "see above")


def lost_tensors(binary, name, hf, folders, scratch):
    """A checkpoint without what Megatron's model has no place for, as one that it trained and saved: the reference has them."""
    folder, out = os.path.join(scratch, f"{name}-lost"), os.path.join(scratch, f"{name}-found")
    shutil.copytree(folders["local"], folder)
    path = os.path.join(folder, "release", "mp_rank_00", "model_optim_rng.pt")
    state = torch.load(path, weights_only=False)
    lost = len(state.pop("hf"))
    torch.save(state, path)
    run = mhub(binary, "convert", folder, out, "--to", "hf", "--hf-reference", os.path.join(hf, "config.json"))
    refused = run.returncode == 3 and "--hf-reference" in run.stderr and not os.path.exists(out)
    record(f"{name}: a checkpoint that lost {lost} tensors is refused", "" if refused else f"exit {run.returncode}: {run.stderr.strip()}")
    run = mhub(binary, "convert", folder, out, "--to", "hf", "--hf-reference", hf)
    record(f"{name}: the reference has them", run.stderr.strip() if run.returncode else compare(plain_names(hf_tensors(hf), name), plain_names(hf_tensors(out), name)))


def other_spelling(binary, hf, scratch):
    """The names that the model has in memory, as save_pretrained writes them when asked to."""
    folder, model = os.path.join(scratch, "spelled"), transformers.LlavaForConditionalGeneration.from_pretrained(hf)
    model.save_pretrained(folder, save_original_format=False)
    names = sorted(hf_tensors(folder))
    plain = sorted(hf_tensors(hf))
    if names == plain:
        return record("LLaVA in transformers 5's names", "save_pretrained wrote the original names")
    out, back = os.path.join(scratch, "spelled-out"), os.path.join(scratch, "spelled-back")
    run = mhub(binary, "convert", folder, out, "--verify")
    run = run if run.returncode else mhub(binary, "convert", out, back, "--to", "hf")
    record(f"LLaVA in transformers 5's names ({names[0]})", run.stderr.strip() if run.returncode else compare(hf_tensors(folder), hf_tensors(back)))


def refusals(binary, hf, scratch):
    def refused(name, change, wanted, *arguments, tensors=None):
        folder = os.path.join(scratch, "refused-" + name)
        shutil.copytree(hf, folder)
        path = os.path.join(folder, "config.json")
        config = json.load(open(path))
        change(config)
        json.dump(config, open(path, "w"))
        if tensors:
            state = hf_tensors(folder)
            tensors(state)
            save_file(state, os.path.join(folder, "model.safetensors"), {"format": "pt"})
        run = mhub(binary, *(arguments or ("convert", folder, folder + "-out")))
        good = run.returncode in (2, 3) and wanted in run.stderr
        record(f"refuses {name}", "" if good else f"exit {run.returncode}: {run.stderr.strip()[:300]}")

    refused("several feature layers", lambda c: c.update(vision_feature_layer=[-2, -1]), "vision_feature_layer")
    refused("a layer that is not there", lambda c: c.update(vision_feature_layer=9), "vision_feature_layer=9")
    refused("an unknown decoder", lambda c: c["text_config"].update(architectures=["Unheard"]), "Unheard")
    refused("an extra tensor", lambda c: None, "vision_tower.extra", tensors=lambda t: t.update({"vision_tower.extra": torch.ones(2)}))
    refused("what is no picture", lambda c: None, "not a picture that can be read", "generate", hf, "--tokens", "1,2", "--image", os.path.join(hf, "config.json"))


def main():
    binary, scratch = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    cases, exports = [], []
    for name in sys.argv[3:] or MODELS:
        hf = os.path.join(scratch, name)
        make(name, hf)
        folders = convert(binary, name, hf, scratch)
        exports.append((name, hf, folders))
        for layout, form, tp in (("local_dist", "torch_dist", 1), ("local", "torch", 1), ("local_dist2", "torch_dist", 2)):
            if layout in folders:
                cases.append({"name": f"{name} {layout} in the real model", "kind": MODELS[name][2], "hf": hf, "megatron": folders[layout], "format": form, "tp": tp})
    real_models(cases, scratch)
    for name, hf, folders in exports:
        export(binary, name, hf, folders, scratch)
        if name in ("clip", "llava"):
            lost_tensors(binary, name, hf, folders, scratch)
        if name == "llava":
            other_spelling(binary, hf, scratch)
            refusals(binary, hf, scratch)
    record("recipes, dry", "; ".join(dry_runs(binary, scratch, [name for name, _, _ in exports])))
    failed = sum(bool(problem) for problem in results)
    print(f"models with images: {len(results) - failed} ok, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
