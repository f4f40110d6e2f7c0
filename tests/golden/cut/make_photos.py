"""The four photographs that `headstart backbone cut` carries inside: those of data/photos, made small.

    python tests/golden/cut/make_photos.py        # pillow 13.0.0
"""

from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
TARGET = ROOT / "crates" / "convert" / "src" / "cut" / "photos"

# Public domain or CC0, all four: data/photos/README.md names authors and licences.
for name in ["cat", "coffee", "rocket", "galaxy"]:
    photo = Image.open(ROOT / "data" / "photos" / f"{name}.jpg").convert("RGB")
    photo.thumbnail((192, 192), Image.Resampling.LANCZOS)
    photo.save(TARGET / f"{name}.jpg", quality=80, optimize=True)
