#!/usr/bin/env python3
"""Photographs of 12 megapixels, made of the small ones in data/photos: `NUMBER.jpg`.

    python3 bench/large_photos.py FOLDER [--count 20]       # needs pillow, numpy

Each is one photograph, enlarged to 4000x3000, with the fine detail (what is finer than eight pixels) of a mosaic of all of them
at half strength, for an enlarged photograph has no detail of its own, is quickly decoded, and does not change when it is
scaled. Quality 90, 4:2:0, about 2.4 MB each. The same each time, but for what another version of Pillow changes.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from make_images import photographs

SIZE = WIDTH, HEIGHT = 4000, 3000
QUALITY = {"quality": 90, "subsampling": "4:2:0"}


def as_floats(image):
    return np.asarray(image, dtype=np.float32)


def detail(photos, random):
    """What a mosaic of photographs has beyond its own blurred copy."""
    mosaic = Image.new("RGB", SIZE)
    for top in range(0, HEIGHT, 240):
        left = 0
        while left < WIDTH:
            photo = photos[random.integers(len(photos))]
            mosaic.paste(photo, (left, top))
            left += photo.width
    blurred = mosaic.resize((WIDTH // 8, HEIGHT // 8), Image.Resampling.BOX).resize(SIZE, Image.Resampling.BICUBIC)
    return as_floats(mosaic) - as_floats(blurred)


def large_photo(number):
    """An image: the photographs in turn, every second round mirrored."""
    photos = photographs()
    photo = photos[number % len(photos)]
    if number // len(photos) % 2:
        photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    enlarged = as_floats(photo.resize(SIZE, Image.Resampling.BICUBIC))
    pixels = enlarged + 0.5 * detail(photos, np.random.default_rng(number))
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=20)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for number in range(args.count):
        large_photo(number).save(args.folder / f"{number:02}.jpg", **QUALITY)


if __name__ == "__main__":
    main()
