# SPDX-License-Identifier: Apache-2.0
"""Model folders that keep their templates and special tokens in each of the places that transformers knows."""
import json
import pathlib
import tempfile

import tokenizers
import transformers

from chat_conversations import CONVERSATIONS, TOOLS

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}"
    "[{{ unk_token }}|{{ pad_token }}|{{ sep_token is defined }}|{{ mask_token is defined }}|{{ image_token is defined }}]"
)
DECODER = {"0": {"content": "<unk>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}}
ADDED = {"__type": "AddedToken", "content": "<b>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False}
PLAIN = {key: value for key, value in ADDED.items() if key != "__type"}
NAMED = [{"name": "default", "template": "plain " + TEMPLATE}, {"name": "tool_use", "template": "tools {{ tools|length }} " + TEMPLATE},
         {"name": "rag", "template": "rag " + TEMPLATE}]

# name, tokenizer_config.json, other files
FOLDERS = [
    ("strings", {"chat_template": TEMPLATE, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "image_token": "<img>"}, {}),
    ("objects", {"chat_template": TEMPLATE, "bos_token": ADDED, "eos_token": {**ADDED, "content": "<e>"}, "pad_token": None}, {}),
    ("extra tokens", {"chat_template": TEMPLATE, "extra_special_tokens": {"image_token": "<img>", "sep_token": "<sep>"}}, {}),
    ("list of extra tokens", {"chat_template": TEMPLATE, "extra_special_tokens": ["<img>"], "add_bos_token": True}, {}),
    ("no tokens", {"chat_template": TEMPLATE}, {}),
    ("tokens map", {"chat_template": TEMPLATE, "bos_token": "<s>", "eos_token": "</s>"}, {"special_tokens_map.json": json.dumps({"bos_token": PLAIN, "pad_token": "<pad>", "image_token": "<img>"})}),
    ("tokens map beside a decoder", {"chat_template": TEMPLATE, "bos_token": "<s>", "added_tokens_decoder": DECODER},
     {"special_tokens_map.json": json.dumps({"bos_token": "<other>", "pad_token": "<pad>"})}),
    ("jinja file", {"chat_template": "no", "bos_token": "<s>"}, {"chat_template.jinja": "file " + TEMPLATE + "\n"}),
    ("jinja file over names", {"chat_template": NAMED, "bos_token": "<s>"}, {"chat_template.jinja": "file " + TEMPLATE}),
    ("names", {"chat_template": NAMED, "bos_token": "<s>"}, {}),
    ("names without tools", {"chat_template": NAMED[:1], "bos_token": "<s>"}, {}),
    ("names without default", {"chat_template": NAMED[1:], "bos_token": "<s>"}, {}),
    ("jinja files", {"bos_token": "<s>"}, {"chat_template.jinja": TEMPLATE, "additional_chat_templates/tool_use.jinja": "t" + TEMPLATE, "additional_chat_templates/rag.jinja": "r" + TEMPLATE}),
    ("no template", {"bos_token": "<s>"}, {}),
]


def make_folder(root, config, files):
    vocabulary = {"<unk>": 0, "a": 1}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.save(str(root / "tokenizer.json"))
    (root / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **config}))
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def check_folders(renderer, render_all):
    """The number of differences."""
    failures = compared = 0
    for name, config, files in FOLDERS:
        with tempfile.TemporaryDirectory() as directory:
            make_folder(pathlib.Path(directory), config, files)
            tokenizer = transformers.AutoTokenizer.from_pretrained(directory)
            for options in ({}, {"tools": TOOLS}, {"template_name": "rag"}):
                messages = CONVERSATIONS["system"]
                named = {"chat_template": options["template_name"]} if "template_name" in options else {}
                if named and not (isinstance(tokenizer.chat_template, dict) and "rag" in tokenizer.chat_template):
                    continue  # transformers would take the name for a template
                try:
                    want = {"text": tokenizer.apply_chat_template(messages, tools=options.get("tools"), tokenize=False, **named)}
                except ValueError as error:
                    want = {"error": str(error)}
                answer = render_all(renderer, [{"directory": directory, "messages": messages, **options}])[0]
                compared += 1
                if want != answer and not ("error" in want and "error" in answer):
                    failures += 1
                    print(f"DIFFERENT folder {name} {list(options)}:\n  transformers: {want}\n  mhub:         {answer}")
    print(f"folders: {compared} compared")
    return failures
