#!/usr/bin/env python3
"""Golden files of JPEG XL, and what libjxl sees in them.

    python make_jxl.py FOLDER       # needs pillow, numpy, and libjxl's `cjxl` and `djxl` in FOLDER

Made with Pillow 13.0.0 and libjxl 0.7.0 (Debian libjxl-tools). `FILE.expected.png` is what djxl makes of FILE, transparency over white. Of
16 bits the upper eight are expected, as for PNG.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
TOOLS = Path(sys.argv[1])
PHOTO = Image.open(HERE.parents[5] / "data/photos/flower.jpg").convert("RGB")
WIDTH, HEIGHT = 71, 53
SMALL = PHOTO.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
TINY = SMALL.resize((23, 17), Image.Resampling.BICUBIC)
ALPHA = Image.fromarray(((np.arange(17)[:, None] * 23 + np.arange(23)) * 7 % 256).astype(np.uint8))
RGBA = TINY.copy()
RGBA.putalpha(ALPHA)


def bytes_of(image, kind, **settings):
    out = io.BytesIO()
    image.save(out, kind, **settings)
    return out.getvalue()


def cjxl(data, ending, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, f"in.{ending}"), Path(folder, "out.jxl")
        source.write_bytes(data)
        subprocess.run([TOOLS / "cjxl", source, out, "--quiet", *arguments], check=True, stderr=subprocess.DEVNULL)
        return out.read_bytes()


def wide(samples):
    """A 16-bit PNM."""
    height, width, channels = samples.shape
    head = f"P{6 if channels == 3 else 5}\n{width} {height}\n65535\n".encode()
    return head + samples.astype(">u2").tobytes()


def over_white(image):
    image = image.convert("RGBA") if "A" in image.getbands() else image.convert("RGB")
    if image.mode == "RGB":
        return image
    rgba = np.asarray(image, np.float64)
    alpha = rgba[..., 3:] / 255
    return Image.fromarray(np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8))


def seen(data):
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.jxl"), Path(folder, "out.png")
        source.write_bytes(data)
        subprocess.run([TOOLS / "djxl", source, out, "--quiet"], check=True, stderr=subprocess.DEVNULL)
        return over_white(Image.open(out))


def files():
    png, tiny = bytes_of(SMALL, "PNG"), bytes_of(TINY, "PNG")
    yield "lossy.jxl", cjxl(png, "png", "-d", "1.5"), None
    yield "lossy_container.jxl", cjxl(png, "png", "-d", "1.5", "--container=1"), None
    yield "progressive.jxl", cjxl(png, "png", "-d", "1.5", "-p"), None
    yield "modular.jxl", cjxl(png, "png", "-d", "2", "-m", "1"), None
    yield "lossless.jxl", cjxl(tiny, "png", "-d", "0"), None
    yield "grey.jxl", cjxl(bytes_of(SMALL.convert("L"), "PNG"), "png", "-d", "1.5"), None
    yield "grey_lossless.jxl", cjxl(bytes_of(TINY.convert("L"), "PNG"), "png", "-d", "0"), None
    yield "grey_alpha.jxl", cjxl(bytes_of(RGBA.convert("LA"), "PNG"), "png", "-d", "0"), None
    yield "alpha.jxl", cjxl(bytes_of(RGBA, "PNG"), "png", "-d", "0"), None
    yield "jpeg.jxl", cjxl(bytes_of(SMALL, "JPEG", quality=80), "jpg"), None
    deep = np.asarray(TINY, np.uint32) * 256 + 0xE5
    yield "16_bits.jxl", cjxl(wide(deep), "ppm", "-d", "0"), TINY
    grey = np.asarray(TINY.convert("L"), np.uint32)[..., None] * 256 + 0xE5
    yield "grey_16_bits.jxl", cjxl(wide(grey), "pgm", "-d", "0"), TINY.convert("L").convert("RGB")
    exif = Image.Exif()
    for orientation in range(2, 9):
        exif[0x0112] = orientation
        jpeg = bytes_of(TINY, "JPEG", quality=90, exif=exif)
        turned = ImageOps.exif_transpose(Image.open(io.BytesIO(jpeg)))
        data = cjxl(jpeg, "jpg", "-j", "0", "-d", "1")
        assert seen(data).size == turned.size
        yield f"orientation{orientation}.jxl", data, None
    gif = bytes_of(TINY, "GIF", save_all=True, append_images=[ImageOps.invert(TINY)], duration=100)
    yield "frames.jxl", cjxl(gif, "gif", "-d", "0"), Image.open(io.BytesIO(gif)).convert("RGB")


def main():
    for name, data, want in files():
        (HERE / name).write_bytes(data)
        want = want or seen(data)
        want.convert("RGB").save(HERE / f"{name}.expected.png", optimize=True)
        print(f"{name}: {len(data)} bytes, {want.size[0]}x{want.size[1]}")


main()
