#!/usr/bin/env python3
"""headstart's extraction beside its peers on the same graph, in one session, alternating.

    python3 bench/extract.py [--set cifar|jpeg500|jpeg12m …] [--backbone FILE …] [--images N] [--pairs 7] [--keras PYTHON] [--into bench/README.md]

Needs the PyPI packages onnxruntime, numpy and pillow, onnxruntime in the version that headstart loads.

cifar     1,000 PNGs of 32x32 from CIFAR-10       } beside bare ONNX Runtime: tensors that lie ready in memory, batches of 8
jpeg500   1,000 JPEGs of 500x375, made here       }
jpeg12m   40 JPEGs of 4000x3000, made here, beside the plain loop of Pillow and ONNX Runtime, batches of 8, and beside Keras'
          own loader and `predict` where `--keras` names a Python with tensorflow and keras (its weights are drawn: the time is the same)

Session start is left out on all sides: of headstart's whole time, from its start to its end with the last flush, as much is taken off as it takes
to load the graph for a single small image. A ratio is taken pair by pair: headstart's time divided by the peer's. Large JPEGs are extracted
in full and by `--decode scaled`. Several backbones, such as a graph and its int8 form, are measured one after another, each beside
bare ONNX Runtime with the same file. Prints tables in markdown; `--into` puts them in the place of the last ones there.
"""

import argparse
import csv
import datetime
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from make_images import make
from tables import load, processor, replace_in, spread

BATCH = 8
# Images of a set: how many, and of what size where they are made here.
SETS = {
    "cifar": ("PNG 32x32", 1000, None),
    "jpeg500": ("JPEG 500x375", 1000, (500, 375)),
    "jpeg12m": ("JPEG 4000x3000", 40, (4000, 3000)),
}
KERAS = """
import os, sys, time
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
folder, images = sys.argv[1], int(sys.argv[2])
net = keras.applications.ResNet50(weights=None, include_top=False, pooling="avg")
files = lambda: keras.utils.image_dataset_from_directory(folder, labels=None, shuffle=False, image_size=(224, 224), batch_size=32, verbose=False)
ready = lambda: files().map(keras.applications.resnet50.preprocess_input).prefetch(2)
net.predict(ready().take(1), verbose=0)
print("ready", flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    assert len(net.predict(ready(), verbose=0)) == images
    print(time.perf_counter() - started, flush=True)
"""


class Bare:
    """ONNX Runtime on tensors that are ready."""

    def __init__(self, backbone):
        self.session = onnxruntime.InferenceSession(backbone, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0]
        channels_first = self.input.shape[1] == 3
        self.order = (2, 0, 1) if channels_first else (0, 1, 2)
        shape = (BATCH, 3, 224, 224) if channels_first else (BATCH, 224, 224, 3)
        self.batch = np.random.default_rng(0).standard_normal(shape, dtype=np.float32) * 50

    def measure(self, files):
        started = time.perf_counter()
        for first in range(0, len(files), BATCH):
            self.session.run(None, {self.input.name: self.batch[: len(files) - first]})
        return time.perf_counter() - started


class Loop(Bare):
    """The loop that one writes in Python."""

    def tensor(self, file):
        pixels = np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BILINEAR), dtype=np.float32)
        return (pixels[:, :, ::-1] - np.float32([103.939, 116.779, 123.68])).transpose(self.order)

    def measure(self, files):
        started = time.perf_counter()
        for first in range(0, len(files), BATCH):
            batch = np.stack([self.tensor(file) for file in files[first : first + BATCH]])
            self.session.run(None, {self.input.name: batch})
        return time.perf_counter() - started


class Keras:
    """Keras' loader and `predict`, in a process that stays warm."""

    def __init__(self, python, files):
        self.folder = tempfile.TemporaryDirectory()
        for file in files:
            os.symlink(file, Path(self.folder.name) / file.name)
        command = [python, "-c", KERAS, self.folder.name, str(len(files))]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        return line.strip() or sys.exit(f"Keras ended with status {self.process.wait()}")

    def measure(self, _):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        return float(self.answer())

    def end(self):
        self.process.kill()
        self.process.wait()


class Headstart:
    """The whole program, but for the time that it takes to load the graph."""

    def __init__(self, program, backbone, arguments, small):
        self.command = [program, "extract", "--backbone", backbone, "--device", "cpu", *arguments]
        self.load = statistics.median(self.run([small])[0] for _ in range(5))

    def measure(self, files):
        return self.run(files)[1] - self.load

    def run(self, files):
        """Seconds from the start of the program to its word that the graph is loaded, and to its end."""
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder) / "images.csv"
            with manifest.open("w", newline="") as file:
                csv.writer(file).writerows([["path"], *([path] for path in files)])
            command = [*self.command, "--cache", f"{folder}/cache", str(manifest)]
            started = time.perf_counter()
            process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
            loaded, said = None, []
            for line in process.stderr:
                said.append(line)
                if line.startswith("computing on "):
                    loaded = time.perf_counter()
            status, ended = process.wait(), time.perf_counter()
            if status != 0 or loaded is None:
                sys.exit(f"headstart ended with status {status}: {''.join(said)}")
            return loaded - started, ended - started


def images_of(name, count, args):
    """The files of a set."""
    _, _, size = SETS[name]
    manifest = args.cifar if size is None else make(args.folder / f"{name}-{count}", count, size)
    with open(manifest, newline="") as file:
        rows = list(csv.DictReader(file))[:count]
    if len(rows) < count:
        sys.exit(f"`{manifest}` has {len(rows)} images, expected {count}")
    return [(Path(manifest).parent / row["path"]).resolve() for row in rows]


def alternate(ours, peers, files, pairs):
    """Seconds of each, round by round; who begins changes."""
    sides = {**ours, **peers}
    times = {name: [] for name in sides}
    for side in sides.values():
        side.measure(files[: 2 * BATCH] if not isinstance(side, Keras) else files)
    for number in range(pairs):
        names = list(sides) if number % 2 == 0 else list(reversed(sides))
        for name in names:
            times[name].append(sides[name].measure(files))
    return times


def rows_of(what, times, count, ours, peers):
    """Lines of the table."""
    rate = lambda seconds: f"{count / statistics.median(seconds):.1f}"
    for side in ours:
        for peer in peers:
            seconds = times[peer]
            ratios = [a / b for a, b in zip(times[side], seconds)]
            median, _, extent = spread(ratios, 3).partition(" ")
            yield f"| {what} | {side}: {rate(times[side])} | {peer}: {rate(seconds)} | **{median}** {extent} | {1 / statistics.median(ratios):.2f} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", action="append", choices=SETS, help="measure this alone; may be given again")
    parser.add_argument("--images", type=int, help="images of each set, instead of as many as stand above")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", action="append", help="default: models/resnet50.onnx")
    parser.add_argument("--cifar", type=Path, default=Path("data/cifar10/demo_train.csv"))
    parser.add_argument("--folder", type=Path, default=Path("target/bench-images"), help="where images are made")
    parser.add_argument("--keras", help="a Python with tensorflow and keras")
    parser.add_argument("--with", dest="arguments", action="append", default=[], help="an argument for headstart")
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()

    before = load()
    [small] = images_of("cifar", 1, args)
    backbones = args.backbone or ["models/resnet50.onnx"]
    lines = []
    for backbone, name in itertools.product(backbones, args.set or SETS):
        program = lambda *more: Headstart(args.program, backbone, [*args.arguments, *more], small)
        count = args.images or SETS[name][1]
        files = images_of(name, count, args)
        ours = {"headstart": program()}
        if name == "jpeg12m":
            ours["headstart, `--decode scaled`"] = program("--decode", "scaled")
            peers = {"Pillow and ONNX Runtime": Loop(backbone)}
            if args.keras:
                peers["Keras' loader and `predict`"] = Keras(args.keras, files)
        else:
            peers = {"bare ONNX Runtime": Bare(backbone)}
        times = alternate(ours, peers, files, args.pairs)
        for peer in peers.values():
            if isinstance(peer, Keras):
                peer.end()
        what = f"{count:,} {SETS[name][0]}" + (f", `{Path(backbone).stem}`" if len(backbones) > 1 else "")
        lines += rows_of(what, times, count, ours, peers)
        print("\n".join(f"{side}: {', '.join(f'{s:.2f}' for s in seconds)} s" for side, seconds in times.items()))

    today = datetime.date.today().isoformat()
    about = (
        f"{processor()}, {platform.system()}; onnxruntime {onnxruntime.__version__}; {today}; medians of "
        f"{args.pairs} pairs; load average {before} before."
    )
    head = "| images | images/s | peer, images/s | time, headstart / peer | times as fast |\n|---|---|---|---|---|"
    table = "\n".join([about, "", head, *lines])
    print(f"\n{table}")
    if args.into:
        replace_in(args.into, "bench/extract.py", table)


if __name__ == "__main__":
    main()
