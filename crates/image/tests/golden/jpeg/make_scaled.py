#!/usr/bin/env python3
"""What Pillow's `draft` makes of the JPEGs here and of photographs: `scaled.csv`, checksums of pixels.

    python make_scaled.py > scaled.csv       # needs pillow

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0 inside). First every kind of JPEG at each scale, as `draft` leaves it; then photographs
drafted for the size that they are resized to, turned upright by each EXIF orientation, and resized, or resized and cropped as
torchvision does it.
"""

import zlib
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parents[4] / "data/photos"
BILINEAR = Image.Resampling.BILINEAR
TURNS = {
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_270],
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_90],
}


def checksum(image):
    image = image.convert("RGB")
    return f"{image.width},{image.height},{zlib.crc32(image.tobytes())}"


def drafted(path, size):
    image = Image.open(path)
    image.draft(None, size)
    return image


def kinds():
    for path in sorted(HERE.glob("*.jpg")):
        width, height = Image.open(path).size
        for scale in (2, 4, 8):
            if width >= scale and height >= scale:
                image = drafted(path, (width // scale, height // scale))
                assert image.size == (-(-width // scale), -(-height // scale)), path
                print(f"kind,{path.stem},{scale},{checksum(image)}")


def photo(name, tag, size, crop):
    """`size` and `crop` as they are upright; `crop` is none or a square's edge."""
    image = drafted(PHOTOS / f"{name}.jpg", size[::-1] if tag > 4 else size).convert("RGB")
    for turn in TURNS.get(tag, []):
        image = image.transpose(turn)
    image = image.resize(size, BILINEAR)
    if crop:
        left, top = (round((edge - crop) / 2) for edge in size)
        image = image.crop((left, top, left + crop, top + crop))
    return checksum(image)


def main():
    print("# made by make_scaled.py with Pillow 13.0.0")
    print("# kind,NAME,SCALE,width,height,crc32")
    kinds()
    print("# stretch,PHOTO,ORIENTATION,width,height,crc32")
    for name, size in [("cat", (220, 149)), ("coffee", (100, 70)), ("rocket", (90, 60)), ("temple", (50, 30))]:
        print(f"stretch,{name},1,{photo(name, 1, size, None)}")
    for name in ("photographer", "flower", "officer", "raccoon", "astronaut", "galaxy"):
        print(f"stretch,{name},1,{photo(name, 1, (37, 41), None)}")
    for tag in range(2, 9):
        print(f"stretch,cat,{tag},{photo('cat', tag, (100, 60), None)}")
        print(f"stretch,officer,{tag},{photo('officer', tag, (60, 100), None)}")
    print("# crop,PHOTO,SHORT EDGE,width,height,crc32")
    for name, edge in [("cat", 64), ("temple", 100), ("officer", 33), ("coffee", 140)]:
        width, height = Image.open(PHOTOS / f"{name}.jpg").size
        short = min(width, height)
        size = tuple(edge if length == short else int(edge * length / short) for length in (width, height))
        print(f"crop,{name},{edge},{photo(name, 1, size, edge * 7 // 8)}")


if __name__ == "__main__":
    main()
