#!/usr/bin/env python3
"""Golden JPEGs of every kind that cameras and programs write: `KIND.jpg`, and `KIND.png`, libjpeg-turbo's pixels.

    python make_jpeg.py       # needs pillow, simplejpeg, numpy

Made with Pillow 13.0.0 (libjpeg-turbo 3.2.0 inside) and simplejpeg 1.9.0, which writes 4:4:0 and 4:1:1. All pixels are what
Pillow's `convert("RGB")` makes of the file. The pictures are pieces of `data/photos`, 53x37 where the name says nothing else.
"""

import io
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image

HERE = Path(__file__).resolve().parent
PHOTO = Image.open(HERE.parents[4] / "data/photos/raccoon.jpg")
PIECE = PHOTO.crop((201, 60, 201 + 53 * 2, 60 + 37 * 2)).resize((53, 37), Image.Resampling.BICUBIC)


def save(name, image, **options):
    image.save(HERE / f"{name}.jpg", **options)


def edit(name, source, change):
    (HERE / f"{name}.jpg").write_bytes(change((HERE / f"{source}.jpg").read_bytes()))


def adobe(data):
    """Where the Adobe segment begins and ends."""
    at = data.index(b"Adobe") - 4
    return at, at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def without_adobe(data):
    begin, end = adobe(data)
    return data[:begin] + data[end:]


def without_codes(data):
    """Without Huffman tables, as webcams store the frames of a video: the standard's are meant."""
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] == 0xC4:
            data = data[:at] + data[end:]
        else:
            at = end
    return data


def as_ycck(data):
    """The same four planes, said to be YCCK: other colours, but both decoders must see the same ones."""
    _, end = adobe(data)
    return data[: end - 1] + b"\x02" + data[end:]


def segments(data):
    """The segments before the coded data by marker, and what follows the header of the scan."""
    found, at = {}, 2
    while True:
        marker, end = data[at + 1], at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        found.setdefault(marker, []).append(data[at:end])
        at = end
        if marker == 0xDA:
            return found, data[at:-2]


def one_scan_each(name, chroma_scale):
    """Baseline with a scan for each component: the coded data of a grey JPEG are those of a scan of its own."""
    luma, *chroma = PIECE.convert("YCbCr").split()
    size = tuple(-(-edge // chroma_scale) for edge in PIECE.size)
    planes = [luma, *(plane.resize(size, Image.Resampling.BOX) for plane in chroma)]
    scans, tables = b"", b""
    for number, plane in enumerate(planes, 1):
        file = io.BytesIO()
        plane.save(file, "JPEG", quality=85)
        found, coded = segments(file.getvalue())
        tables = b"".join(found[0xDB] + found[0xC4])
        scans += b"\xff\xda\0\x08\x01" + bytes([number, 0, 0, 63, 0]) + coded
    factors = [0x11 * chroma_scale, 0x11, 0x11]
    frame = b"\x08" + PIECE.height.to_bytes(2, "big") + PIECE.width.to_bytes(2, "big") + b"\x03"
    frame += b"".join(bytes([number, factor, 0]) for number, factor in enumerate(factors, 1))
    head = b"\xff\xd8" + tables + b"\xff\xc0" + (len(frame) + 2).to_bytes(2, "big") + frame
    (HERE / f"{name}.jpg").write_bytes(head + scans + b"\xff\xd9")


def main():
    for quality in (30, 75, 100):
        save(f"baseline_420_q{quality}", PIECE, quality=quality, subsampling="4:2:0")
    for subsampling in ("4:4:4", "4:2:2"):
        save(f"baseline_{subsampling.replace(':', '')}", PIECE, quality=85, subsampling=subsampling)
    for subsampling in ("440", "411"):
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(PIECE), quality=85, colorsubsampling=subsampling)
        (HERE / f"baseline_{subsampling}.jpg").write_bytes(data)
    for subsampling in ("4:4:4", "4:2:2", "4:2:0"):
        save(f"progressive_{subsampling.replace(':', '')}", PIECE, quality=85, subsampling=subsampling, progressive=True)
    save("optimised_codes", PIECE, quality=85, optimize=True)
    save("restart_blocks", PIECE, quality=85, restart_marker_blocks=3)
    save("restart_rows_progressive", PIECE, quality=85, progressive=True, restart_marker_rows=1)
    save("grey", PIECE.convert("L"), quality=85)
    save("grey_progressive", PIECE.convert("L"), quality=85, progressive=True)
    save("rgb_planes", PIECE, quality=85, keep_rgb=True)
    save("cmyk_adobe", PIECE.convert("CMYK"), quality=85)
    save("cmyk_adobe_progressive", PIECE.convert("CMYK"), quality=85, progressive=True)
    edit("cmyk_without_adobe", "cmyk_adobe", without_adobe)
    edit("ycck", "cmyk_adobe", as_ycck)
    for source in ("baseline_422", "grey", "restart_blocks"):
        edit(f"webcam_{source}", source, without_codes)
    one_scan_each("scans_444", 1)
    one_scan_each("scans_420", 2)
    edit("webcam_scans_444", "scans_444", without_codes)
    for width, height in [(1, 1), (8, 8), (16, 16), (7, 5), (17, 33), (33, 17)]:
        save(f"size_{width}x{height}", PIECE.resize((width, height), Image.Resampling.BICUBIC), quality=85, subsampling="4:2:0")
    for path in HERE.glob("*.jpg"):
        Image.open(path).convert("RGB").save(path.with_suffix(".png"), optimize=True)


if __name__ == "__main__":
    main()
