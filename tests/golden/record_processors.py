# SPDX-License-Identifier: Apache-2.0
"""What transformers' processors make of two small pictures and of a prompt: $(tests/python_env.sh) tests/golden/record_processors.py writes processors.json,
which tests/unit/image reads; interop.processors records anew and compares."""

import base64
import json
import os
import pathlib
import sys
import tempfile

import numpy as np
from transformers import PreTrainedTokenizerFast
from transformers.image_utils import load_image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import pictures
import processor_cases

FILE = os.path.join(HERE, "processors.json")
PICTURES = ["lossy_3x7.webp", "rgb_64x48.png"]
PROMPT = "<picture> beside <picture>"
BACKENDS = {"pillow": "pil", "torchvision": "torchvision"}
STEP = 97  # of the numbers, one in so many is kept


def shown(answer):
    values = np.asarray(answer.pop("values"), np.float32)
    return {**answer, "shape": list(values.shape), "mean": float(values.astype(np.float64).mean()), "values": [float(f"{one:.7g}") for one in values.reshape(-1)[::STEP]]}


def filled(case, images):
    with tempfile.TemporaryDirectory() as folder:
        folder = processor_cases.make_folder(case, pathlib.Path(folder))
        ids = processor_cases.real_prompt(case, folder, PROMPT.replace("<picture>", case.placeholder), images)
        return PreTrainedTokenizerFast.from_pretrained(folder).decode(ids, clean_up_tokenization_spaces=False)


def facts():
    made = {name: content for name, content in pictures.pictures() if name in PICTURES}
    images = {name: load_image(base64.b64encode(made[name]).decode()) for name in PICTURES}
    cases = {}
    for case in processor_cases.CASES:
        found = {backend: {name: shown(processor_cases.real_images(case, BACKENDS[backend], images[name])) for name in PICTURES} for backend in case.backends}
        cases[case.name] = {"preprocessor": {"image_processor_type": case.images, **case.fields}, "kwargs": case.kwargs, "found": found}
        if case.placeholder:
            cases[case.name].update(processor={"processor_class": case.processor, **case.processor_fields}, tokens=case.tokens, prompt=PROMPT.replace("<picture>", case.placeholder), filled=filled(case, list(images.values())))
    return {"pictures": {name: base64.b64encode(made[name]).decode() for name in PICTURES}, "step": STEP, "cases": cases}


if __name__ == "__main__":
    with open(FILE, "w") as out:
        json.dump(facts(), out, indent=0)
        out.write("\n")
