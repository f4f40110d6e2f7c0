#!/usr/bin/env python3
"""Photographs of any size and number, for measurements: mosaics of pieces of those in `data/photos`.

    python3 bench/make_images.py FOLDER --images 1000 --size 500x375 [--quality 90] [--seed 0]

Needs the PyPI package pillow. Each piece is cut at the photograph's own resolution and perhaps mirrored, so that there is as much detail, and
as much to decode, as in a photograph; no two images are the same. Writes `images.csv` beside them.
"""

import argparse
import random
from pathlib import Path

from PIL import Image, ImageOps

PHOTOS = Path(__file__).resolve().parent.parent / "data" / "photos"


def photographs():
    return [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]


def mosaic(photos, size, draw):
    """An image of `size` from pieces that are as large as the photographs let them be, but at least four."""
    width, height = size
    across = max(2, -(-width // min(photo.width for photo in photos)))
    down = max(2, -(-height // min(photo.height for photo in photos)))
    image = Image.new("RGB", size)
    for row in range(down):
        for column in range(across):
            left, top = column * width // across, row * height // down
            right, bottom = (column + 1) * width // across, (row + 1) * height // down
            photo = draw.choice(photos)
            x = draw.randint(0, photo.width - (right - left))
            y = draw.randint(0, photo.height - (bottom - top))
            piece = photo.crop((x, y, x + right - left, y + bottom - top))
            image.paste(ImageOps.mirror(piece) if draw.random() < 0.5 else piece, (left, top))
    return image


def mosaics(folder, name, photos, count, draw):
    """So many files of 500x375, each a mosaic of `photos`."""
    files = [folder / f"{name}{number:03}.jpg" for number in range(count)]
    for file in files:
        mosaic(photos, (500, 375), draw).save(file, quality=90)
    return files


def make(folder, images, size, quality=90, seed=0):
    """The manifest of the images, which are made if they are not there yet."""
    manifest = folder / "images.csv"
    if manifest.exists():
        return manifest
    folder.mkdir(parents=True, exist_ok=True)
    photos = photographs()
    draw = random.Random(seed)
    names = [f"{number:05}.jpg" for number in range(images)]
    for name in names:
        mosaic(photos, size, draw).save(folder / name, quality=quality)
    # Last, so that a folder that was left half made is made again.
    manifest.write_text("path,label\n" + "".join(f"{name},{i % 10}\n" for i, name in enumerate(names)))
    return manifest


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--size", default="500x375")
    parser.add_argument("--quality", type=int, default=90)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    print(make(args.folder, args.images, (width, height), args.quality, args.seed))


if __name__ == "__main__":
    main()
