#!/usr/bin/env python3
"""Golden files of every sort of pixel that PNG, GIF, WebP, BMP and TIFF have, and what Pillow sees in them.

    python make_formats.py       # needs pillow, numpy

Made with Pillow 13.0.0 (libwebp 1.6.0). `formats.csv` holds a line for each file: its size, and the CRC-32 of the pixels of its first
frame as Pillow's `convert("RGB")` gives them. Files with transparency, and those of lossy WebP, have a picture instead,
`FILE.expected.png`: the former over white. Nothing is done about colour profiles and gamma, by Pillow as by us.
Pillow clips 16-bit grey at 255, so those expect the upper eight bits, as Pillow has them for 16-bit colour.
`exif/` holds a picture with each of the eight orientations in each lossless format that may have one, and `exif.csv` what Pillow's
`exif_transpose` makes of them.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, __version__

HERE = Path(__file__).resolve().parent
PHOTO = Image.open(HERE.parents[4] / "data/photos/flower.jpg").resize((23, 17), Image.Resampling.BICUBIC)
RGB = np.asarray(PHOTO)
GREY = np.asarray(PHOTO.convert("L"))
ALPHA = ((np.arange(17)[:, None] * 23 + np.arange(23)) * 7 % 256).astype(np.uint8)

GREYS, COLOURS, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(samples, kind, depth, extra=b"", interlaced=False):
    """A PNG of `samples`, (height, width, channels), written by hand: Pillow does not write them all."""
    height, width, _ = samples.shape

    def rows(part):
        if part.size == 0:
            return b""
        lines = part.reshape(part.shape[0], -1)
        if depth == 16:
            return b"".join(b"\0" + line.astype(">u2").tobytes() for line in lines)
        if depth == 8:
            return b"".join(b"\0" + line.astype(np.uint8).tobytes() for line in lines)
        bits = lambda line: "".join(format(int(v), f"0{depth}b") for v in line)
        pack = lambda text: int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")
        return b"".join(b"\0" + pack(bits(line)) for line in lines)

    adam7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [samples[y::dy, x::dx] for y, x, dy, dx in adam7] if interlaced else [samples]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(rows(part) for part in parts), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def pngs():
    grey, rgb, alpha = GREY[..., None], RGB, ALPHA[..., None]
    wide = lambda samples: samples.astype(np.uint16) * 256 + 0x5A
    for depth in (1, 2, 4):
        yield f"grey{depth}.png", png(grey >> (8 - depth), GREYS, depth)
    yield "grey8.png", png(grey, GREYS, 8)
    yield "grey16.png", png(wide(grey), GREYS, 16)
    yield "grey8_interlaced.png", png(grey, GREYS, 8, interlaced=True)
    yield "colour8.png", png(rgb, COLOURS, 8)
    yield "colour8_interlaced.png", png(rgb, COLOURS, 8, interlaced=True)
    yield "colour16.png", png(wide(rgb), COLOURS, 16)
    for depth in (1, 2, 4, 8):
        indices = (grey >> (8 - min(depth, 6))).astype(np.uint8)
        colours = np.array([[i * 37 % 256, i * 91 % 256, 255 - i * 3 % 256] for i in range(2 ** min(depth, 6))], np.uint8)
        yield f"palette{depth}.png", png(indices, PALETTE, depth, chunk(b"PLTE", colours.tobytes()))
        seen = chunk(b"PLTE", colours.tobytes()) + chunk(b"tRNS", bytes(i * 60 % 256 for i in range(len(colours))))
        yield f"palette{depth}_alpha.png", png(indices, PALETTE, depth, seen)
    yield "grey8_alpha.png", png(np.concatenate([grey, alpha], 2), GREY_ALPHA, 8)
    yield "grey16_alpha.png", png(wide(np.concatenate([grey, alpha], 2)), GREY_ALPHA, 16)
    yield "colour8_alpha.png", png(np.concatenate([rgb, alpha], 2), COLOUR_ALPHA, 8)
    yield "colour16_alpha.png", png(wide(np.concatenate([rgb, alpha], 2)), COLOUR_ALPHA, 16)
    yield "grey8_one_clear_alpha.png", png(grey, GREYS, 8, chunk(b"tRNS", struct.pack(">H", int(grey[3, 4, 0]))))
    clear = struct.pack(">HHH", *(int(v) for v in rgb[3, 4]))
    yield "colour8_one_clear_alpha.png", png(rgb, COLOURS, 8, chunk(b"tRNS", clear))
    yield "gamma.png", png(rgb, COLOURS, 8, chunk(b"gAMA", struct.pack(">I", 100000)))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    yield "profile.png", png(rgb, COLOURS, 8, chunk(b"iCCP", b"Lab\0\0" + zlib.compress(profile, 9)))


def save(name, image, **options):
    image.save(HERE / name, **options)


def others():
    grey, clear = PHOTO.convert("L"), PHOTO.copy()
    clear.putalpha(Image.fromarray(ALPHA))
    palette = PHOTO.quantize(16)
    black_and_white = grey.point(lambda v: 255 * (v > 99)).convert("1")
    turned = PHOTO.rotate(180)

    save("palette.gif", palette)
    save("grey.gif", grey)
    save("interlaced.gif", PHOTO.quantize(64), interlace=1)
    save("two_frames.gif", palette, save_all=True, append_images=[turned.quantize(16)], duration=100)
    save("clear_alpha.gif", palette, transparency=palette.getpixel((3, 4)))

    save("lossless.webp", PHOTO, lossless=True)
    save("lossless_alpha.webp", clear, lossless=True, exact=True)
    save("lossy.webp", PHOTO.resize((61, 45), Image.Resampling.BICUBIC), quality=80)
    save("lossy_alpha.webp", clear, quality=80, exact=True)
    save("two_frames.webp", PHOTO, save_all=True, append_images=[turned], duration=100, lossless=True)

    save("colour24.bmp", PHOTO)
    save("colour32.bmp", clear.convert("RGBA"))
    save("grey8.bmp", grey)
    save("palette8.bmp", palette)
    save("black_and_white1.bmp", black_and_white)

    for compression in (None, "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        save(f"colour8_{compression or 'raw'}.tiff".replace("tiff_", "", 1), PHOTO, compression=compression)
    save("grey8.tiff", grey)
    Image.fromarray(np.asarray(grey, np.uint16) * 256 + 0x5A).save(HERE / "grey16.tiff")
    save("black_and_white1.tiff", black_and_white)
    save("alpha.tiff", clear, compression="tiff_lzw")
    save("cmyk8.tiff", PHOTO.convert("CMYK"), compression="tiff_lzw")
    save("palette8.tiff", palette, compression="tiff_lzw")
    (HERE / "palette8_big_endian.tiff").write_bytes(big_endian_tiff(palette))
    save("two_pages.tiff", PHOTO, save_all=True, append_images=[turned])


def big_endian_tiff(picture):
    """A TIFF of a picture with a palette, written by hand: Pillow writes them in the other byte order."""
    colours = np.zeros((256, 3), np.uint8)
    given = np.array(picture.getpalette(), np.uint8).reshape(-1, 3)
    colours[: len(given)] = given
    short, long = 3, 4
    map_at = 8 + 2 + 12 * 9 + 4
    pixels_at = map_at + 2 * 768
    shorts = [(256, picture.width), (257, picture.height), (258, 8), (259, 1), (262, 3)]
    fields = [struct.pack(">HHIHH", tag, short, 1, value, 0) for tag, value in shorts]
    fields.append(struct.pack(">HHII", 273, long, 1, pixels_at))
    fields.append(struct.pack(">HHIHH", 278, short, 1, picture.height, 0))
    fields.append(struct.pack(">HHII", 279, long, 1, picture.width * picture.height))
    fields.append(struct.pack(">HHII", 320, short, 768, map_at))
    page = struct.pack(">H", len(fields)) + b"".join(fields) + struct.pack(">I", 0)
    # The lower eight bits, which are not looked at.
    wide = colours.T.astype(">u2") * 256 + 0x5A
    return b"MM\0\x2a" + struct.pack(">I", 8) + page + wide.astype(">u2").tobytes() + picture.tobytes()


def seen(path):
    image = Image.open(path)
    if image.mode.startswith("I;16") or image.mode == "I":
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if "alpha" not in path.name:
        return image.convert("RGB")
    clear = np.asarray(image.convert("RGBA"), float)
    opacity = clear[..., 3:] / 255
    return Image.fromarray(np.rint(clear[..., :3] * opacity + 255 * (1 - opacity)).astype(np.uint8))


def orientations():
    (HERE / "exif").mkdir(exist_ok=True)
    small = PHOTO.resize((11, 7), Image.Resampling.BICUBIC)
    lines = [f"# made by make_formats.py with Pillow {__version__}", "# file, orientation, width, height, CRC-32 of the upright pixels"]
    for tag in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = tag
        for name, options in [("png", {}), ("webp", {"lossless": True}), ("tiff", {"compression": "tiff_lzw"})]:
            path = HERE / "exif" / f"{tag}.{name}"
            small.save(path, exif=exif, **options)
            upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            lines.append(f"{path.name},{tag},{upright.width},{upright.height},{zlib.crc32(upright.tobytes())}")
    (HERE / "exif.csv").write_text("\n".join(lines) + "\n")


def main():
    orientations()
    for name, data in pngs():
        (HERE / name).write_bytes(data)
    others()
    lines = [f"# made by make_formats.py with Pillow {__version__}", "# file, width, height, CRC-32 of the pixels"]
    for path in sorted(HERE.iterdir()):
        if path.is_dir() or path.suffix in (".py", ".csv") or path.name.endswith(".expected.png"):
            continue
        pixels = seen(path)
        if "alpha" in path.name or path.name == "lossy.webp":
            pixels.save(path.with_name(path.name + ".expected.png"), optimize=True)
        else:
            lines.append(f"{path.name},{pixels.width},{pixels.height},{zlib.crc32(pixels.tobytes())}")
    (HERE / "formats.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
