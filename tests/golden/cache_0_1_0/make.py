"""A feature cache, a run and a memo as version 0.1.0 of headstart left them.

    python make.py PROGRAM     # the program of version 0.1.0 (commit 213e240), which finds ONNX Runtime by ORT_DYLIB_PATH

Makes `images/`, `images.csv`, `backbone.onnx`, and then has the program write `features/` and `runs/`. An image's name says
what becomes of its row:

- `same_*`     0.1.0 computed it, and every later version has the same pixels: the row stays a hit
- `changed_*`  0.1.0 computed it from other pixels than are read today: the row is computed again
- `refused_*`  0.1.0 computed it from what is not the image (a raw photo's thumbnail): the row is not to be met
- `now_*`      0.1.0 could not read it, and this version can: it is tried again unasked
- `retried_*`  it is no image, damaged, or of a refused kind: it is tried once more, and then known
- `known_*`    it holds nothing that a decoder could try: it stays known
- `gone_*`     it stands in the manifest, and there is no such file

Made with Python 3.11, Pillow 13.0.0 and onnx 1.23.2. The backbone sees 4x4 pixels and gives 8 mixtures of them, so that an image
that is turned has other features.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "crates/image/tests/golden/orientation"))
import make_orientation as orientation  # noqa: E402

EDGE, FEATURES = 4, 8
SIZE = (24, 16)


def picture(seed):
    """Pixels of which no two of these files have the same."""
    image = Image.new("RGB", SIZE)
    image.putdata([(x * 10, y * 15, (x * y * 7 + seed * 37) % 256) for y in range(SIZE[1]) for x in range(SIZE[0])])
    return image


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def gif(seed, screen=SIZE, origin=(0, 0)):
    """A GIF whose frame need not be its screen."""
    whole = saved(picture(seed).quantize(64), "GIF")
    frame = whole.index(b",", 13 + 3 * 64)
    place = struct.pack("<HH", *origin)
    return whole[:6] + struct.pack("<HH", *screen) + whole[10:frame + 1] + place + whole[frame + 5:]


def tiff(seed, *fields, samples=3):
    image = picture(seed)
    if samples == 4:
        image.putalpha(Image.linear_gradient("L").resize(SIZE))
        # Multiplied with its opacity already.
        image = Image.merge("RGBA", [*(Image.merge("RGB", [band] * 3).convert("L") for band in image.convert("RGBa").split()[:3]), image.getchannel("A")])
    out = io.BytesIO()
    image.save(out, "TIFF")
    return with_fields(out.getvalue(), fields)


def with_fields(data, fields):
    """A TIFF of Pillow's with fields replaced or added: (tag, kind, value)."""
    start, = struct.unpack("<I", data[4:8])
    count, = struct.unpack("<H", data[start:start + 2])
    entries = {struct.unpack("<H", e[:2])[0]: e for e in (data[start + 2 + 12 * i:][:12] for i in range(count))}
    for tag, kind, value in fields:
        entries[tag] = struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value)
    at = len(data) + len(data) % 2
    listed = b"".join(entries[tag] for tag in sorted(entries))
    return data[:4] + struct.pack("<I", at) + data[8:].ljust(at - 8, b"\0") + struct.pack("<H", len(entries)) + listed + bytes(4)


def images():
    sides = dict(zip(("jpg", "png", "webp", "tif"), (orientation.jpegs, orientation.pngs, orientation.webps, orientation.tiffs)))
    one = lambda ending, name: next(contents for found, contents in sides[ending]() if found == name)  # noqa: E731

    yield "same_baseline.jpg", saved(picture(1), "JPEG", quality=90)
    yield "same_progressive.jpg", saved(picture(2), "JPEG", quality=90, progressive=True)
    yield "same_exif_6.jpg", one("jpg", "exif_6")
    yield "same_exif_and_xmp.jpg", one("jpg", "exif_and_xmp")
    yield "same.png", saved(picture(3), "PNG")
    yield "same_exif.png", one("png", "exif_before")
    yield "same.webp", saved(picture(4), "WEBP", lossless=True)
    yield "same_exif.webp", one("webp", "exif")
    yield "same.bmp", saved(picture(5), "BMP")
    yield "same.gif", gif(6)
    yield "same.tif", tiff(7)
    yield "same_long.tif", one("tif", "long")

    for ending, names in {"jpg": ("xmp_attribute", "xmp_element", "exif_long", "exif_rational", "exif_word_twice"),
                          "png": ("exif_behind", "xmp", "xmp_behind", "profile_text", "profile_ztxt"),
                          "webp": ("exif_word", "xmp"), "tif": ("xmp", "byte", "slong")}.items():
        for name in names:
            yield f"changed_{name}.{ending}", one(ending, name)
    yield "changed_frame_larger.gif", gif(8, screen=(12, 8))
    yield "changed_frame_outside.gif", gif(9, origin=(6, 4))
    yield "changed_frame_smaller.gif", gif(10, screen=(40, 30), origin=(3, 2))
    bits = picture(11).convert("1")
    yield "changed_fill_order.tif", with_fields(saved(bits, "TIFF"), [(266, 3, 2)])
    yield "changed_premultiplied.tif", with_fields(tiff(12, samples=4), [(338, 3, 1)])
    yield "changed_jpeg.tif", saved(picture(13), "TIFF", compression="jpeg")
    yield "refused_thumbnail.dng", tiff(14, (50706, 1, 0x00000401))

    webcam = saved(picture(15), "JPEG", quality=90, subsampling="4:2:2")
    at, without = 2, webcam
    while without[at + 1] != 0xDA:
        end = at + 2 + int.from_bytes(without[at + 2:at + 4], "big")
        without, at = (without[:at] + without[end:], at) if without[at + 1] == 0xC4 else (without, end)
    yield "now_webcam.jpg", without
    yield "now_plain.ppm", saved(picture(16), "PPM")
    yield "now_no_trailer.gif", gif(17)[:-1]
    yield "now_no_end.png", saved(picture(18), "PNG")[:-12]
    bmp = bytearray(saved(picture(19), "BMP"))
    bmp[6] = 7
    yield "now_reserved.bmp", bytes(bmp)
    yield "now_photo.avif", saved(picture(20), "AVIF")

    whole = saved(picture(21), "JPEG", quality=90)
    yield "retried_cut_off.jpg", whole[:len(whole) // 2]
    frame = whole.index(b"\xff\xc0")
    yield "retried_arithmetic.jpg", whole[:frame + 1] + b"\xc9" + whole[frame + 2:]
    yield "retried_text.jpg", b"not an image at all\n"
    yield "known_empty.png", b""
    yield "retried_damaged.png", saved(picture(22), "PNG")[:60] + b"\xff" * 60


def backbone():
    weights = [((i * 7919) % 1009 - 504) / 504 for i in range(3 * EDGE * EDGE * FEATURES)]
    graph = helper.make_graph(
        [helper.make_node("Flatten", ["images"], ["pixels"], axis=1), helper.make_node("MatMul", ["pixels", "weights"], ["features"])],
        "tiny",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, EDGE, EDGE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [3 * EDGE * EDGE, FEATURES], weights)])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)])
    recipe = {"channels": "rgb", "decode": "full", "divisor": 255.0, "exif": "apply", "alpha": "over-white", "filter": "bilinear",
              "layout": "nchw", "mean": [0.0] * 3, "std": [1.0] * 3, "resize": {"stretch": {"width": EDGE, "height": EDGE}}}
    entries = {"name": "tiny", "recipe": json.dumps(recipe), "feature_tensor": "features", "feature_size": str(FEATURES)}
    helper.set_model_props(model, {f"headstart.{key}": value for key, value in entries.items()})
    onnx.save(model, HERE / "backbone.onnx")


def main(program):
    for folder in ("images", "features", "runs"):
        shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / "images").mkdir()
    rows = ["path,label"]
    for number, (name, contents) in enumerate(images()):
        (HERE / "images" / name).write_bytes(contents)
        rows.append(f"images/{name},{'ab'[number % 2]}")
    rows.append("images/gone_missing.jpg,a")
    (HERE / "images.csv").write_text("\n".join(rows) + "\n")
    backbone()
    run = lambda *words: subprocess.run([program, *words], cwd=HERE, check=False)  # noqa: E731
    # The memo remembers only files that were left alone for two seconds.
    subprocess.run(["sleep", "3"], check=True)
    common = ("--backbone", "backbone.onnx", "--cache", "features", "--device", "cpu")
    run("extract", "images.csv", *common)
    run("train", "images.csv", *common, "--name", "old", "--runs", "runs", "--hidden", "none", "--epochs", "20")


if __name__ == "__main__":
    main(sys.argv[1])
