"""Small images whose files say in many ways how they are to be turned, and what Pillow makes of them.

Writes the files beside this script, and `orientation.csv`: for each the size of the image that
`ImageOps.exif_transpose` gives, and the CRC-32 of its RGB. Made with Pillow 13.0.0 and Python 3.11; no other packages.
"""

import io
import struct
import warnings
import zlib
from pathlib import Path

import PIL
from PIL import Image, ImageOps

HERE = Path(__file__).parent
WIDTH, HEIGHT = 16, 8
XMP_NAME = b"http://ns.adobe.com/xap/1.0/\0"


def picture():
    """No two of its eight turned versions are alike."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    image.putdata([(x * 15, y * 30, 255 if x < 4 and y < 2 else 40) for y in range(HEIGHT) for x in range(WIDTH)])
    return image


def encoded(kind, **options):
    out = io.BytesIO()
    picture().save(out, kind, **options)
    return out.getvalue()


# EXIF: a TIFF directory by hand.

KINDS = {"BYTE": (1, "B"), "ASCII": (2, "B"), "SHORT": (3, "H"), "LONG": (4, "I"), "RATIONAL": (5, "II"), "SBYTE": (6, "b"),
         "UNDEFINED": (7, "B"), "SSHORT": (8, "h"), "SLONG": (9, "i"), "SRATIONAL": (10, "ii"), "FLOAT": (11, "f"),
         "DOUBLE": (12, "d"), "IFD": (13, "I"), "LONG8": (16, "Q"), "of_no_kind": (99, "H")}


def field(tag, kind, *values, count=None):
    number, code = KINDS[kind]
    return tag, number, len(values) // len(code) if count is None else count, code * (len(values) // len(code)), values


def exif(*fields, order="<", head=None):
    """A block of EXIF of these fields, values that do not fit behind them."""
    start = 8 + 2 + 12 * len(fields) + 4
    entries, behind = b"", b""
    for tag, kind, count, code, values in fields:
        value = struct.pack(order + code, *values) if isinstance(code, str) else code
        if len(value) > 4:
            entries += struct.pack(order + "HHII", tag, kind, count, start + len(behind))
            behind += value
        else:
            entries += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    head = head or (b"II*\0" if order == "<" else b"MM\0*")
    return head + struct.pack(order + "IH", 8, len(fields)) + entries + struct.pack(order + "I", 0) + behind


def turned(value, kind="SHORT", **options):
    more = (1,) if kind in ("RATIONAL", "SRATIONAL") else ()
    return exif(field(274, kind, value, *more), **options)


def packet(inside):
    return (b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf='
            b'"http://www.w3.org/1999/02/22-rdf-syntax-ns#">' + inside + b"</rdf:RDF></x:xmpmeta>")


def attribute(value):
    return packet(b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="%s"/>' % value)


def element(value):
    return packet(b"<rdf:Description><tiff:Orientation>%s</tiff:Orientation></rdf:Description>" % value)


# JPEG

def jpeg(*segments):
    whole = encoded("JPEG", quality=95, subsampling=0)
    middle = b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments)
    return whole[:20] + middle + whole[20:]  # behind the JFIF segment


def app1(block):
    return b"Exif\0\0" + block


def xmp(text):
    return XMP_NAME + text


def jpegs():
    yield "xmp_attribute", jpeg(xmp(attribute(b"6")))
    yield "xmp_element", jpeg(xmp(element(b"8")))
    yield "xmp_0", jpeg(xmp(attribute(b"0")))
    yield "xmp_9", jpeg(xmp(element(b"9")))
    yield "xmp_single_quotes", jpeg(xmp(attribute(b"6").replace(b'"6"', b"'6'")))
    yield "xmp_spaced", jpeg(xmp(element(b" 6 ")))
    yield "xmp_second_place", jpeg(xmp(attribute(b"x") + attribute(b"5")))
    yield "xmp_twice", jpeg(xmp(attribute(b"3")), xmp(attribute(b"6")))
    yield "xmp_extended", jpeg(b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + attribute(b"6"))
    for number, kind in enumerate(KINDS):
        yield f"exif_{kind.lower()}", jpeg(app1(turned(6, kind)))
        yield f"exif_{kind.lower()}_big", jpeg(app1(turned(number % 7 + 2, kind, order=">")))
    yield "exif_float_odd", jpeg(app1(turned(6.5, "FLOAT")))
    yield "exif_rational_half", jpeg(app1(exif(field(274, "RATIONAL", 13, 2))))
    yield "exif_rational_reduced", jpeg(app1(exif(field(274, "RATIONAL", 18, 3))))
    yield "exif_rational_0", jpeg(app1(exif(field(274, "RATIONAL", 6, 0))))
    for value in range(10):
        yield f"exif_{value}", jpeg(app1(turned(value)))
    yield "exif_262", jpeg(app1(turned(262)))
    yield "exif_two_values", jpeg(app1(exif(field(274, "SHORT", 6, 3))))
    yield "exif_three_values", jpeg(app1(exif(field(274, "SHORT", 6, 3, 1))))
    yield "exif_no_values", jpeg(app1(exif(field(274, "SHORT", 6, count=0))))
    yield "exif_two_fields", jpeg(app1(exif(field(274, "SHORT", 6), field(274, "SHORT", 3))))
    yield "exif_first_field_unknown", jpeg(app1(exif(field(274, "of_no_kind", 6), field(274, "SHORT", 3))))
    yield "exif_swapped_word", jpeg(app1(turned(6, head=b"II\0*")))
    yield "exif_swapped_word_big", jpeg(app1(turned(6, order=">", head=b"MM*\0")))
    yield "exif_word_twice", jpeg(app1(app1(turned(6))))
    yield "exif_and_xmp", jpeg(app1(turned(3)), xmp(attribute(b"6")))
    yield "xmp_and_exif", jpeg(xmp(attribute(b"6")), app1(turned(3)))
    yield "exif_0_and_xmp", jpeg(app1(turned(0)), xmp(attribute(b"6")))
    yield "exif_9_and_xmp", jpeg(app1(turned(9)), xmp(attribute(b"6")))
    yield "exif_without_and_xmp", jpeg(app1(exif(field(256, "SHORT", 6))), xmp(attribute(b"6")))
    yield "exif_empty_and_xmp", jpeg(app1(b""), xmp(attribute(b"6")))
    yield "exif_make_before", jpeg(app1(exif(field(271, "ASCII", *b"a camera\0"), field(274, "SHORT", 6))))
    # What lies beyond the end: Pillow reads no field behind it.
    lost = (271, 2, 40, b"\xff\0\0\0", ())
    yield "exif_make_lost", jpeg(app1(exif(lost, field(274, "SHORT", 6))))
    huge = (271, 2, 1 << 31, b"\x1a\0\0\0", ())
    yield "exif_make_huge", jpeg(app1(exif(huge, field(274, "SHORT", 6))))
    whole = turned(6)
    yield "exif_cut_in_two", jpeg(app1(whole[:14]), app1(whole[14:]))
    yield "exif_twice", jpeg(app1(exif(field(256, "SHORT", 6))), app1(turned(6)))
    yield "exif_cut_off", jpeg(app1(whole[:20]))


# PNG

def chunk(name, contents):
    return struct.pack(">I", len(contents)) + name + contents + struct.pack(">I", zlib.crc32(name + contents))


def png(before=b"", behind=b""):
    whole = encoded("PNG")
    data = whole.index(b"IDAT") - 4
    return whole[:data] + before + whole[data:-12] + behind + whole[-12:]


def text(keyword, value):
    return chunk(b"tEXt", keyword + b"\0" + value)


def ztxt(keyword, value):
    return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(value))


def itxt(keyword, value, compress=False):
    flags, value = (b"\1\0", zlib.compress(value)) if compress else (b"\0\0", value)
    return chunk(b"iTXt", keyword + b"\0" + flags + b"en\0" + keyword + b"\0" + value)


def profile(name, value):
    """As ImageMagick writes it, with lines of 72 digits."""
    digits = value.hex()
    lines = "\n".join(digits[at:at + 72] for at in range(0, len(digits), 72))
    return f"\n{name}\n{len(value):8}\n{lines}\n".encode()


def pngs():
    raw = b"Raw profile type "
    yield "exif_before", png(chunk(b"eXIf", turned(6)))
    yield "exif_behind", png(b"", chunk(b"eXIf", turned(6)))
    yield "exif_both", png(chunk(b"eXIf", turned(6)), chunk(b"eXIf", turned(3)))
    yield "exif_twice_before", png(chunk(b"eXIf", turned(6)) + chunk(b"eXIf", turned(3)))
    yield "exif_word", png(chunk(b"eXIf", app1(turned(6))))
    yield "exif_long", png(chunk(b"eXIf", turned(6, "LONG")))
    yield "exif_as_text", png(text(b"exif", turned(6)))
    yield "xmp", png(itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "xmp_compressed", png(itxt(b"XML:com.adobe.xmp", element(b"8"), compress=True))
    yield "xmp_behind", png(b"", itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "xmp_as_text", png(text(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "xmp_as_ztxt", png(ztxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "xmp_twice", png(itxt(b"XML:com.adobe.xmp", attribute(b"3")), itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "xmp_not_utf8", png(itxt(b"XML:com.adobe.xmp", b"\xff" + attribute(b"6")))
    yield "profile_text", png(text(raw + b"exif", profile("exif", app1(turned(6)))))
    yield "profile_ztxt", png(ztxt(raw + b"exif", profile("exif", app1(turned(6)))))
    yield "profile_itxt", png(itxt(raw + b"exif", profile("exif", app1(turned(6))), compress=True))
    yield "profile_behind", png(b"", ztxt(raw + b"exif", profile("exif", app1(turned(6)))))
    yield "profile_app1", png(ztxt(raw + b"APP1", profile("generic", app1(turned(6)))))
    yield "profile_xmp", png(ztxt(raw + b"xmp", profile("xmp", attribute(b"6"))))
    yield "profile_and_exif", png(text(raw + b"exif", profile("exif", app1(turned(6)))) + chunk(b"eXIf", turned(3)))
    yield "profile_and_xmp", png(text(raw + b"exif", profile("exif", app1(turned(3)))) + itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "profile_without_and_xmp", png(text(raw + b"exif", profile("exif", app1(exif(field(256, "SHORT", 6))))) + itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "exif_0_and_xmp", png(chunk(b"eXIf", turned(0)) + itxt(b"XML:com.adobe.xmp", attribute(b"6")))
    yield "profile_long", png(ztxt(raw + b"exif", profile("exif", app1(exif(field(271, "ASCII", *bytes(900)), field(274, "SHORT", 6))))))
    animation = io.BytesIO()
    picture().save(animation, "PNG", save_all=True, append_images=[Image.new("RGB", (WIDTH, HEIGHT))])
    whole = animation.getvalue()
    yield "animated_exif_behind", whole[:-12] + chunk(b"eXIf", turned(6)) + whole[-12:]


# WebP

def webp(*chunks, flags):
    simple = encoded("WEBP", lossless=True)[12:]
    header = struct.pack("<4sIBBBB", b"VP8X", 10, flags, 0, 0, 0) + (WIDTH - 1).to_bytes(3, "little") + (HEIGHT - 1).to_bytes(3, "little")
    body = b"WEBP" + header + simple + b"".join(name + struct.pack("<I", len(c)) + c + b"\0" * (len(c) % 2) for name, c in chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webps():
    yield "exif", webp((b"EXIF", turned(6)), flags=8)
    yield "exif_word", webp((b"EXIF", app1(turned(6))), flags=8)
    yield "exif_long", webp((b"EXIF", turned(6, "LONG")), flags=8)
    yield "exif_not_announced", webp((b"EXIF", turned(6)), flags=0)
    yield "xmp", webp((b"XMP ", attribute(b"6")), flags=4)
    yield "xmp_odd", webp((b"XMP ", attribute(b"6") + b"\n" * (len(attribute(b"6")) % 2 + 1)), flags=4)
    yield "xmp_not_announced", webp((b"XMP ", attribute(b"6")), flags=0)
    yield "exif_and_xmp", webp((b"EXIF", turned(3)), (b"XMP ", attribute(b"6")), flags=12)
    yield "exif_twice", webp((b"EXIF", turned(3)), (b"EXIF", turned(6)), flags=8)
    yield "exif_without_and_xmp", webp((b"EXIF", exif(field(256, "SHORT", 6))), (b"XMP ", element(b"6")), flags=12)


# TIFF

def tiff(*fields, order="<", big=False):
    """An uncompressed RGB image with more fields, which are (tag, kind, count, bytes)."""
    pixels = picture().tobytes()
    fields = [(256, 3, 1, struct.pack(order + "H", WIDTH)), (257, 3, 1, struct.pack(order + "H", HEIGHT)),
              (258, 3, 3, struct.pack(order + "HHH", 8, 8, 8)), (259, 3, 1, struct.pack(order + "H", 1)),
              (262, 3, 1, struct.pack(order + "H", 2)), (273, 4, 1, struct.pack(order + "I", 0)), *fields,
              (277, 3, 1, struct.pack(order + "H", 3)), (278, 3, 1, struct.pack(order + "H", HEIGHT)),
              (279, 4, 1, struct.pack(order + "I", len(pixels)))]
    fields.sort(key=lambda f: f[0])
    word, inline = ("Q", 8) if big else ("I", 4)
    first = 16 if big else 8
    count = struct.pack(order + ("Q" if big else "H"), len(fields))
    start = first + len(count) + (20 if big else 12) * len(fields) + inline
    entries, behind = b"", b""
    for tag, kind, number, value in fields:
        entries += struct.pack(order + "HH" + word, tag, kind, number)
        if len(value) > inline:
            entries += struct.pack(order + word, start + len(behind))
            behind += value + b"\0" * (len(value) % 2)
        else:
            entries += value.ljust(inline, b"\0")
    at = start + len(behind)
    entries = entries.replace(struct.pack(order + "HH" + word, 273, 4, 1) + bytes(4), struct.pack(order + "HH" + word, 273, 4, 1) + struct.pack(order + "I", at))
    head = (b"II" if order == "<" else b"MM") + (struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8))
    return head + count + entries + bytes(inline) + behind + pixels


def tiffs():
    for order, name in (("<", ""), (">", "_big")):
        for kind in ("SHORT", "LONG", "BYTE", "UNDEFINED", "SBYTE", "SLONG"):
            number, code = KINDS[kind]
            yield f"{kind.lower()}{name}", tiff((274, number, 1, struct.pack(order + code, 6)), order=order)
        packed = attribute(b"6")
        yield f"xmp{name}", tiff((700, 1, len(packed), packed), order=order)
    yield "xmp_undefined", tiff((700, 7, len(packed), packed))
    yield "xmp_element", tiff((700, 1, len(element(b"7")), element(b"7")))
    yield "short_and_xmp", tiff((274, 3, 1, struct.pack("<H", 3)), (700, 1, len(packed), packed))
    yield "short_0_and_xmp", tiff((274, 3, 1, struct.pack("<H", 0)), (700, 1, len(packed), packed))
    yield "two_values", tiff((274, 3, 2, struct.pack("<HH", 6, 3)))
    yield "long8", tiff((274, 16, 1, struct.pack("<Q", 6)), big=True)
    yield "bigtiff_short", tiff((274, 3, 1, struct.pack("<H", 6)), big=True)
    yield "bigtiff_xmp", tiff((700, 1, len(packed), packed), big=True)


def main():
    warnings.simplefilter("ignore")
    lines = [f"# made by make_orientation.py with Pillow {PIL.__version__}: name,width,height,crc32 of the upright RGB"]
    for ending, files in (("jpg", jpegs()), ("png", pngs()), ("webp", webps()), ("tif", tiffs())):
        for name, contents in files:
            path = HERE / f"{name}.{ending}"
            path.write_bytes(contents)
            try:
                upright = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            except Exception as error:  # What Pillow refuses has nothing to be compared with.
                print(f"{path.name}: {error!r}")
                path.unlink()
                continue
            lines.append(f"{path.name},{upright.width},{upright.height},{zlib.crc32(upright.tobytes())}")
    (HERE / "orientation.csv").write_text("\n".join(lines) + "\n")
    print(len(lines) - 1, "files")


if __name__ == "__main__":
    main()
