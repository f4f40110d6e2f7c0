#!/usr/bin/env python3
"""Golden files of AVIF and HEIC, and what others see in them.

    python make_heif.py AVIFENC       # needs pillow, pillow-heif, numpy, and libavif's `avifenc`

Made with Pillow 13.0.0 (libavif 1.4.2), pillow-heif 1.8.1 (libheif 1.23.6, x265 4.3, libde265 1.1.3) and avifenc 0.11.1 (aom 3.6.0, Debian
libavif-bin). `FILE.expected.png` is what Pillow's AVIF plugin and pillow-heif make of FILE, upright, transparency over white. Where
those do not do what the file asks for (they leave `clap` alone in AVIF), it is done here.
Coded images come from the encoders; where they do not write a container that is wanted, it is written here.
"""

import io
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
AVIFENC = sys.argv[1]
PHOTO = Image.open(HERE.parents[5] / "data/photos/flower.jpg").convert("RGB")
WIDTH, HEIGHT = 71, 53
SMALL = PHOTO.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
ALPHA = Image.fromarray(((np.arange(HEIGHT)[:, None] * 4 + np.arange(WIDTH) * 3) % 256).astype(np.uint8))
RGBA = SMALL.copy()
RGBA.putalpha(ALPHA)
pillow_heif.register_heif_opener()


# --- the container ---


def box(kind, *parts):
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full(kind, version, flags, *parts):
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def boxes(data):
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += size


class Item:
    """A coded image: its kind, its data, and its properties as boxes."""

    def __init__(self, kind, data, properties, refers=()):
        self.kind, self.data, self.properties, self.refers = kind, data, list(properties), list(refers)

    def and_(self, *properties):
        return Item(self.kind, self.data, self.properties + list(properties), self.refers)

    def without(self, kind):
        return Item(self.kind, self.data, [p for p in self.properties if p[4:8] != kind], self.refers)


def demux(file):
    """The items of a file, in order; references are left out."""
    meta = dict(boxes(file))[b"meta"][4:]
    parts = dict(boxes(meta))
    kinds = {}
    for kind, body in boxes(parts[b"iinf"][6:]):
        assert kind == b"infe" and body[0] == 2
        kinds[struct.unpack_from(">H", body, 4)[0]] = body[8:12]
    iloc = parts[b"iloc"]
    version, sizes, more = iloc[0], iloc[4], iloc[5]
    offset_size, length_size, base_size, index_size = sizes >> 4, sizes & 15, more >> 4, more & 15 if version else 0
    at = 6

    def number(size):
        nonlocal at
        at += size
        return int.from_bytes(iloc[at - size : at], "big")

    places = {}
    for _ in range(number(4 if version == 2 else 2)):
        item = number(4 if version == 2 else 2)
        method = number(2) if version else 0
        number(2)
        base = number(base_size)
        extents = []
        for _ in range(number(2)):
            number(index_size)
            offset, length = number(offset_size), number(length_size)
            whole = parts[b"idat"] if method == 1 else file
            extents.append(whole[base + offset : base + offset + length])
        places[item] = b"".join(extents)
    ipco = [box(kind, body) for kind, body in boxes(dict(boxes(parts[b"iprp"]))[b"ipco"])]
    ipma = dict(boxes(parts[b"iprp"]))[b"ipma"]
    wide, at, properties = ipma[3] & 1, 8, {}
    for _ in range(struct.unpack_from(">I", ipma, 4)[0]):
        item, count = struct.unpack_from(">HB", ipma, at)
        at += 3
        indices = struct.unpack_from(f">{count}{'H' if wide else 'B'}", ipma, at)
        at += count * (2 if wide else 1)
        properties[item] = [ipco[(index & (0x7FFF if wide else 0x7F)) - 1] for index in indices]
    return {item: Item(kinds[item], places.get(item, b""), properties.get(item, [])) for item in kinds}


ESSENTIAL = {b"hvcC", b"av1C", b"irot", b"imir", b"clap", b"lsel", b"a1op"}


def mux(items, primary=1, brand=b"heic", pieces=1, idat=()):
    """A file of `items` (numbered from 1); their data in so many pieces each, or in `idat` for the items in that."""
    ipco, places = [], {}
    for item in items:
        for prop in item.properties:
            if prop not in places:
                ipco.append(prop)
                places[prop] = len(ipco)
    def associations(number, item):
        pairs = [places[p] | (0x80 if p[4:8] in ESSENTIAL else 0) for p in item.properties]
        return struct.pack(">HB", number, len(pairs)) + bytes(pairs)
    ipma = full(b"ipma", 0, 0, struct.pack(">I", len(items)), *(associations(n, i) for n, i in enumerate(items, 1)))
    infe = [full(b"infe", 2, 0, struct.pack(">HH4s", n, 0, i.kind), b"\0") for n, i in enumerate(items, 1)]
    references = [box(kind, struct.pack(f">HH{len(to)}H", n, len(to), *to))
                  for n, i in enumerate(items, 1) for kind, to in i.refers]
    ftyp = box(b"ftyp", brand, struct.pack(">I", 0), b"mif1", brand, b"miaf")
    inside = b"".join(i.data for n, i in enumerate(items, 1) if n in idat)

    def meta(start):
        entries, outer, inner = [], start, 0
        for n, item in enumerate(items, 1):
            cuts = [len(item.data) * p // pieces for p in range(pieces + 1)] if n not in idat else [0, len(item.data)]
            at = inner if n in idat else outer
            extents = b"".join(struct.pack(">II", at + a, b - a) for a, b in zip(cuts, cuts[1:]))
            entries.append(struct.pack(">HHHH", n, 1 if n in idat else 0, 0, len(cuts) - 1) + extents)
            if n in idat:
                inner += len(item.data)
            else:
                outer += len(item.data)
        iloc = full(b"iloc", 1, 0, bytes([0x44, 0]), struct.pack(">H", len(items)), *entries)
        parts = [full(b"hdlr", 0, 0, bytes(4), b"pict", bytes(13)), full(b"pitm", 0, 0, struct.pack(">H", primary)), iloc,
                 full(b"iinf", 0, 0, struct.pack(">H", len(items)), *infe)]
        if references:
            parts.append(full(b"iref", 0, 0, *references))
        parts.append(box(b"iprp", box(b"ipco", *ipco), ipma))
        if inside:
            parts.append(box(b"idat", inside))
        return full(b"meta", 0, 0, *parts)

    start = len(ftyp) + len(meta(0)) + 8
    return ftyp + meta(start) + box(b"mdat", *(i.data for n, i in enumerate(items, 1) if n not in idat))


def irot(quarters):
    return box(b"irot", bytes([quarters]))


def imir(left_right):
    return box(b"imir", bytes([left_right]))


def clap(width, height, right, down):
    """`right` and `down` in halves of a pixel."""
    return box(b"clap", struct.pack(">IIIIiIiI", width, 1, height, 1, right, 2, down, 2))


def ispe(width, height):
    return full(b"ispe", 0, 0, struct.pack(">II", width, height))


def nclx(primaries, transfer, matrix, full_range):
    return box(b"colr", b"nclx", struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7))


def aux(urn):
    return full(b"auxC", 0, 0, urn + b"\0")


def grid(rows, columns, width, height, wide=False):
    return struct.pack(">BBBBII" if wide else ">BBBBHH", 0, int(wide), rows - 1, columns - 1, width, height)


# --- the encoders ---


def avif(image, **settings):
    out = io.BytesIO()
    image.save(out, "AVIF", **{"quality": 60, "speed": 6, **settings})
    return out.getvalue()


def heic(image, **settings):
    out = io.BytesIO()
    image.save(out, "HEIF", **{"quality": 50, **settings})
    return out.getvalue()


def avifenc(image, *arguments):
    with tempfile.TemporaryDirectory() as folder:
        png, out = Path(folder, "in.png"), Path(folder, "out.avif")
        image.save(png)
        subprocess.run([AVIFENC, *arguments, png, out], check=True, stdout=subprocess.DEVNULL)
        return out.read_bytes()


def heic_wide(bits):
    """Samples of more than eight bits, from the photo at its full size, where the means of pixels have them."""
    wide = np.asarray(PHOTO.resize((WIDTH * 4, HEIGHT * 4)), np.uint32).reshape(HEIGHT, 4, WIDTH, 4, 3).sum((1, 3))
    samples = (wide * 257 / 16).astype(np.uint16)
    pillow_heif.options.SAVE_HDR_TO_12_BIT = bits == 12
    file = pillow_heif.from_bytes("RGB;16", (WIDTH, HEIGHT), samples.tobytes())
    out = io.BytesIO()
    file.save(out, quality=50)
    return out.getvalue()


# --- what others see ---


def seen(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if "A" in image.getbands():
        rgba = np.asarray(image.convert("RGBA"), np.float64)
        alpha = rgba[..., 3:] / 255
        return Image.fromarray(np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8))
    return image.convert("RGB")


def one(data):
    """The primary image's item, which is the first in what the encoders write."""
    return next(iter(demux(data).values()))


def tiles(encode, columns, rows, edge):
    whole = PHOTO.resize((columns * edge, rows * edge), Image.Resampling.BICUBIC)
    parts = [whole.crop((x * edge, y * edge, (x + 1) * edge, (y + 1) * edge)) for y in range(rows) for x in range(columns)]
    return [one(encode(part)) for part in parts]


def gridded(parts, columns, rows, width, height, wide=False, **settings):
    main = Item(b"grid", grid(rows, columns, width, height, wide), [ispe(width, height)],
                [(b"dimg", range(2, 2 + len(parts)))])
    return mux([main, *parts], idat=[1], **settings)


def files():
    yield "420.avif", avif(SMALL, subsampling="4:2:0")
    yield "422.avif", avif(SMALL, subsampling="4:2:2")
    yield "444.avif", avif(SMALL, subsampling="4:4:4")
    yield "grey.avif", avif(SMALL, subsampling="4:0:0")
    yield "limited.avif", avif(SMALL, range="limited")
    yield "alpha.avif", avif(RGBA)
    yield "10_bits.avif", avifenc(SMALL, "-d", "10", "-y", "420", "--min", "25", "--max", "35")
    yield "12_bits.avif", avifenc(SMALL, "-d", "12", "-y", "444", "--min", "25", "--max", "35", "-r", "limited")
    yield "lossless.avif", avifenc(SMALL.crop((0, 0, 23, 17)), "-l")
    yield "bt709.avif", avifenc(SMALL, "--cicp", "1/13/1", "--min", "25", "--max", "35")
    yield "bt2020.avif", avifenc(SMALL, "--cicp", "9/14/9", "--min", "25", "--max", "35", "-r", "limited")
    yield "ycgco.avif", avifenc(SMALL, "--cicp", "1/13/8", "-y", "444", "--min", "25", "--max", "35")
    yield "premultiplied.avif", avifenc(RGBA, "--premultiply", "--min", "20", "--max", "30")
    yield "grain.avif", avifenc(SMALL, "--min", "25", "--max", "35", "-a", "film-grain-test=1")
    plain = one(avif(SMALL))
    for quarters in (1, 2, 3):
        yield f"irot{quarters}.avif", mux([plain.and_(irot(quarters))], brand=b"avif")
    yield "imir0.avif", mux([plain.and_(imir(0))], brand=b"avif")
    yield "irot1_imir1.avif", mux([plain.and_(irot(1), imir(1))], brand=b"avif")
    yield "clap.avif", mux([plain.and_(clap(40, 31, 7, -4))], brand=b"avif")
    yield "pieces.avif", mux([plain], brand=b"avif", pieces=3)
    yield "idat.avif", mux([plain], brand=b"avif", idat=[1])
    other = one(avif(SMALL.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    yield "second_of_two.avif", mux([other, plain], primary=2, brand=b"avif")
    yield "frames.avif", avif(SMALL, save_all=True, append_images=[ImageOps.invert(SMALL)])
    yield "grid.avif", gridded(tiles(avif, 3, 2, 64), 3, 2, 162, 98, brand=b"avif")
    yield "grid_422.avif", gridded(tiles(lambda i: avif(i, subsampling="4:2:2"), 2, 1, 64), 2, 1, 128, 64, wide=True, brand=b"avif")
    yield "grid_alpha.avif", grid_with_alpha()
    yield "420.heic", heic(SMALL)
    yield "422.heic", heic(SMALL, chroma=422)
    yield "444.heic", heic(SMALL, chroma=444)
    yield "grey.heic", heic(SMALL.convert("L"))
    yield "10_bits.heic", heic_wide(10)
    yield "12_bits.heic", heic_wide(12)
    yield "alpha.heic", heic(RGBA)
    yield "limited.heic", heic(SMALL, full_range_flag=0, matrix_coefficients=1, color_primaries=1)
    plain = one(heic(SMALL))
    yield "no_colr.heic", mux([plain.without(b"colr")])
    # libheif turns and crops the planes, by whole samples: with an odd edge the colours would move by half of one.
    even = one(heic(PHOTO.resize((72, 54), Image.Resampling.BICUBIC)))
    for quarters in (1, 2, 3):
        yield f"irot{quarters}.heic", mux([even.and_(irot(quarters))])
    yield "imir1.heic", mux([even.and_(imir(1))])
    yield "irot1_imir0.heic", mux([even.and_(irot(1), imir(0))])
    yield "clap.heic", mux([even.and_(clap(40, 30, 8, -8))])
    other = one(heic(SMALL.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    yield "second_of_two.heic", mux([other, plain], primary=2)
    yield "grid.heic", gridded(tiles(heic, 3, 2, 64), 3, 2, 162, 98)
    yield "hevc_in_mif1.heif", mux([plain], brand=b"mif1")


def grid_with_alpha():
    """A grid whose opacity is a grid, too."""
    parts = tiles(avif, 2, 1, 64)
    ramp = Image.linear_gradient("L").resize((128, 64))
    masks = [one(avif(ramp.crop((x, 0, x + 64, 64)), subsampling="4:0:0")) for x in (0, 64)]
    urn = aux(b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha")
    main = Item(b"grid", grid(1, 2, 128, 64), [ispe(128, 64)], [(b"dimg", [2, 3])])
    mask = Item(b"grid", grid(1, 2, 128, 64), [ispe(128, 64), urn], [(b"dimg", [5, 6]), (b"auxl", [1])])
    return mux([main, *parts, mask, *masks], idat=[1, 4], brand=b"avif")


def main():
    for name, data in files():
        (HERE / name).write_bytes(data)
        want = seen(data)
        if name == "clap.avif":
            left, top = (WIDTH - 40 + 7) // 2, (HEIGHT - 31 - 4) // 2
            want = want.crop((left, top, left + 40, top + 31))
        want.save(HERE / f"{name}.expected.png", optimize=True)
        print(f"{name}: {len(data)} bytes, {want.size[0]}x{want.size[1]}")


main()
