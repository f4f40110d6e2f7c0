#!/usr/bin/env python3
"""Golden views: checksums of the tensors that torchvision's own FiveCrop and TenCrop give, `views.csv`.

    python make_views.py            # needs torchvision, pillow

Made with torchvision 0.29.2 and Pillow 13.0.0. The images are those of `make_references.py`. A line holds the image, what is
cut off its right and lower edges, the recipe, the view, and the CRC-32 of the whole tensor as little-endian float32.
"""

import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

HERE = Path(__file__).resolve().parent
PIECES = ["cat", "officer", "photographer"]
CORNERS = ["top-left", "top-right", "bottom-left", "bottom-right", "centre"]
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def imagenet(image):
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])(image).numpy()


def caffe(image):
    return np.asarray(image, np.float32)[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)


def short_edge(own, crops, size, filter):
    """The recipe's own edge, the one that crops are cut from, and the edge of the tensor."""
    resize = lambda edge: transforms.Resize(edge, interpolation=filter)
    return [resize(own), transforms.CenterCrop(size)], [resize(crops), transforms.TenCrop(size)], imagenet


bilinear, bicubic = InterpolationMode.BILINEAR, InterpolationMode.BICUBIC
RECIPES = {
    "torchvision-v1": short_edge(256, 256, 224, bilinear),
    "torchvision-v2": short_edge(232, 232, 224, bilinear),
    "timm-a1": short_edge(235, 235, 224, bicubic),
    # No margin of their own: from an image 8/7 as large.
    "timm-a1-288": short_edge(288, 329, 288, bicubic),
    "ssl-transfer": short_edge(224, 256, 224, bicubic),
    "keras-resnet50": ([transforms.Resize((224, 224))], [transforms.Resize((256, 256)), transforms.TenCrop(224)], caffe),
}


def views(image, own, crops):
    own, crops = transforms.Compose(own), transforms.Compose(crops)(image)
    mirrored = transforms.RandomHorizontalFlip(1)(image)
    yield from [("plain", own(image)), ("flip", own(mirrored))]
    yield from zip(CORNERS + [f"flip-{corner}" for corner in CORNERS], crops)


def main():
    lines = ["# made by make_views.py", "# image, cut off, recipe, view, CRC-32 of the tensor"]
    for piece in PIECES:
        whole = Image.open(HERE.parent / f"preprocess/{piece}.png").convert("RGB")
        for less in [0, 1]:
            image = whole.crop((0, 0, whole.width - less, whole.height - less))
            for recipe, (own, crops, tensor) in RECIPES.items():
                for view, pixels in views(image, own, crops):
                    crc = zlib.crc32(np.ascontiguousarray(tensor(pixels), dtype="<f4").tobytes())
                    lines.append(f"{piece},{less},{recipe},{view},{crc}")
    (HERE / "views.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
