#!/usr/bin/env python3
"""Golden pixels: what Keras, Pillow and libjpeg-turbo make of a few images.

    python make_preprocess.py       # needs tensorflow (or another backend) with keras, pillow

Made with Keras 3.15.1 (TensorFlow 2.21.0) and Pillow 13.0.0 (libjpeg-turbo 3.2.0 inside). Writes, beside this script:

- `preprocess/NAME.png`: lossless pieces of photos, so that no JPEG decoder stands between
- `preprocess/NAME_RECIPE.png`: their pixels after resizing and cropping
- `photos/NAME.png`: the lower right corner of each photo in `data/photos`, as libjpeg-turbo decodes it
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
from PIL import Image  # noqa: E402

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parents[3] / "data/photos"
# Landscape, portrait and grey; odd edges.
PIECES = {"cat": (101, 51, 301, 202), "officer": (60, 40, 213, 273), "photographer": (90, 20, 281, 151)}
CORNER = 112


def pieces():
    for name, box in PIECES.items():
        Image.open(PHOTOS / f"{name}.jpg").crop(box).save(HERE / "preprocess" / f"{name}.png", optimize=True)


def keras_recipe(path, interpolation):
    """As the Keras documentation prepares an image."""
    return keras.utils.load_img(path, target_size=(224, 224), interpolation=interpolation)


def torchvision_recipe(path, edge, resample):
    """As torchvision's presets do on PIL images: Resize (the long edge by int), CenterCrop (by round)."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    size = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    image = image.resize(size, resample)
    left, top = (int(round((whole - 224) / 2.0)) for whole in size)
    return image.crop((left, top, left + 224, top + 224))


RECIPES = {
    "keras-resnet50": lambda path: keras_recipe(path, "bilinear"),
    "keras-resnet50-nearest": lambda path: keras_recipe(path, "nearest"),
    "torchvision-v2": lambda path: torchvision_recipe(path, 232, Image.Resampling.BILINEAR),
    "timm-a1": lambda path: torchvision_recipe(path, 235, Image.Resampling.BICUBIC),
}
STORED = {"keras-resnet50": list(PIECES), "keras-resnet50-nearest": ["cat"], "torchvision-v2": ["cat", "officer"], "timm-a1": ["cat"]}


def pixels():
    for recipe, names in STORED.items():
        for name in names:
            prepared = RECIPES[recipe](HERE / "preprocess" / f"{name}.png")
            prepared.save(HERE / "preprocess" / f"{name}_{recipe}.png", optimize=True)


def corners():
    for path in sorted(PHOTOS.glob("*.jpg")):
        image = Image.open(path).convert("RGB")
        width, height = image.size
        image.crop((width - CORNER, height - CORNER, width, height)).save(HERE / "photos" / f"{path.stem}.png", optimize=True)


def main():
    for folder in ["preprocess", "photos"]:
        (HERE / folder).mkdir(exist_ok=True)
    pieces()
    pixels()
    corners()


if __name__ == "__main__":
    main()
