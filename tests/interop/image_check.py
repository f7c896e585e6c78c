# SPDX-License-Identifier: Apache-2.0
"""Pictures as Pillow gives them: python image_check.py DECODER SCRATCH, DECODER being build/bin/decode_images.

Each picture of pictures.py is decoded as transformers' load_image does it and resized with every filter, smaller and larger; all bytes
must be equal, to Pillow's and to torch's arithmetic. Each is then cut off and damaged in many places: the decoder must end with a picture or with one line that names the file.
"""

import json
import os
import pathlib
import random
import sys

import numpy as np
from PIL import Image
from transformers.image_utils import load_image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "golden"))
import record_pictures
from asked import Asked
from pictures import pictures

DECODER, SCRATCH = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2])
TARGETS = [(1, 1), (16, 16), (31, 90), (224, 224), (336, 20)]
FILTERS = [Image.Resampling(k) for k in range(6)]
DAMAGES = 40


class Decoder(Asked):
    def ask(self, **request):
        """The pixels [height, width, 3], or the error as text."""
        answer = super().ask(**request)
        if isinstance(answer, str):
            return answer
        shape = (answer["height"], answer["width"], 3)
        return np.frombuffer(self.read(int(np.prod(shape))), np.uint8).reshape(shape)


def differs(got, wanted):
    if isinstance(got, str):
        return got
    if got.shape != wanted.shape:
        return f"{got.shape}, not {wanted.shape}"
    wrong = np.argwhere(got != wanted)
    if len(wrong) == 0:
        return ""
    y, x, c = wrong[0]
    return f"{len(wrong)} bytes of {got.size} differ, first at row {y}, column {x}, channel {c}: {got[y, x, c]}, not {wanted[y, x, c]}"


def check_pixels(decoder, path):
    picture = load_image(str(path))
    yield path.name, differs(decoder.ask(path=str(path)), np.asarray(picture))
    for size in TARGETS:
        for one in FILTERS:
            got = decoder.ask(path=str(path), size=size, resample=int(one), backend="pillow")
            yield f"{path.name} to {size} {one.name}", differs(got, np.asarray(picture.resize(size, one)))


def check_torch(decoder, path):
    picture = load_image(str(path))
    for size in TARGETS:
        for one in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            got = decoder.ask(path=str(path), size=size, resample=int(one), backend="torchvision")
            yield f"{path.name} to {size} {one.name} as torch", differs(got, record_pictures.torch_resized(picture, size, one.name.lower()))


def check_damaged(decoder, path):
    """Whatever happens is one line, and quick: the decoder answers."""
    whole = path.read_bytes()
    chance = random.Random(path.name)
    damaged = path.with_name("damaged")
    for k in range(DAMAGES):
        content = bytearray(whole[: chance.randrange(len(whole))] if k % 2 == 0 else whole)
        for _ in range(chance.randrange(4) if k % 2 == 0 else 1 + chance.randrange(8)):
            if content:
                content[chance.randrange(len(content))] = chance.randrange(256)
        damaged.write_bytes(content)
        got = decoder.ask(path=str(damaged))
        if isinstance(got, str):
            yield f"{path.name} damaged", "" if got.startswith(str(damaged)) and "\n" not in got else got
        else:
            yield f"{path.name} damaged", ""


def check_refused(decoder):
    """What is no picture, or too large a one."""
    cases = {
        "empty": (b"", "empty"),
        "text": (b"not a picture at all", "not a picture"),
        "bomb.bmp": (b"BM" + bytes(8) + b"\x36\0\0\0" + b"\x28\0\0\0" + b"\xff\xff\x00\x00" * 2 + b"\1\0\x18\0" + bytes(24), "more than"),
    }
    for name, (content, word) in cases.items():
        (SCRATCH / name).write_bytes(content)
        got = decoder.ask(path=str(SCRATCH / name))
        yield name, "" if isinstance(got, str) and word in got else f"expected an error with \"{word}\", found {got}"


def main():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    decoder = Decoder(DECODER)
    failures = comparisons = count = 0
    checks = [check_refused(decoder)]
    for name, content in pictures():
        path = SCRATCH / name
        path.write_bytes(content)
        count += 1
        checks += [check_pixels(decoder, path), check_torch(decoder, path), check_damaged(decoder, path)]
    for check in checks:
        for what, problem in check:
            comparisons += 1
            if problem:
                failures += 1
                print(f"FAIL {what}: {problem}")
    decoder.close()
    if json.load(open(record_pictures.FILE)) != json.loads(json.dumps(record_pictures.facts())):
        failures += 1
        print("FAIL tests/golden/pictures.json: Pillow or torch say something else now")
    print(f"{count} pictures, {comparisons} comparisons, {failures} failures")
    return failures != 0 or count < 60


sys.exit(main())
