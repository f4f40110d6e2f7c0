#!/usr/bin/env python3
"""Golden pixels and tensors: what Keras, Pillow and libjpeg-turbo make of a few images.

    python make_preprocess.py       # needs tensorflow (or another backend) with keras, pillow, numpy

Made with Keras 3.15.1 (TensorFlow 2.21.0) and Pillow 13.0.0 (libjpeg-turbo 3.2.0 inside). Writes, beside this script:

- `preprocess/NAME.png`: lossless pieces of photos, so that no JPEG decoder stands between
- `preprocess/NAME_RECIPE.png`: their pixels after resizing and cropping
- `preprocess_tensors.csv`: values of the normalised tensors, one in 997
- `photos/NAME.png`: the lower right corner of each photo in `data/photos`, as libjpeg-turbo decodes it
- `preprocess_colours/*`: one small picture in every sort of pixel, and what Pillow's `convert("RGB")` makes of it
"""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras.applications import resnet50, resnet_v2  # noqa: E402
from PIL import Image, __version__  # noqa: E402

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parents[1] / "data/photos"
# Landscape, portrait and grey; odd edges.
PIECES = {"cat": (101, 51, 301, 202), "officer": (60, 40, 213, 273), "photographer": (90, 20, 281, 151)}
CORNER = 112


def pieces():
    for name, box in PIECES.items():
        Image.open(PHOTOS / f"{name}.jpg").crop(box).save(HERE / "preprocess" / f"{name}.png", optimize=True)


def keras_recipe(path, interpolation, preprocess):
    """Pixels and tensor as the Keras documentation prepares an image."""
    pixels = keras.utils.load_img(path, target_size=(224, 224), interpolation=interpolation)
    return pixels, preprocess(keras.utils.img_to_array(pixels)[None])[0]


def torchvision_recipe(path, edge, resample):
    """As torchvision's presets do on PIL images: Resize (the long edge by int), CenterCrop (by round), mean and std."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    size = (edge, int(edge * height / width)) if width <= height else (int(edge * width / height), edge)
    image = image.resize(size, resample)
    left, top = (int(round((whole - 224) / 2.0)) for whole in size)
    pixels = image.crop((left, top, left + 224, top + 224))
    scaled = np.asarray(pixels, dtype=np.float32) / np.float32(255)
    mean, std = (np.array(v, dtype=np.float32) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    return pixels, ((scaled - mean) / std).transpose(2, 0, 1)


RECIPES = {
    "keras-resnet50": lambda path: keras_recipe(path, "bilinear", resnet50.preprocess_input),
    "keras-resnet50-nearest": lambda path: keras_recipe(path, "nearest", resnet50.preprocess_input),
    "keras-tf": lambda path: keras_recipe(path, "bilinear", resnet_v2.preprocess_input),
    "torchvision-v1": lambda path: torchvision_recipe(path, 256, Image.Resampling.BILINEAR),
    "torchvision-v2": lambda path: torchvision_recipe(path, 232, Image.Resampling.BILINEAR),
    "timm-a1": lambda path: torchvision_recipe(path, 235, Image.Resampling.BICUBIC),
}
# One picture each is enough for the pixels that two recipes share.
STORED = {"keras-resnet50": list(PIECES), "keras-resnet50-nearest": ["cat"], "torchvision-v2": ["cat", "officer"], "timm-a1": ["cat"]}


def tensors():
    lines = [
        f"# made by make_preprocess.py with Keras {keras.__version__} and Pillow {__version__}",
        "# image, recipe, then every 997th value of the flattened tensor",
    ]
    for recipe, prepare in RECIPES.items():
        for name in PIECES:
            pixels, tensor = prepare(HERE / "preprocess" / f"{name}.png")
            if name in STORED.get(recipe, []):
                pixels.save(HERE / "preprocess" / f"{name}_{recipe}.png", optimize=True)
            lines.append(",".join([name, recipe, *(str(value) for value in tensor.astype(np.float32).ravel()[::997])]))
    (HERE / "preprocess_tensors.csv").write_text("\n".join(lines) + "\n")


def corners():
    for path in sorted(PHOTOS.glob("*.jpg")):
        image = Image.open(path).convert("RGB")
        width, height = image.size
        image.crop((width - CORNER, height - CORNER, width, height)).save(HERE / "photos" / f"{path.stem}.png", optimize=True)


def colours():
    """A picture of 24x17 pixels in every sort of pixel that the formats have."""
    folder = HERE / "preprocess_colours"
    photo = Image.open(PHOTOS / "flower.jpg").resize((24, 17), Image.Resampling.BICUBIC)
    photo.save(folder / "expected.png")
    for ending, options in [("bmp", {}), ("webp", {"lossless": True}), ("tiff", {"compression": "tiff_lzw"})]:
        photo.save(folder / f"rgb.{ending}", **options)
    grey = photo.convert("L")
    grey.save(folder / "grey_expected.png")
    for ending in ["bmp", "gif", "tiff"]:
        grey.save(folder / f"grey.{ending}")
    # Two pages, and two frames: the first counts.
    photo.save(folder / "pages.tiff", save_all=True, append_images=[photo.rotate(180)])
    palette = photo.quantize(16)
    palette.convert("RGB").save(folder / "palette_expected.png")
    palette.save(folder / "palette.png")
    palette.save(folder / "palette.gif", save_all=True, append_images=[palette.rotate(180)], duration=100)
    alpha = Image.frombytes("L", photo.size, bytes((7 * i) % 256 for i in range(24 * 17)))
    clear = photo.copy()
    clear.putalpha(alpha)
    clear.save(folder / "alpha.png")
    clear.save(folder / "alpha.webp", lossless=True, exact=True)
    white = np.rint(np.asarray(photo, float) * (np.asarray(alpha, float)[..., None] / 255) + 255.0 - np.asarray(alpha, float)[..., None])
    Image.fromarray(white.astype(np.uint8)).save(folder / "alpha_expected.png")
    deep = np.asarray(grey, np.uint16) * 256 + 200
    Image.fromarray(deep).save(folder / "grey16.png")
    Image.fromarray(deep).save(folder / "grey16.tiff")
    # CMYK as Adobe writes it. The expected picture is libjpeg-turbo's.
    large = Image.open(PHOTOS / "flower.jpg").resize((96, 77), Image.Resampling.BICUBIC)
    large.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    Image.open(folder / "cmyk.jpg").convert("RGB").save(folder / "cmyk_expected.png")


def main():
    for folder in ["preprocess", "photos", "preprocess_colours"]:
        (HERE / folder).mkdir(exist_ok=True)
    pieces()
    tensors()
    corners()
    colours()


if __name__ == "__main__":
    main()
