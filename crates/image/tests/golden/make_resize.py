#!/usr/bin/env python3
"""Golden sizes: `resize/FILTER_WxH.png` are what Pillow makes of `resize/source.png`. Made with Pillow 13.0.0.

    python make_resize.py

`resize_sweep.csv` holds the CRC-32 of what Pillow makes of a made-up image at 400 pairs of sizes (seed 0).

The source is a piece of `data/photos/raccoon.jpg` with odd edges; the sizes enlarge, shrink, do both, shrink much, and
leave one edge as it is.
"""

import random
import zlib
from pathlib import Path

from PIL import Image, __version__

HERE = Path(__file__).resolve().parent
SIZES = [(150, 101), (40, 23), (31, 90), (7, 5), (97, 30)]

FILTERS = ["nearest", "box", "bilinear", "bicubic", "lanczos"]


def sweep():
    draw = random.Random(0)
    lines = [f"# made by make_resize.py with Pillow {__version__}, seed 0", "# filter, from width, height, to width, height, CRC-32"]
    for i in range(400):
        name = FILTERS[i % 5]
        width, height, to_width, to_height = (draw.choice([draw.randint(1, 24), draw.randint(1, 240)]) for _ in range(4))
        source = Image.frombytes("RGB", (width, height), bytes(k * k % 65521 % 256 for k in range(width * height * 3)))
        resized = source.resize((to_width, to_height), Image.Resampling[name.upper()])
        lines.append(f"{name},{width},{height},{to_width},{to_height},{zlib.crc32(resized.tobytes())}")
    (HERE / "resize_sweep.csv").write_text("\n".join(lines) + "\n")


def main():
    sweep()
    folder = HERE / "resize"
    folder.mkdir(exist_ok=True)
    photo = Image.open(HERE.parents[3] / "data/photos/raccoon.jpg")
    source = photo.crop((203, 40, 203 + 97, 40 + 61))
    source.save(folder / "source.png", optimize=True)
    for name in FILTERS:
        for width, height in SIZES:
            resized = source.resize((width, height), Image.Resampling[name.upper()])
            resized.save(folder / f"{name}_{width}x{height}.png", optimize=True)


if __name__ == "__main__":
    main()
