#!/usr/bin/env python3
"""headstart's decoding, resizing and normalising beside Pillow's and NumPy's, in one session, alternating.

    python3 bench/pixels.py [--rounds 9] [--into bench/README.md] [--ours PROGRAM]

Needs the PyPI packages pillow and numpy. PROGRAM is the bench `pixels`; unless told, cargo builds it. Both have the bytes of
the files in memory and one thread, and end with the tensor of Keras' ResNet50: 224x224, bilinear, blue first, less the mean. The
images are made by bench/large_photos.py: of 12 megapixels, and reduced to 500x375. A round gives every image and way of decoding its
turn on both sides, ours first and theirs first by turns; ratios are taken turn by turn. Resized pixels are compared to the byte.
"""

import argparse
import datetime
import hashlib
import io
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, features

from large_photos import QUALITY, large_photo
from tables import processor, replace_in, spread

# Name, edge lengths, way of decoding, repeats in a turn.
CASES = [
    ("500x375", (500, 375), "full", 20),
    ("4000x3000", (4000, 3000), "full", 1),
    ("4000x3000", (4000, 3000), "scaled", 3),
]
IMAGES = 4
SIDE = (224, 224)
MEAN = np.float32([103.939, 116.779, 123.68])


def built():
    """The bench program of the ordinary release build."""
    command = ["cargo", "bench", "--quiet", "--bench", "pixels", "--no-run", "--message-format=json"]
    messages = map(json.loads, subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())
    artifacts = (m for m in messages if m.get("target", {}).get("name") == "pixels" and m.get("executable"))
    return next(artifacts)["executable"]


def small_image(data, way):
    image = Image.open(io.BytesIO(data))
    if way == "scaled":
        image.draft("RGB", SIDE)
    return image.convert("RGB").resize(SIDE, Image.Resampling.BILINEAR)


def theirs(data, way, repeats):
    """Milliseconds for one image."""
    started = time.perf_counter()
    for _ in range(repeats):
        np.ascontiguousarray(np.asarray(small_image(data, way), dtype=np.float32)[..., ::-1]) - MEAN
    return (time.perf_counter() - started) * 1e3 / repeats


class Ours:
    def __init__(self, program, files):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen([program, "--serve", *files], **pipes)

    def measure(self, file, way, repeats):
        self.process.stdin.write(f"file={file} decode={way} repeats={repeats}\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.process.args[0]} ended with status {self.process.wait()}")
        milliseconds, digest = answer.split()
        return float(milliseconds), digest

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def turn(ours, number, data, way, repeats, ours_first):
    if ours_first:
        here, _ = ours.measure(number, way, repeats)
    there = theirs(data, way, repeats)
    if not ours_first:
        here, _ = ours.measure(number, way, repeats)
    return here, there


def files_in(folder):
    """Files of each size, made there: their paths in the order of the sizes."""
    paths = {}
    for number in range(IMAGES):
        image = large_photo(number)
        for name, size, *_ in CASES:
            path = Path(folder) / f"{name}_{number}.jpg"
            if path not in paths.setdefault(name, []):
                image.resize(size, Image.Resampling.LANCZOS).save(path, **QUALITY)
                paths[name].append(path)
    return paths


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", metavar="PROGRAM", help="default: what cargo builds from benches/pixels.rs")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()
    program = args.ours or built()
    rows, same = [], True
    with tempfile.TemporaryDirectory() as folder:
        paths = files_in(folder)
        flat = [path for name in paths for path in paths[name]]
        ours = Ours(program, flat)
        data = [path.read_bytes() for path in flat]
        for name, _, way, repeats in CASES:
            pairs = []
            for number in (flat.index(path) for path in paths[name]):
                digest = ours.measure(number, way, 1)[1]
                same &= digest == hashlib.sha256(small_image(data[number], way).tobytes()).hexdigest()
                pairs += [turn(ours, number, data[number], way, repeats, i % 2 == 0) for i in range(args.rounds)]
            here, there = (statistics.median(pair[i] for pair in pairs) for i in (0, 1))
            kilobytes = statistics.mean(path.stat().st_size for path in paths[name]) / 1000
            rows.append(
                f"| {name}, {kilobytes:,.0f} kB | {way} | {here:.2f} ms | {there:.2f} ms | {spread([a / b for a, b in pairs])} |"
            )
        ours.end()
    version = features.version("libjpeg_turbo") or features.version("jpg")
    text = "\n".join([
        f"{processor()}, {platform.system()}; Pillow {Image.__version__}, libjpeg-turbo {version}, numpy {np.__version__}; "
        f"{datetime.date.today()}; {IMAGES} images, {args.rounds} rounds; pixels after resizing are "
        f"{'the same bytes' if same else 'NOT the same'}.",
        "",
        "| JPEG | decoded | headstart | Pillow and NumPy | ratio |",
        "|---|---|---|---|---|",
        *rows,
    ])
    print(text)
    if args.into:
        replace_in(args.into, "bench/pixels.py", text)


if __name__ == "__main__":
    main()
