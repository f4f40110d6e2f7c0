#!/usr/bin/env python3
"""Golden tensors: what transformers' own processors make of a few images, on Pillow.

    python make_processors.py       # needs transformers and pillow, and no PyTorch

Made with transformers 4.57.1, Pillow 13.0.0 and NumPy 2.4.6, without PyTorch: the processors are those on Pillow, not those on
torchvision. There is no seed: images come from a formula, which `hub_backbone/processor/golden.rs` has too.

Writes `processors.json` beside this script. For each processor it holds the `preprocessor_config.json` that the processor
saves, and for each image:

- `levels`: FNV-1a (64 bits) of all pixels of the tensor as bytes 0 to 255, before rescaling
- `numbers`: the same of the tensor itself, as little-endian float32
- `samples`: some of the tensor's numbers, so that a difference shows its size
"""

import json
from pathlib import Path

import numpy as np
import PIL
import transformers
from PIL import Image
from transformers import (BitImageProcessor, CLIPImageProcessor, ConvNextImageProcessor, DeiTImageProcessor,
                          SiglipImageProcessor, ViTImageProcessor)

OUT = Path(__file__).resolve().parent / "processors.json"
# Width and height. Larger and smaller than what they become, upright and lying, and one that is not resized.
IMAGES = [(333, 211), (97, 160), (224, 224), (31, 500), (501, 31), (257, 513)]
SAMPLES, STEP = 120, 75_437
IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}

PROCESSORS = {
    # As published.
    "vit": ViTImageProcessor(),
    "deit": DeiTImageProcessor(**IMAGENET),
    "dinov2": BitImageProcessor(size={"shortest_edge": 256}, **IMAGENET),
    "clip": CLIPImageProcessor(),
    "siglip": SiglipImageProcessor(),
    "convnext-224": ConvNextImageProcessor(size={"shortest_edge": 224}, crop_pct=0.875, **IMAGENET),
    "convnext-384": ConvNextImageProcessor(size={"shortest_edge": 384}, **IMAGENET),
    # Other values of the fields: both edges, odd margins, other filters, steps that are off.
    "vit-lanczos": ViTImageProcessor(size={"height": 112, "width": 176}, resample=1, rescale_factor=1 / 127.5),
    "deit-odd": DeiTImageProcessor(size={"height": 181, "width": 150}, crop_size={"height": 124, "width": 99}, resample=4),
    "clip-odd": CLIPImageProcessor(size={"shortest_edge": 133}, crop_size={"height": 112, "width": 98}, resample=0,
                                   do_normalize=False),
    "clip-stretch": CLIPImageProcessor(size={"height": 140, "width": 133}, crop_size=112, do_rescale=False),
    "convnext-odd": ConvNextImageProcessor(size={"shortest_edge": 160}, crop_pct=0.95, resample=3, do_rescale=False,
                                           do_normalize=False),
    "bit-whole": BitImageProcessor(do_resize=False, crop_size={"height": 30, "width": 21}),
}


def image(width, height):
    """Slopes that wrap, noise, and tiles of the two extremes, where a filter overshoots."""
    y, x, c = np.mgrid[:height, :width, :3].astype(np.uint64)
    slope = x * (3 + 2 * c) + y * (7 - c) + x * y // (5 + c)
    noise = (x * 73_856_093 ^ y * 19_349_663 ^ c * 83_492_791) >> np.uint64(13)
    extreme = (x // 3 + y // 2 + c) % 2 * 255
    tile = (x // 16 + y // 16 * 2) % 5
    return (np.select([tile == 1, tile == 3], [noise, extreme], slope) % 256).astype(np.uint8)


def digest(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def tensor(processor, pixels):
    prepared = processor(Image.fromarray(pixels), return_tensors="np").pixel_values[0].astype(np.float32)
    levels = processor(Image.fromarray(pixels), do_rescale=False, do_normalize=False, return_tensors="np").pixel_values[0]
    assert levels.dtype == np.uint8 and levels.shape == prepared.shape, (levels.dtype, levels.shape)
    samples = [float(f"{prepared.flat[i * STEP % prepared.size]:.9g}") for i in range(SAMPLES)]
    return {"shape": list(prepared.shape), "levels": digest(levels.tobytes()),
            "numbers": digest(prepared.astype("<f4").tobytes()), "samples": samples}


def main():
    head = (f"made by make_processors.py with transformers {transformers.__version__}, Pillow {PIL.__version__}, "
            f"NumPy {np.__version__}; no seed")
    pixels = {f"{width}x{height}": image(width, height) for width, height in IMAGES}
    golden = {"made": head, "images": {size: digest(bytes(rgb.reshape(-1))) for size, rgb in pixels.items()}, "processors": {}}
    for name, processor in PROCESSORS.items():
        golden["processors"][name] = {
            "config": json.loads(processor.to_json_string()),
            "tensors": {size: tensor(processor, rgb) for size, rgb in pixels.items()},
        }
    # A line for each list, so that a change can be read.
    text = json.dumps(golden, indent=1)
    lines, depth = [], 0
    for line in text.splitlines():
        if depth:
            lines[-1] += line.strip() + ("" if line.strip() in ("]", "],") else " ")
            depth -= line.strip() in ("]", "],")
        else:
            lines.append(line)
            depth += line.endswith("[")
    text = "\n".join(lines) + "\n"
    assert json.loads(text) == golden
    OUT.write_text(text)


if __name__ == "__main__":
    main()
