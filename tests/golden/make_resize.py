#!/usr/bin/env python3
"""Golden sizes: `resize/FILTER_WxH.png` are what Pillow makes of `resize/source.png`. Made with Pillow 13.0.0.

    python make_resize.py

The source is a piece of `data/photos/raccoon.jpg` with odd edges; the sizes enlarge, shrink, do both, shrink much, and
leave one edge as it is.
"""

from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
SIZES = [(150, 101), (40, 23), (31, 90), (7, 5), (97, 30)]


def main():
    folder = HERE / "resize"
    folder.mkdir(exist_ok=True)
    photo = Image.open(HERE.parents[1] / "data/photos/raccoon.jpg")
    source = photo.crop((203, 40, 203 + 97, 40 + 61))
    source.save(folder / "source.png", optimize=True)
    for name in ["nearest", "box", "bilinear", "bicubic", "lanczos"]:
        for width, height in SIZES:
            resized = source.resize((width, height), Image.Resampling[name.upper()])
            resized.save(folder / f"{name}_{width}x{height}.png", optimize=True)


if __name__ == "__main__":
    main()
