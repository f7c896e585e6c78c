# SPDX-License-Identifier: Apache-2.0
"""A 12-megapixel JPEG through processors against transformers', one thread: $(tests/python_env.sh) preprocess_pictures.py PROCESSOR SCRATCH [RUNS].

PROCESSOR is build/bin/process_images, which takes its own time. From the file to pixel_values, both
in turn; prints the median of the times, and of mhub's as a share of transformers' in the same run. Nothing is asserted.
"""

import json
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "interop"))

import numpy as np
import torch
import transformers
from asked import Asked
from pictures import encoded, rgb
from transformers.image_utils import load_image

KINDS = {
    "CLIP, 336 pixels": ("CLIPImageProcessor", {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}),
    "Qwen2.5-VL, 12.8 megapixels": ("Qwen2VLImageProcessor", {"size": {"shortest_edge": 3136, "longest_edge": 12845056}}),
}
BACKENDS = {"torchvision": "", "pillow": "Pil"}


def seconds(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    scratch, runs = pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 7
    torch.set_num_threads(1)
    program = Asked(os.path.abspath(sys.argv[1]))
    picture = scratch / "picture.jpg"
    for number, (kind, (name, fields)) in enumerate(KINDS.items()):
        folder = scratch / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": name, **fields}))
        picture.write_bytes(encoded(rgb(4000, 3000), "JPEG", quality=85))
        for backend, suffix in BACKENDS.items():
            theirs = getattr(transformers, name + suffix)(**fields)

            def ours():
                answer = program.ask(folder=str(folder), backend=backend, kwargs={}, pictures=[str(picture)], prompt=None)
                program.read(4 * int(np.prod(answer["pictures"][0]["shape"])))
                return answer["seconds"]

            pairs = [(ours(), seconds(lambda: theirs(load_image(str(picture)), return_tensors="pt"))) for _ in range(runs + 1)][1:]
            ratios = sorted(mine / other for mine, other in pairs)
            print(f"{kind}, {backend}: mhub {statistics.median(mine for mine, _ in pairs):.2f} s, transformers {statistics.median(other for _, other in pairs):.2f} s, "
                  f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    program.close()


main()
