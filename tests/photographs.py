"""500 photographs of many sizes, for `check_export.py`: mosaics of pieces of those in `data/photos`, high, wide and square, JPEG.

    photographs.py FOLDER

Needs pillow. What is there already is left alone.
"""
import random
import sys
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "bench"))
from make_images import PHOTOS, mosaic

# A phone's preview, a camera's small pictures, upright and lying, a square, a panorama; and one smaller than what the network takes.
SIZES = [(500, 375), (375, 500), (640, 480), (480, 640), (1024, 768), (768, 1024), (800, 800), (1500, 300), (300, 900), (180, 150)]
IMAGES = 500


def main():
    folder = Path(sys.argv[1])
    manifest = folder / "images.csv"
    if manifest.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    photos = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.glob("*.jpg"))]
    draw = random.Random(0)
    names = [f"{number:05}.jpg" for number in range(IMAGES)]
    for number, name in enumerate(names):
        quality = draw.choice([75, 85, 95])
        mosaic(photos, SIZES[number % len(SIZES)], draw).save(folder / name, quality=quality)
    manifest.write_text("path\n" + "".join(f"{name}\n" for name in names))


main()
