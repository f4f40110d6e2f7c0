#!/usr/bin/env python3
"""Make the small photographs of this folder from the originals that Python packages carry.

    pip download --no-deps --only-binary=:all: --python-version 3.10 scipy==1.9.3   # the raccoon; then unzip it
    python make_photos.py FOLDER...

Each FOLDER is one that packages are unpacked in, such as a `site-packages`; `sources.csv` names what is
looked for, with its checksum. Made with Pillow 13.0.0; another JPEG encoder writes other bytes, and the golden
files under `tests/golden` belong to the committed ones.
"""

import argparse
import bz2
import csv
import hashlib
import io
from pathlib import Path

from PIL import Image

HERE = Path(__file__).resolve().parent
# The five images of the tutorial: five of the ten classes.
FIVE = ["cat", "coffee", "rocket", "flower", "temple"]


def original(row, folders):
    """The original as an image, once its checksum holds."""
    path = next((f / row["original"] for f in folders if (f / row["original"]).is_file()), None)
    if path is None:
        raise SystemExit(f"`{row['original']}` of {row['package']} is in none of the folders")
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != row["sha256"]:
        raise SystemExit(f"`{path}`: expected sha256 {row['sha256']}, found {found}")
    if path.suffix == ".dat":  # scipy keeps bare pixels, compressed
        return Image.frombytes("RGB", (1024, 768), bz2.decompress(data))
    return Image.open(io.BytesIO(data))


def small(image, row):
    """Cropped to `crop` (left, upper, right, lower), then scaled to `long_edge`."""
    image = image.convert("L" if row["encoding"] == "grey" else "RGB")
    if row["crop"]:
        image = image.crop(tuple(map(int, row["crop"].split())))
    scale = int(row["long_edge"]) / max(image.size)
    size = tuple(round(edge * scale) for edge in image.size)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def save(image, row):
    """A JPEG of the encoding asked for: the photos cover the kinds that cameras and web sites write."""
    options = {"quality": int(row["quality"]), "optimize": True}
    kind, *more = row["encoding"].split()
    if kind != "grey":
        options["subsampling"] = kind
    # A fresh image, so that no metadata of the original travels along.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    bare.save(HERE / f"{row['label']}.jpg", progressive="progressive" in more, **options)


def manifest(name, labels):
    with open(HERE / name, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "label"])
        writer.writerows([f"{label}.jpg", label] for label in labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    folders = parser.parse_args().folders
    with open(HERE / "sources.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        save(small(original(row, folders), row), row)
    manifest("photos.csv", [row["label"] for row in rows])
    manifest("five.csv", FIVE)


if __name__ == "__main__":
    main()
