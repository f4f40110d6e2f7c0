#!/usr/bin/env python3
"""`headstart backbone quantize` beside `onnxruntime.quantization`: error and speed on the same images, in one run.

    python3 bench/quantize.py [--backbone models/resnet50.onnx] [--cifar data/cifar10] [--pairs 11] [--into bench/README.md]

Needs the PyPI packages onnxruntime, onnx, sympy, numpy and pillow, onnxruntime in the version that headstart loads.

Both are calibrated on 60 images of CIFAR-10's training set and 40 mosaics of four of the photographs in `data/photos`, and measured on 120 of
its test images and 80 mosaics of the other six photographs. Nothing was chosen on the images that are measured on. Errors are those of the
features against the graph in floats. Images a second are medians over turns, in batches of 8; in each turn every graph is loaded anew and the order is
another, for where weights come to lie in memory makes as much as 4 % between identical graphs. Prints a table in markdown; `--into` puts
it in the place of the last one there.
"""

import argparse
import csv
import datetime
import functools
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from PIL import Image

from make_images import mosaics, photographs
from tables import load, processor, replace_in, spread

BATCH = 8
METHODS = {
    "min-max": (CalibrationMethod.MinMax, {}),
    "entropy": (CalibrationMethod.Entropy, {}),
    "percentile 99.99": (CalibrationMethod.Percentile, {"CalibPercentile": 99.99}),
    "percentile 99.999": (CalibrationMethod.Percentile, {"CalibPercentile": 99.999}),
}
# Rates are told beside that of its calibration with the least error, which was measured before.
PEER = "onnxruntime.quantization, percentile 99.999"


def drawn(manifest, first, count, seed):
    """So many of the images of a manifest, from the `first` on."""
    with manifest.open(newline="") as file:
        paths = [manifest.parent / row["path"] for row in csv.DictReader(file)][first:]
    return random.Random(seed).sample(paths, count)


def images(folder, cifar):
    """The two lists of files: drawn by fixed seeds, from sets that have nothing in common."""
    photos, draw = photographs(), random.Random(0)
    calibrate = drawn(cifar / "train.csv", 5000, 60, 1) + mosaics(folder, "calibrate", photos[:4], 40, draw)
    return calibrate, drawn(cifar / "test.csv", 0, 120, 2) + mosaics(folder, "evaluate", photos[4:], 80, draw)


def tensor(file):
    """As Keras' ResNet50 has it, with the antialiasing filter: what the backbone's own recipe says."""
    pixels = np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.BILINEAR), dtype=np.float32)
    return (pixels[:, :, ::-1] - np.float32([103.939, 116.779, 123.68])).transpose(2, 0, 1)


class Reader(CalibrationDataReader):
    def __init__(self, name, tensors):
        self.batches = iter([{name: one[None]} for one in tensors])

    def get_next(self):
        return next(self.batches, None)


class Graph:
    """A session, its features, and how long it takes; `settings` are entries of its configuration."""

    def __init__(self, path, **settings):
        options = onnxruntime.SessionOptions()
        for name, value in settings.items():
            options.add_session_config_entry(f"session.{name}", value)
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def features(self, tensors):
        batches = [tensors[first : first + BATCH] for first in range(0, len(tensors), BATCH)]
        return np.concatenate([self.session.run(None, {self.input: batch})[0] for batch in batches])

    def rate(self, tensors):
        started = time.perf_counter()
        self.features(tensors)
        return len(tensors) / (time.perf_counter() - started)


def theirs(backbone, folder, tensors):
    ready = folder / "ready.onnx"
    quant_pre_process(backbone, ready)
    name = onnxruntime.InferenceSession(str(ready), providers=["CPUExecutionProvider"]).get_inputs()[0].name
    for method, (kind, extra) in METHODS.items():
        path = folder / f"{method}.onnx"
        quantize_static(
            ready,
            path,
            Reader(name, tensors),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=kind,
            extra_options=extra,
        )
        yield f"onnxruntime.quantization, {method}", path


def ours(program, backbone, folder, calibrate, evaluate):
    for name, files in (("calibrate", calibrate), ("evaluate", evaluate)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["path"], *([path.resolve()] for path in files)])
    path = folder / "ours.onnx"
    command = [program, "backbone", "quantize", backbone, "--calibrate", folder / "calibrate.csv", "--images", str(len(calibrate))]
    command += ["--evaluate", folder / "evaluate.csv", "--held-out", str(len(evaluate)), "--min-cosine=-1", "-o", path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    yield "headstart", path


def measure(graphs, tensors, pairs, peer):
    """A line for each of `graphs`, functions that load one: mean and least cosine, relative error, images a second, the rate beside the peer's."""
    features = {name: load_graph().features(tensors) for name, load_graph in graphs.items()}
    floats = next(iter(features.values()))
    rates = {name: [] for name in graphs}
    draw = random.Random(3)
    for _ in range(pairs):
        for name in draw.sample(list(graphs), len(graphs)):
            graph = graphs[name]()
            graph.features(tensors[:BATCH])
            rates[name].append(graph.rate(tensors[: 4 * BATCH]))
    for name, found in features.items():
        cosine = (found * floats).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(floats, axis=1)
        error = np.linalg.norm(found - floats) / np.linalg.norm(floats)
        ratio = spread([own / other for own, other in zip(rates[name], rates[peer])], 3)
        yield name, cosine.mean(), cosine.min(), error, statistics.median(rates[name]), ratio


def table(lines, pairs, before, peer):
    out = [f"| graph | mean cosine | least cosine | relative error | images/s | beside {peer} |", "|---|---|---|---|---|---|"]
    for name, mean, least, error, rate, ratio in lines:
        out.append(f"| {name} | {mean:.5f} | {least:.4f} | {error:.4f} | {rate:.1f} | {ratio} |")
    day = datetime.date.today().isoformat()
    where = f"{processor()}; onnxruntime {onnxruntime.__version__}; {day}; medians of {pairs} turns; load average {before} before."
    return "\n".join([*out, "", where])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    parser.add_argument("--cifar", type=Path, default=Path("data/cifar10"))
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        calibrate, evaluate = images(folder, args.cifar)
        seen, tensors = (np.stack([tensor(file) for file in files]) for files in (calibrate, evaluate))
        paths = {"floats": args.backbone}
        paths.update(theirs(args.backbone, folder, seen))
        paths.update(ours(args.program, args.backbone, folder, calibrate, evaluate))
        graphs = {name: functools.partial(Graph, path) for name, path in paths.items()}
        before = load()
        text = table(measure(graphs, tensors, args.pairs, PEER), args.pairs, before, "percentile 99.999")
    print(text)
    if args.into:
        replace_in(args.into, "bench/quantize.py", text)


if __name__ == "__main__":
    main()
