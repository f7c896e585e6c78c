# SPDX-License-Identifier: Apache-2.0
"""CLIP's vision tower over pictures against torch's, two threads: $(tests/python_env.sh) see_pictures.py MHUB SCRATCH [RUNS].

Random weights of a published size. mhub's time for a picture is that of `mhub features` with nine copies of a picture less
that with one, by eight: what starting and loading take is in both. It has the picture's processing in it; so has transformers'. Both in turn; prints medians and mhub's share of
transformers' in the same run. Nothing is asserted.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

import torch
import transformers
from pictures import encoded, rgb
from transformers.image_utils import load_image

MHUB, THREADS = os.path.abspath(sys.argv[1]), 2


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def clip(folder):
    """CLIP ViT-L/14 at 336 pixels; its text tower is small."""
    vision = dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, image_size=336, patch_size=14)
    text = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2)
    network = transformers.CLIPModel(transformers.CLIPConfig(vision_config=vision, text_config=text)).eval()
    fields = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
    network.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "CLIPImageProcessor", **fields}))
    processor = transformers.CLIPImageProcessor(**fields)

    def theirs(picture):
        with torch.no_grad():
            network.get_image_features(**processor(load_image(str(picture)), return_tensors="pt"))

    def ours(picture, count):
        return ["features", folder, *["--image", picture] * count, "--threads", THREADS, "--output", folder / "features.npy", "--overwrite"]

    return theirs, ours


def main():
    scratch, runs = pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 7
    torch.set_num_threads(THREADS)
    scratch.mkdir(parents=True, exist_ok=True)
    picture = scratch / "picture.jpg"
    picture.write_bytes(encoded(rgb(640, 480), "JPEG", quality=85))
    folder = scratch / "clip"
    folder.mkdir(exist_ok=True)
    theirs, ours = clip(folder)

    def mhub(count):
        subprocess.run([MHUB, *map(str, ours(picture, count))], check=True, stdout=subprocess.DEVNULL)

    pairs = []
    for _ in range(runs + 1):
        mine = (seconds(lambda: mhub(9)) - seconds(lambda: mhub(1))) / 8
        pairs.append((mine, seconds(lambda: [theirs(picture) for _ in range(4)]) / 4))
    pairs = pairs[1:]
    ratios = sorted(mine / other for mine, other in pairs)
    print(f"CLIP ViT-L/14, 336 pixels: mhub {statistics.median(mine for mine, _ in pairs):.2f} s a picture, transformers {statistics.median(other for _, other in pairs):.2f} s, "
          f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


main()
