# SPDX-License-Identifier: Apache-2.0
"""Pictures of every format, mode and odd size that image_check.py compares, made on the spot."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIZES = [(1, 1), (3, 7), (64, 48), (97, 33), (200, 151)]
ORIENTATION = 0x0112


def noise(width, height, channels, seed):
    """Smooth and sharp at once: a ramp, stripes and noise."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    ramp = (3 * x + 5 * y) % 256
    layers = [ramp, (ramp ^ 0x5A) % 256, np.where(x // 3 % 2 == 0, 255, ramp), random.integers(0, 256, (height, width))]
    return np.stack([(layers[k % 4] + random.integers(0, 20, (height, width))) % 256 for k in range(channels)], -1).astype(np.uint8)


def rgb(width, height, seed=0):
    return Image.fromarray(noise(width, height, 3, seed))


def encoded(image, form, **options):
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags.tobytes()


def jpegs():
    for size in SIZES:
        yield f"rgb_{size[0]}x{size[1]}.jpg", encoded(rgb(*size), "JPEG", quality=90)
    for sampling in (0, 1, 2):
        yield f"sampling_{sampling}.jpg", encoded(rgb(97, 33), "JPEG", subsampling=sampling)
    yield "progressive.jpg", encoded(rgb(200, 151), "JPEG", progressive=True, quality=70)
    yield "grey.jpg", encoded(rgb(97, 33).convert("L"), "JPEG")
    yield "cmyk.jpg", encoded(Image.fromarray(noise(97, 33, 4, 1), "CMYK"), "JPEG")
    yield "restarts.jpg", encoded(rgb(97, 33), "JPEG", restart_marker_blocks=2)
    for orientation in range(0, 10):
        yield f"exif_{orientation}.jpg", encoded(rgb(64, 48), "JPEG", exif=exif(orientation))
    yield "xmp.jpg", encoded(rgb(64, 48), "JPEG", xmp=b'<x tiff:Orientation="6"/>')


def pngs():
    grey = rgb(97, 33).convert("L")
    for size in SIZES:
        yield f"rgb_{size[0]}x{size[1]}.png", encoded(rgb(*size), "PNG")
    yield "grey.png", encoded(grey, "PNG")
    yield "bits_1.png", encoded(grey.convert("1"), "PNG")
    yield "alpha.png", encoded(Image.fromarray(noise(97, 33, 4, 2), "RGBA"), "PNG")
    yield "grey_alpha.png", encoded(Image.fromarray(noise(97, 33, 2, 2), "LA"), "PNG")
    for bits in (1, 2, 4, 8):
        yield f"palette_{bits}.png", encoded(rgb(97, 33).quantize(2**bits), "PNG", bits=bits)
    yield "palette_clear.png", encoded(rgb(97, 33).quantize(16), "PNG", transparency=3)
    yield "grey_16.png", encoded(Image.fromarray((np.arange(97 * 33).reshape(33, 97) % 700).astype(np.uint16)), "PNG")
    yield "grey_2.png", raw_png(13, 9, 2, 0)
    yield "grey_4.png", raw_png(13, 9, 4, 0)
    yield "rgb_16.png", raw_png(13, 9, 16, 2)
    yield "grey_alpha_16.png", raw_png(13, 9, 16, 4)
    yield "alpha_16.png", raw_png(13, 9, 16, 6)
    yield "exif.png", encoded(rgb(64, 48), "PNG", exif=exif(8))


def raw_png(width, height, bits, colour):
    """Depths that Pillow does not write."""
    channels = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    row = (width * channels * bits + 7) // 8
    random = np.random.default_rng(bits + colour)
    data = b"".join(b"\0" + random.integers(0, 256, row, dtype=np.uint8).tobytes() for _ in range(height))

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def webps():
    for size in SIZES:
        yield f"lossy_{size[0]}x{size[1]}.webp", encoded(rgb(*size), "WEBP", quality=80)
    yield "lossless.webp", encoded(rgb(97, 33), "WEBP", lossless=True)
    yield "alpha.webp", encoded(Image.fromarray(noise(97, 33, 4, 3), "RGBA"), "WEBP", lossless=True)
    yield "exif.webp", encoded(rgb(64, 48), "WEBP", exif=exif(3))
    yield "frames.webp", encoded(rgb(64, 48), "WEBP", save_all=True, append_images=[rgb(64, 48, 9)])


def gifs():
    for size in SIZES:
        yield f"colours_{size[0]}x{size[1]}.gif", encoded(rgb(*size).quantize(64), "GIF")
    yield "grey.gif", encoded(rgb(97, 33).convert("L"), "GIF")
    yield "flat.gif", encoded(rgb(97, 33).quantize(8), "GIF", interlace=0)
    yield "clear.gif", encoded(rgb(97, 33).quantize(8), "GIF", transparency=2)
    yield "frames.gif", encoded(rgb(64, 48).quantize(32), "GIF", save_all=True, append_images=[rgb(64, 48, 9).quantize(32)])
    whole = bytearray(encoded(rgb(64, 48).quantize(8), "GIF", transparency=5))
    whole[6:10] = struct.pack("<HH", 80, 60)  # a canvas that the frame does not cover
    yield "canvas.gif", bytes(whole)
    whole[6:10] = struct.pack("<HH", 30, 20)  # and one that it goes beyond
    yield "beyond.gif", bytes(whole)


def bmps():
    for size in SIZES:
        yield f"rgb_{size[0]}x{size[1]}.bmp", encoded(rgb(*size), "BMP")
    yield "grey.bmp", encoded(rgb(97, 33).convert("L"), "BMP")
    yield "bits_1.bmp", encoded(rgb(97, 33).convert("1"), "BMP")
    yield "palette.bmp", encoded(rgb(97, 33).quantize(200), "BMP")
    yield "alpha.bmp", encoded(Image.fromarray(noise(97, 33, 4, 5), "RGBA"), "BMP")
    for bits, masks in ((16, None), (16, (0xF800, 0x7E0, 0x1F)), (16, (0x7C00, 0x3E0, 0x1F)), (32, None), (24, None), (4, None)):
        yield f"raw_{bits}_{masks[0] if masks else 0}.bmp", raw_bmp(13, 9, bits, masks)
    yield "top_down.bmp", raw_bmp(13, -9, 24, None)
    yield "runs.bmp", run_length_bmp()


def bmp_header(width, height, bits, compression, offset, colours, size):
    return struct.pack("<2sIHHI", b"BM", offset + size, 0, 0, offset) + struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, size, 0, 0, colours, 0)


def palette(count):
    return noise(count, 1, 4, 7).tobytes()


def raw_bmp(width, height, bits, masks):
    row = (width * bits + 31) // 32 * 4
    data = np.random.default_rng(bits).integers(0, 256, row * abs(height), dtype=np.uint8).tobytes()
    extra = struct.pack("<III", *masks) if masks else palette(1 << bits) if bits <= 8 else b""
    return bmp_header(width, height, bits, 3 if masks else 0, 54 + len(extra), 0, len(data)) + extra + data


def run_length_bmp():
    data = b"\x05\x01\x03\x02\x00\x00" + b"\x00\x04\x01\x02\x03\x04\x02\x09\x00\x00" + b"\x08\x07\x00\x00" + b"\x00\x01"
    return bmp_header(8, 3, 8, 1, 54 + 1024, 0, len(data)) + palette(256) + data


def pictures():
    for family in (jpegs, pngs, webps, gifs, bmps):
        yield from family()
