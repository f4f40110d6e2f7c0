#!/usr/bin/env python3
"""Golden files of what GIF, TIFF, BMP and PNM have beyond the common kinds, and what Pillow sees in them.

    python make_odd.py       # needs pillow, numpy, imagecodecs

Made with Pillow 13.0.0 (libtiff 4.7.2, libjpeg-turbo 3.2.0), numpy 2.4.6 and imagecodecs 2026.3.6. Every byte of the files is written
here, by arithmetic, but for compressed data. `odd.csv` holds a line for each file that is decoded: its size, and the CRC-32 of the pixels
of its first frame, transparency over white. Of 16 bits the upper eight are expected, as Pillow has them for colour.
Files in `refused/` are kinds that are not decoded; what is said of them stands in `src/tests/odd.rs`.

Where Pillow is not followed: it reads samples of separate planes as if they stood together where they have 16 bits or an opacity, and does
not invert 16-bit grey that is white at zero. Such files are made here, too, and the pixels of their ordinary twin are expected.
"""

import io
import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, __version__

HERE = Path(__file__).resolve().parent
WIDTH, HEIGHT = 23, 17
Y, X = np.mgrid[0:HEIGHT, 0:WIDTH]
RGB = np.stack([(X * 11 + Y * 2) % 256, (Y * 15 + X) % 256, (X * Y * 3 + 40) % 256], -1).astype(np.uint8)
GREY = RGB[..., :1]
ALPHA = ((Y * 23 + X) * 7 % 256).astype(np.uint8)[..., None]
RGBA = np.concatenate([RGB, ALPHA], -1)
PREMULTIPLIED = np.concatenate([RGB.astype(int) * ALPHA // 255, ALPHA], -1).astype(np.uint8)
GREY_ALPHA = np.concatenate([GREY, ALPHA], -1)
BLACK = (GREY > 99).astype(np.uint8)

REVERSED = bytes(int(f"{i:08b}"[::-1], 2) for i in range(256))


def colours(count):
    return [[i * 37 % 256, i * 91 % 256, 255 - i * 3 % 256] for i in range(count)]


def narrowed(samples, bits):
    return samples >> (8 - bits)


def widened(samples):
    return samples.astype(np.uint16) * 256 + 0x5A


# TIFF

PACK = {
    1: lambda data, row: data,
    5: lambda data, row: imagecodecs.lzw_encode(data),
    8: lambda data, row: zlib.compress(data),
    32773: lambda data, row: b"".join(imagecodecs.packbits_encode(data[i : i + row]) for i in range(0, len(data), row)),
    50000: lambda data, row: imagecodecs.zstd_encode(data),
}


def packed_bits(samples, bits, order):
    if bits == 16:
        return samples.astype(order + "u2").tobytes()
    if bits == 8:
        return samples.astype(np.uint8).tobytes()
    rows = []
    for row in samples.reshape(samples.shape[0], -1):
        digits = "".join(format(int(v), f"0{bits}b") for v in row)
        rows.append(int(digits.ljust(-(-len(digits) // 8) * 8, "0"), 2).to_bytes(-(-len(digits) // 8), "big"))
    return b"".join(rows)


def parts_of(samples, tile, rows):
    if tile:
        for y in range(0, HEIGHT, tile):
            for x in range(0, WIDTH, tile):
                part = np.zeros((tile, tile, samples.shape[2]), samples.dtype)
                inside = samples[y : y + tile, x : x + tile]
                part[: inside.shape[0], : inside.shape[1]] = inside
                yield part
    else:
        for y in range(0, HEIGHT, rows):
            yield samples[y : y + rows]


def directory(fields, order, big, at):
    """A page's fields, which will lie at `at`, and the values that do not fit into them."""
    kinds = {"B": (1, 1), "s": (2, 1), "H": (3, 2), "I": (4, 4), "Q": (16, 8), "u": (7, 1)}
    offset, room = ("Q", 8) if big else ("I", 4)
    size = (20 if big else 12) * len(fields)
    behind = at + (8 if big else 2) + size + room
    entries = extra = b""
    for tag in sorted(fields):
        kind, values = fields[tag]
        number, width = kinds[kind]
        data = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{kind}", *values)
        count = len(data) // width
        if len(data) > room:
            where = struct.pack(order + offset, behind + len(extra))
            extra += data + b"\0" * (len(data) % 2)
            data = where
        entries += struct.pack(f"{order}HH{offset}", tag, number, count) + data.ljust(room, b"\0")
    return struct.pack(order + ("Q" if big else "H"), len(fields)) + entries + struct.pack(order + offset, 0) + extra


def wrapped(fields, parts, tiled=False, order="<", big=False, lengths=True, below=None):
    fields, start = dict(fields), 16 if big else 8
    offsets, data = [], b""
    for part in parts:
        offsets.append(start + len(data))
        data += part + b"\0" * (len(part) % 2)
    if below:
        fields[330] = ("I", [start + len(data)])
        data += directory(below, order, big, start + len(data))
    kind = "Q" if big else "I"
    fields[324 if tiled else 273] = (kind, offsets)
    if lengths:
        fields[325 if tiled else 279] = (kind, [len(part) for part in parts])
    mark = b"II" if order == "<" else b"MM"
    at = start + len(data)
    head = mark + (struct.pack(order + "HHHQ", 43, 8, 0, at) if big else struct.pack(order + "HI", 42, at))
    return head + data + directory(fields, order, big, at)


def tiff(samples, bits, photometric, compression=1, tile=None, rows=HEIGHT, planes=False, predictor=False, fill=1, order="<",
         big=False, extra=None, palette=None, lengths=True, more=None, below=None):
    count = samples.shape[2]
    parts = []
    for plane in [samples[..., i : i + 1] for i in range(count)] if planes else [samples]:
        for part in parts_of(plane, tile, rows):
            if predictor:
                differences = part.astype(int)
                differences[:, 1:] -= part[:, :-1].astype(int)
                part = differences % (1 << bits)
            data = packed_bits(part, bits, order)
            data = PACK.get(compression, PACK[1])(data, len(data) // part.shape[0])
            parts.append(data.translate(REVERSED) if fill == 2 else data)
    fields = {256: ("I", [WIDTH]), 257: ("I", [HEIGHT]), 258: ("H", [bits] * count), 259: ("H", [compression]),
              262: ("H", [photometric]), 277: ("H", [count]), 284: ("H", [2 if planes else 1])}
    fields |= {322: ("H", [tile]), 323: ("H", [tile])} if tile else {278: ("H", [rows])}
    if predictor:
        fields[317] = ("H", [2])
    if fill != 1:
        fields[266] = ("H", [fill])
    if extra is not None:
        fields[338] = ("H", extra)
    if palette:
        fields[320] = ("H", [wide for plane in zip(*colours(palette)) for wide in (v * 256 + 0x5A for v in plane)])
    return wrapped(fields | (more or {}), parts, bool(tile), order, big, lengths, below)


def tiffs():
    yield "bits_reversed", tiff(BLACK, 1, 0, fill=2)
    yield "bits_reversed_packbits", tiff(BLACK, 1, 1, 32773, rows=5, fill=2)
    yield "bits_reversed_lzw", tiff(GREY, 8, 1, 5, rows=5, fill=2)
    yield "bits_reversed_colour", tiff(RGB, 8, 2, fill=2)
    for bits in (2, 4):
        yield f"grey{bits}", tiff(narrowed(GREY, bits), bits, 1, rows=4)
        yield f"grey{bits}_white_is_zero", tiff(narrowed(GREY, bits), bits, 0, 5, tile=16)
    for bits in (1, 2, 4, 8):
        yield f"palette{bits}_tiles", tiff(narrowed(GREY, bits), bits, 3, 5, tile=16, palette=1 << bits)
    yield "palette8_bigtiff", tiff(GREY, 8, 3, big=True, palette=256)
    yield "palette8_ignored", tiff(GREY_ALPHA, 8, 3, extra=[0], palette=256)
    yield "palette8_alpha", tiff(GREY_ALPHA, 8, 3, extra=[2], palette=256)
    yield "grey8_lzw_tiles", tiff(GREY, 8, 1, 5, tile=16)
    yield "grey8_ignored", tiff(GREY_ALPHA, 8, 1, extra=[0])
    yield "grey8_alpha", tiff(GREY_ALPHA, 8, 1, 8, extra=[2])
    yield "grey8_premultiplied", tiff(PREMULTIPLIED[..., 2:], 8, 1, extra=[1])
    yield "grey16_predictor", tiff(widened(GREY), 16, 1, 5, rows=7, predictor=True)
    yield "colour8_planes_tiles", tiff(RGB, 8, 2, tile=16, planes=True)
    yield "colour8_planes_predictor", tiff(RGB, 8, 2, 8, rows=6, planes=True, predictor=True)
    yield "colour8_zstd", tiff(RGB, 8, 2, 50000, rows=6, predictor=True)
    yield "colour8_no_lengths", tiff(RGB, 8, 2, lengths=False)
    yield "colour8_more_samples", tiff(np.concatenate([RGBA, GREY, GREY], -1), 8, 2, extra=[0, 0, 0])
    yield "colour16_predictor", tiff(widened(RGB), 16, 2, 8, predictor=True, order=">")
    for bits, wide in ((8, lambda samples: samples), (16, widened)):
        yield f"colour{bits}_premultiplied", tiff(wide(PREMULTIPLIED), bits, 2, 5, tile=16, extra=[1])
        yield f"colour{bits}_alpha_unsaid", tiff(wide(RGBA), bits, 2)
        yield f"colour{bits}_ignored", tiff(wide(RGBA), bits, 2, extra=[0])
        yield f"cmyk{bits}", tiff(wide(RGBA), bits, 5, 5, rows=6)
    yield "colour8_corel", tiff(RGBA, 8, 2, extra=[999])
    yield from coded()


def coded():
    """Compressed by libtiff, which Pillow calls."""
    black, colour = Image.fromarray(BLACK[..., 0] * 255).convert("1"), Image.fromarray(RGB)

    def saved(image, **options):
        file = io.BytesIO()
        image.save(file, "TIFF", **options)
        return file.getvalue()

    for name, options, fax in [("huffman", {}, "tiff_ccitt"), ("group3", {}, "group3"), ("group3_two", {292: 5}, "group3"), ("group4", {}, "group4")]:
        for fill in (1, 2):
            fields = {262: fill - 1, 266: fill, 278: 7, **options}
            yield f"fax_{name}_{fill}", saved(black, compression=fax, tiffinfo=fields)
    yield "jpeg_colour", saved(colour, compression="jpeg", quality=85)
    yield "jpeg_grey", saved(colour.convert("L"), compression="jpeg", quality=85)
    yield "jpeg_cmyk", saved(colour.convert("CMYK"), compression="jpeg", quality=85)
    tiles = [imagecodecs.jpeg8_encode(np.ascontiguousarray(part), level=85, colorspace="RGB", outcolorspace="YCBCR", subsampling="420")
             for part in parts_of(RGB, 16, 0)]
    fields = {256: ("I", [WIDTH]), 257: ("I", [HEIGHT]), 258: ("H", [8] * 3), 259: ("H", [7]), 262: ("H", [6]), 277: ("H", [3]),
              322: ("H", [16]), 323: ("H", [16]), 530: ("H", [2, 2])}
    yield "jpeg_ycbcr_tiles", wrapped(fields, tiles, True)


def twins():
    """Files that Pillow misreads, and their ordinary twins."""
    yield "colour16_planes", tiff(widened(RGB), 16, 2, planes=True, order=">"), "colour16_predictor"
    yield "grey8_alpha_planes", tiff(GREY_ALPHA, 8, 1, 5, tile=16, planes=True, extra=[2]), "grey8_alpha"
    yield "grey16_white_is_zero", tiff(widened(255 - GREY), 16, 0), "grey16_predictor"


def refused():
    yield "float", tiff(widened(GREY), 16, 1, more={258: ("H", [16]), 339: ("H", [3])})
    yield "signed", tiff(GREY, 8, 1, more={339: ("H", [2])})
    yield "grey12", tiff(GREY, 8, 1, more={258: ("H", [12])})
    yield "grey32", tiff(GREY, 8, 1, more={258: ("H", [32])})
    yield "lab", tiff(RGB, 8, 8)
    yield "ycbcr", tiff(RGB, 8, 6)
    yield "old_jpeg", tiff(RGB, 8, 6, 6)
    yield "lzma", tiff(RGB, 8, 2, 34925)
    yield "jpeg2000", tiff(RGB, 8, 2, 34712)
    thumbnail = {254: ("I", [1])}
    sensor = {256: ("I", [WIDTH]), 257: ("I", [HEIGHT]), 258: ("H", [16]), 259: ("H", [1]), 262: ("H", [32803])}
    yield "photo.dng", tiff(RGB, 8, 2, more=thumbnail | {50706: ("B", [1, 4, 0, 0])}, below=sensor)
    yield "photo.nef", tiff(RGB, 8, 2, more=thumbnail | {271: ("s", b"NIKON CORPORATION\0")}, below=sensor, order=">")
    yield "photo.arw", tiff(RGB, 8, 2, more=thumbnail | {271: ("s", b"SONY\0")}, below=sensor | {259: ("H", [32767])})
    yield "photo.pef", tiff(GREY, 8, 1, 65535, more={271: ("s", b"PENTAX \0")}, order=">")
    yield "sensor.tiff", tiff(GREY, 8, 32803)


# GIF

def gif(screen, frame, samples, palette, local=None, interlaced=False, clear=None, background=0, trailer=True):
    x, y = frame
    rows = [row for first, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for row in range(first, HEIGHT, step)]
    data = (samples[rows] if interlaced else samples).astype(np.uint8).tobytes()
    # Nine bits for each code, and a clear code before they would become ten.
    codes = [code for i in range(0, len(data), 250) for code in (256, *data[i : i + 250])] + [257]
    bits = sum(code << 9 * i for i, code in enumerate(codes))
    data = bits.to_bytes(-(-len(codes) * 9 // 8), "little")
    blocks = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    flags = lambda palette: 0x80 | len(palette).bit_length() - 2 if palette else 0
    table = lambda palette: bytes(part for colour in palette or [] for part in colour)
    file = b"GIF89a" + struct.pack("<HHBBB", *screen, flags(palette), background, 0) + table(palette)
    if clear is not None:
        file += b"!\xf9\4" + struct.pack("<BHBB", 1, 0, clear, 0)
    kind = flags(local) | (0x40 if interlaced else 0)
    file += b"," + struct.pack("<HHHHB", x, y, WIDTH, HEIGHT, kind) + table(local) + b"\x08" + blocks + b"\0"
    return file + (b";" if trailer else b"")


def gifs():
    grey, many, few = GREY[..., 0], colours(256), colours(16)
    clear = int(grey[3, 4])
    for name, screen in [("0x0", (0, 0)), ("0xh", (0, HEIGHT)), ("wx0", (WIDTH, 0)), ("smaller", (9, 30)), ("larger", (30, 20))]:
        yield f"screen_{name}", gif(screen, (0, 0), grey, many)
        yield f"screen_{name}_offset", gif(screen, (5, 2), grey, many, background=9)
        yield f"screen_{name}_offset_clear", gif(screen, (5, 2), grey, many, clear=clear)
    yield "no_palette", gif((WIDTH, HEIGHT), (0, 0), grey, None)
    yield "short_palette", gif((WIDTH, HEIGHT), (0, 0), grey, few)
    yield "local_interlaced", gif((WIDTH, HEIGHT), (0, 0), grey >> 4, many, few, interlaced=True)
    yield "no_trailer", gif((WIDTH, HEIGHT), (0, 0), grey, many, trailer=False)


# BMP

def bmp(bits, rows, palette=b"", header=40, reserved=0, masks=b""):
    data = b"".join(row + b"\0" * (-len(row) % 4) for row in rows[::-1])
    info = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, 3 if masks else 0, len(data), 2835, 2835, 0, 0)
    info += b"\0" * (header - 40) + masks
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<III", start + len(data), reserved, start) + info + palette + data


def bmps():
    grey = [row.tobytes() for row in GREY]
    palette = b"".join(bytes([*colour, 0]) for colour in colours(256))
    yield "reserved", bmp(24, [row[:, ::-1].tobytes() for row in RGB], reserved=0x12345678)
    yield "os2", bmp(8, grey, palette, header=64)
    red, green, blue = (RGB[..., i].astype("<u2") for i in range(3))
    yield "bits16", bmp(16, [row.tobytes() for row in (red >> 3 << 10) | (green >> 3 << 5) | (blue >> 3)])
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    yield "bits16_masks", bmp(16, [row.tobytes() for row in (red >> 3 << 11) | (green >> 2 << 5) | (blue >> 3)], masks=masks)


# PNM

def pnms():
    for kind, samples in ((5, GREY), (6, RGB)):
        for largest in (255, 7, 1000, 65535):
            values = samples.astype(int) * largest // 255
            head = b"# a comment\n%d %d\n%d\n" % (WIDTH, HEIGHT, largest)
            yield f"p{kind}_{largest}", b"P%d\n" % kind + head + values.astype(">u2" if largest > 255 else np.uint8).tobytes()
            words = b"\n".join(b" ".join(b"%d" % value for value in row.reshape(-1)) for row in values)
            yield f"p{kind - 3}_{largest}", b"P%d " % (kind - 3) + head + b"#another\n" + words
    yield "p6_above", b"P6 %d\r\n%d 200\n" % (WIDTH, HEIGHT) + RGB.tobytes()
    yield "p4", b"P4\n%d %d\n" % (WIDTH, HEIGHT) + packed_bits(BLACK, 1, "<")
    yield "p1", b"P1\n%d %d\n" % (WIDTH, HEIGHT) + b"\n".join(b" ".join(b"%d" % value for value in row[:, 0]) for row in BLACK)
    yield "p1_dense", b"P1\n%d %d\n" % (WIDTH, HEIGHT) + b"\n".join(b"".join(b"%d" % value for value in row[:, 0]) for row in BLACK)


def seen(path):
    image = Image.open(path)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    image.load()
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image.convert("RGB")
    clear = np.asarray(image.convert("RGBA")).astype(int)
    opacity = clear[..., 3:]
    return Image.fromarray(((clear[..., :3] * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8))


def main():
    lines = [f"# made by make_odd.py with Pillow {__version__}", "# file, width, height, CRC-32 of the pixels"]

    def expect(name, pixels):
        lines.append(f"{name},{pixels.width},{pixels.height},{zlib.crc32(pixels.tobytes())}")

    for suffix, files in (("tiff", tiffs()), ("gif", gifs()), ("bmp", bmps()), ("pnm", pnms())):
        for name, data in files:
            path = HERE / f"{name}.{suffix}"
            path.write_bytes(data)
            expect(path.name, seen(path))
    for name, data, twin in twins():
        (HERE / f"{name}.tiff").write_bytes(data)
        expect(f"{name}.tiff", seen(HERE / f"{twin}.tiff"))
    (HERE / "refused").mkdir(exist_ok=True)
    for name, data in refused():
        (HERE / "refused" / (name if "." in name else f"{name}.tiff")).write_bytes(data)
    (HERE / "odd.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
