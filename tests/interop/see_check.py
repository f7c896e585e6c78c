# SPDX-License-Identifier: Apache-2.0
"""Vision-language models see as transformers' do: python see_check.py MHUB SCRATCH [NAMES].

Tiny models of every generating class with their processors get prompts with one picture and with two of different sizes. The tokens of the prompt, the logits of every
one of them (float32, within 1e-3 of their spread) and 16 greedy tokens must be transformers', from the Hugging Face folder and from Megatron folders of both
formats at tensor-parallel 2.
"""

import json
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import transformers
from transformers.image_utils import load_image

from pictures import encoded, rgb
from see_models import MODELS, make_clip, make_model, processor_of

MHUB, SCRATCH = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
NAMES = sys.argv[3:]
LAYOUTS = {"torch_dist": ["--tp", "2"], "torch": ["--to", "torch", "--tp", "2"]}
TOLERANCE, NEW_TOKENS = 1e-3, 16


def mhub(*arguments, code=0):
    run = subprocess.run([MHUB, *map(str, arguments)], capture_output=True, text=True)
    assert run.returncode == code, f"{' '.join(map(str, arguments))}: exit code {run.returncode}\n{run.stderr}"
    return run.stdout if code == 0 else run.stderr


def prompts(model):
    yield "one", ["wide.png"], f"say what it is {model.placeholder} now"
    yield "two", ["tall.jpg", "wide.png"], f"{model.placeholder}compare {model.placeholder} with the first"


def wanted(model, network, folder, images, text):
    """The prompt's tokens, their logits and the continuation."""
    processor = processor_of(model, folder)
    pictures = [load_image(str(SCRATCH / image)) for image in images]
    if model.processor == "LlavaOnevisionProcessor":
        pictures = [pictures]  # of one conversation, as apply_chat_template gives them
    inputs = processor(images=pictures, text=text, return_tensors="pt")
    for unused in ("attention_mask", "labels"):
        inputs.pop(unused, None)
    inputs["pixel_values"] = inputs["pixel_values"].float()  # Llama 4's are bfloat16
    with torch.no_grad():
        logits = network(**inputs).logits[0]
        new = network.generate(**inputs, max_new_tokens=NEW_TOKENS, min_new_tokens=NEW_TOKENS, do_sample=False)[0][inputs["input_ids"].shape[1]:]
    logits = model.head(logits.numpy()) if model.head else logits.numpy()
    return inputs["input_ids"][0].tolist(), logits, new.tolist()


def compare(model, source, case, images, text, expected):
    tokens, logits, new = expected
    pictures = [argument for image in images for argument in ("--image", SCRATCH / image)]
    report = json.loads(mhub("generate", source, "--prompt", text, *pictures, "--max-new-tokens", NEW_TOKENS, "--ignore-eos", "--temperature", 0, "--exact", "--json"))
    if report["prompt"] != tokens:
        return f"{case}: the prompt is {report['prompt']}, not {tokens}"
    output = SCRATCH / "logits.npy"
    mhub("logits", source, "--tokens", ",".join(map(str, tokens)), *pictures, "--output", output, "--overwrite")
    found = np.load(output)
    if problem := off(found, logits, "logits"):
        return f"{case}: {problem}"
    if report["tokens"] != new:
        return f"{case}: continued with {report['tokens']}, not {new}"
    return ""


def check(model, folder):
    network = make_model(model, folder)
    sources = {"hf": folder}
    for layout, options in LAYOUTS.items():
        out = folder.with_name(f"{folder.name}_{layout}")
        mhub("convert", folder, out, *options, "--verify", "--overwrite")
        sources[layout] = out
    for case, images, text in prompts(model):
        expected = wanted(model, network, folder, images, text)
        others = images[::-1] if len(images) > 1 else ["tall.jpg"]
        other = wanted(model, network, folder, others, text)
        assert other[1].shape != expected[1].shape or np.abs(other[1] - expected[1]).max() > 0.01 * np.abs(expected[1]).max(), "pictures make no difference"
        for place, source in sources.items():
            yield f"{model.name} {place}", compare(model, source, case, images, text, expected)
    if model.processor == "PaliGemmaProcessor":
        return  # whose prompts need say nothing of pictures
    error = mhub("generate", folder, "--prompt", "no picture", "--image", SCRATCH / "wide.png", code=2)
    yield f"{model.name} placeholder", "" if "stands for a picture" in error else error


def check_chats(folder):
    """The tokens of conversations: where a processor's template is, and that a tokenizer's first token stands in front of what the template begins without it."""
    model = next(model for model in MODELS if model.name == "llava")
    make_model(model, folder)
    turn = "{% for m in messages %}{{ m.role }}: {% for c in m.content %}{{ '<image>\\n' if c.type == 'image' else c.text }}{% endfor %} {% endfor %}"
    add_first_token(folder)
    conversations = {"picture": [{"type": "image", "path": str(SCRATCH / "wide.png")}, {"type": "text", "text": "what"}], "text": [{"type": "text", "text": "what"}]}
    for where, files in {
            "jinja": {"chat_template.jinja": turn}, "written": {"chat_template.jinja": "{{ bos_token }}" + turn}, "older": {"chat_template.json": turn, "tokenizer_config.json": "tokenizer's"},
            "older above jinja": {"chat_template.json": turn, "chat_template.jinja": "newer"}, "processor_config": {"processor_config.json": turn, "chat_template.json": "older"}}.items():
        for name in ("chat_template.jinja", "chat_template.json"):
            (folder / name).unlink(missing_ok=True)
        for name in ("tokenizer_config.json", "processor_config.json"):
            edit_json(folder / name, lambda config: config.pop("chat_template", None))
        for name, text in files.items():
            if name.endswith(".jinja"):
                (folder / name).write_text(text)
            else:
                edit_json(folder / name, lambda config: config.update(chat_template=text))
        processor = transformers.AutoProcessor.from_pretrained(folder)
        for what, content in conversations.items():
            messages = [{"role": "user", "content": content}]
            (SCRATCH / "messages.json").write_text(json.dumps(messages))
            expected = processor.apply_chat_template(messages, tokenize=True, return_dict=True, add_generation_prompt=True)["input_ids"]
            expected = expected[0] if isinstance(expected[0], list) else expected
            found = json.loads(mhub("generate", folder, "--messages", SCRATCH / "messages.json", "--max-new-tokens", 1, "--json"))["prompt"]
            yield f"chat {where} {what}", "" if found == list(expected) else f"{found}, not {expected}"


def add_first_token(folder):
    """As Llama's tokenizers have it."""
    begin = next(token for token in json.loads((folder / "tokenizer.json").read_text())["added_tokens"] if token["content"] == "<bos>")
    token = {"SpecialToken": {"id": begin["content"], "type_id": 0}}
    named = {begin["content"]: {"id": begin["content"], "ids": [begin["id"]], "tokens": [begin["content"]]}}
    post = {"type": "TemplateProcessing", "single": [token, {"Sequence": {"id": "A", "type_id": 0}}], "pair": [token, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": named}
    edit_json(folder / "tokenizer.json", lambda file: file.update(post_processor=post))
    edit_json(folder / "tokenizer_config.json", lambda config: config.update(bos_token=begin["content"]))


def edit_json(path, change):
    content = json.loads(path.read_text()) if path.exists() else {}
    change(content)
    path.write_text(json.dumps(content))


def check_refusals(scratch):
    """What a config says of less, or of smaller pictures, than there are. The folders are those of `check`."""
    cases = {"qwen2_5_vl": ("vision_config", "depth", 3, "belongs to no part"), "mistral3": ("vision_config", "image_size", 42, "42 pixels a side at most"),
             "llama4": ("vision_config", "num_hidden_layers", 2, "belongs to no part"), "llava_next": ("", "image_grid_pinpoints", [[56, 28], [28, 56]], "put together otherwise"),
             "llava": ("", "tie_word_embeddings", True, "they are tied")}
    for name, (part, key, value, said) in cases.items():
        model = next(model for model in MODELS if model.name == name)
        folder = scratch / f"{name}_refused"
        make_model(model, folder)
        edit_json(folder / "config.json", lambda config: (config[part] if part else config).update({key: value}))
        error = mhub("generate", folder, "--prompt", f"a {model.placeholder} b", "--image", SCRATCH / "wide.png", code=3)
        yield f"{name} {key}", "" if said in error else error


def check_clip(name, folder, **fields):
    """Features and similarities, from the Hugging Face folder and from Megatron's."""
    network, tokenizer, processor = make_clip(folder, **fields)
    images, texts = ["wide.png", "tall.jpg"], ["a cat", "the colour of noise"]
    pictures = [load_image(str(SCRATCH / image)) for image in images]
    with torch.no_grad():
        pixels = processor(pictures, return_tensors="pt")["pixel_values"]
        encoded_texts = [torch.tensor([tokenizer(text)["input_ids"]]) for text in texts]
        answers = [network(input_ids=ids, pixel_values=pixels) for ids in encoded_texts]
        features = torch.cat([network.visual_projection(network.vision_model(pixels).pooler_output), *[network.text_projection(network.text_model(ids).pooler_output) for ids in encoded_texts]]).numpy()
        similarity = torch.cat([answer.logits_per_image for answer in answers], dim=1).numpy()
    sources = {"hf": folder}
    for layout, options in LAYOUTS.items():
        sources[layout] = folder.with_name(f"{folder.name}_{layout}")
        mhub("convert", folder, sources[layout], *options, "--verify", "--overwrite")
    arguments = [argument for image in images for argument in ("--image", SCRATCH / image)] + [argument for text in texts for argument in ("--text", text)]
    for place, source in sources.items():
        output = SCRATCH / "features.npy"
        report = json.loads(mhub("features", source, *arguments, "--output", output, "--overwrite", "--json"))
        yield f"{name} {place}", off(np.load(output), features, "features") or off(np.array(report["similarity"]), similarity, "similarities")


def guarded(name, checked):
    """A command that failed is one failure; the other models have their turn."""
    try:
        yield from checked
    except AssertionError as error:
        yield name, str(error)


def off(found, wanted, what):
    if found.shape != wanted.shape:
        return f"{what} are {found.shape}, not {wanted.shape}"
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    return "" if error < TOLERANCE else f"{what} are off by {error:.3g} of their spread"


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    (SCRATCH / "wide.png").write_bytes(encoded(rgb(97, 33), "PNG"))
    (SCRATCH / "tall.jpg").write_bytes(encoded(rgb(40, 61), "JPEG"))
    failures = comparisons = 0
    checks = {model.name: check(model, SCRATCH / model.name) for model in MODELS}
    checks["refusals"] = check_refusals(SCRATCH)
    checks["chats"] = check_chats(SCRATCH / "chats")
    checks["clip"] = check_clip("clip", SCRATCH / "clip")
    checks["clip_of_2022"] = check_clip("clip_of_2022", SCRATCH / "clip_of_2022", eos_token_id=2)
    for name, checked in checks.items():
        if NAMES and name not in NAMES:
            continue
        for what, problem in guarded(name, checked):
            comparisons += 1
            if problem:
                failures += 1
                print(f"FAIL {what}: {problem}")
    print(f"{comparisons} comparisons, {failures} failures")
    return failures != 0 or comparisons == 0


sys.exit(main())
