#!/usr/bin/env python3
"""Golden orientations: `preprocess_exif.csv` is what Pillow's `exif_transpose` makes of a 3x2 image for each EXIF tag.

    python make_exif.py

Made with Pillow 13.0.0.
"""

from pathlib import Path

from PIL import Image, ImageOps, __version__

HERE = Path(__file__).resolve().parent
ORIENTATION = 0x0112


def main():
    lines = [f"# made by make_exif.py with Pillow {__version__}", "# tag, width, height, values of the upright 3x2 image 1..6"]
    for tag in range(1, 9):
        image = Image.frombytes("L", (3, 2), bytes(range(1, 7)))
        image.getexif()[ORIENTATION] = tag
        upright = ImageOps.exif_transpose(image)
        lines.append(",".join(map(str, [tag, *upright.size, *upright.tobytes()])))
    (HERE / "preprocess_exif.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
