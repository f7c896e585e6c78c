# SPDX-License-Identifier: Apache-2.0
"""Pictures and prompts as transformers' processors make them: python processors_check.py PROCESSOR SCRATCH, PROCESSOR being build/bin/process_images.

Every processor of processor_cases.py gets every picture of pictures.py from its own folder, with Pillow's arithmetic and with torchvision's; numbers, shapes and
sizes are compared with what transformers' image processor of that backend gives, and prompts with no, one and three pictures with what its AutoProcessor-like
processor gives: text ids, and pictures of different sizes together.
"""

import json
import os
import pathlib
import random
import sys

import numpy as np
from transformers.image_utils import load_image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
import record_processors
from asked import Asked
from pictures import pictures
from processor_cases import CASES, PROMPTS, make_folder, real_images, real_prompt

PROCESSOR, SCRATCH = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
NAMES = sys.argv[3:]
BACKENDS = {"pillow": "pil", "torchvision": "torchvision"}
DAMAGES = 24


class Processor(Asked):
    def ask(self, **request):
        """The answer with each picture's numbers as "values", or the error as text."""
        answer = super().ask(**request)
        if isinstance(answer, dict):
            for one in answer["pictures"]:
                count = int(np.prod(one["shape"]))
                one["values"] = np.frombuffer(self.read(4 * count), np.float32).reshape(one["shape"])
        return answer


def differs(got, wanted, backend, spread):
    """Pillow: 1e-6. torchvision: a step of 255 in single numbers (bilinear is computed in floats or in bytes, by the processor's instruction set), 1e-4 on
    average."""
    if isinstance(got, str):
        return got
    for key, value in wanted.items():
        if key != "values" and list(np.atleast_1d(got[key])) != list(np.atleast_1d(value)):
            return f"{key} is {got[key]}, not {value}"
    if got["values"].shape != wanted["values"].shape:
        return f"shape is {got['values'].shape}, not {wanted['values'].shape}"
    error = np.abs(got["values"].astype(np.float64) - wanted["values"])
    limit, mean = (1e-6, 1e-6) if backend == "pillow" else (1.01 / 255 / spread, 1e-4 / spread)
    if error.size and (error.max() > limit or error.mean() > mean):
        return f"off by {error.max():.3g} (mean {error.mean():.3g}) at {np.unravel_index(error.argmax(), error.shape)}"
    return ""


def check_pictures(processor, case, folder, paths):
    for backend in case.backends:
        for path in paths:
            got = processor.ask(folder=str(folder), backend=backend, kwargs=case.kwargs, pictures=[str(path)], prompt=None)
            try:
                wanted = real_images(case, BACKENDS[backend], load_image(str(path)))
            except Exception as error:  # what transformers refuses must be refused
                yield f"{case.name} {backend} {path.name}", "" if isinstance(got, str) else f"transformers: {error}"
                continue
            if isinstance(got, dict):
                got = got["pictures"][0]
            yield f"{case.name} {backend} {path.name}", differs(got, wanted, backend, min(case.spread))


def check_prompts(processor, case, folder, paths):
    chance = random.Random(case.name)
    for count, text in PROMPTS.items():
        if count not in case.counts:
            continue
        chosen = chance.sample([path for path in paths if path.name.startswith(("rgb_64", "rgb_97", "rgb_200", "lossy_97", "palette"))], count)
        text = text.replace("<picture>", case.placeholder)
        got = processor.ask(folder=str(folder), backend=case.backends[-1], kwargs=case.kwargs, pictures=[str(path) for path in chosen], prompt=text)
        wanted = real_prompt(case, folder, text, [load_image(str(path)) for path in chosen])
        what = f"{case.name} prompt with {count}"
        if isinstance(got, str):
            yield what, got
        else:
            yield what, "" if got["tokens"] == wanted else f"{len(got['tokens'])} tokens, not {len(wanted)}: ...{got['prompt'][-200:]!r}"
    got = processor.ask(folder=str(folder), backend=case.backends[-1], kwargs={}, pictures=[], prompt=f"a {case.placeholder}")
    yield f"{case.name} prompt without its picture", "" if isinstance(got, str) and "stands for a picture" in got else str(got)


def check_damaged(processor, case, folder, picture):
    """Files with a field missing, of another type or unknown end with a picture or with one line that names the file."""
    chance = random.Random(case.name)
    place = folder / "preprocessor_config.json"
    whole = json.loads(place.read_text())
    values = [None, 0, -1, 3.5, 2**40, "x", [], [1, 2, 3], {}, {"height": 0}, True, 1e308]
    for k in range(DAMAGES):
        config = json.loads(json.dumps(whole))
        for _ in range(1 + k % 2):
            config[chance.choice(sorted(config) + ["not_a_field"])] = chance.choice(values)
        place.write_text(json.dumps(config))
        got = processor.ask(folder=str(folder), backend="pillow", kwargs={}, pictures=[str(picture)], prompt=None)
        fine = isinstance(got, dict) or ("\n" not in got and (str(folder) in got or str(picture) in got))
        yield f"{case.name} damaged", "" if fine else f"{got} of {config}"
    place.write_text('{"image_processor_type": ')
    got = processor.ask(folder=str(folder), backend="pillow", kwargs={}, pictures=[str(picture)], prompt=None)
    yield f"{case.name} cut off", "" if isinstance(got, str) and str(place) in got else str(got)
    place.write_text(json.dumps(whole))


def same(kept, recorded):
    """Numbers to a step of 255, as differs() has it for torchvision."""
    if isinstance(kept, dict):
        return isinstance(recorded, dict) and kept.keys() == recorded.keys() and all(same(kept[key], recorded[key]) for key in kept)
    if isinstance(kept, list):
        return isinstance(recorded, list) and len(kept) == len(recorded) and all(map(same, kept, recorded))
    if isinstance(kept, float):
        return abs(kept - recorded) <= 0.02 * max(1, abs(kept))
    return kept == recorded


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in pictures():
        paths.append(SCRATCH / name)
        paths[-1].write_bytes(content)
    processor = Processor(PROCESSOR)
    failures = comparisons = 0
    for case in CASES:
        if NAMES and case.name not in NAMES:
            continue
        folder = make_folder(case, SCRATCH / case.name)
        checks = [check_pictures(processor, case, folder, paths), check_damaged(processor, case, folder, paths[2])]
        if case.placeholder:
            checks.append(check_prompts(processor, case, folder, paths))
        for check in checks:
            for what, problem in check:
                comparisons += 1
                if problem:
                    failures += 1
                    print(f"FAIL {what}: {problem}")
    processor.close()
    if not NAMES and not same(json.load(open(record_processors.FILE)), json.loads(json.dumps(record_processors.facts()))):
        failures += 1
        print("FAIL tests/golden/processors.json: transformers says something else now")
    print(f"{len(paths)} pictures, {comparisons} comparisons, {failures} failures")
    return failures != 0 or len(paths) < 60


sys.exit(main())
