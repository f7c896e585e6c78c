# SPDX-License-Identifier: Apache-2.0
"""Small pictures and what Pillow and torch make of them: $(tests/python_env.sh) tests/golden/record_pictures.py writes pictures.json,
which tests/unit/image and tests/fuzz read; interop.image records anew and compares."""

import base64
import io
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from transformers.image_utils import load_image

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "interop"))
import pictures

FILE = os.path.join(HERE, "pictures.json")
RECORDED = ["rgb_3x7.jpg", "grey.jpg", "rgb_3x7.png", "grey_2.png", "grey_16.png", "rgb_16.png", "palette_4.png", "alpha_16.png", "lossy_3x7.webp",
            "colours_3x7.gif", "clear.gif", "beyond.gif", "rgb_3x7.bmp", "raw_4_0.bmp", "raw_16_63488.bmp", "top_down.bmp", "runs.bmp"]
RESIZED = "rgb_16.png"
SIZES = [(5, 4), (2, 2), (30, 3), (13, 20)]


def text(pixels):
    return base64.b64encode(np.ascontiguousarray(pixels).tobytes()).decode()


def torch_resized(picture, size, name):
    """What torchvision's resize does with a uint8 tensor (transforms/v2/functional/_geometry.py)."""
    tensor = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None]
    out = torch.nn.functional.interpolate(tensor, size=(size[1], size[0]), mode=name, align_corners=False, antialias=True)
    return out[0].permute(1, 2, 0).numpy()


def resized(picture):
    for size in SIZES:
        for one in map(Image.Resampling, range(6)):  # what preprocessor_config.json may ask for
            yield {"size": size, "resample": int(one), "backend": "pillow", "rgb": text(picture.resize(size, one))}
        for one in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            yield {"size": size, "resample": int(one), "backend": "torchvision", "rgb": text(torch_resized(picture, size, one.name.lower()))}


def opened(content):
    return load_image(base64.b64encode(content).decode())


def facts():
    made = dict(pictures.pictures())
    found = {}
    for name in RECORDED:
        picture = opened(made[name])
        found[name] = {"file": base64.b64encode(made[name]).decode(), "size": list(picture.size), "rgb": text(picture)}
    return {"pictures": found, "resized": {"of": RESIZED, "as": list(resized(opened(made[RESIZED])))}}


if __name__ == "__main__":
    with open(FILE, "w") as out:
        json.dump(facts(), out, indent=0)
        out.write("\n")
