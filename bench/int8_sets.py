#!/usr/bin/env python3
"""The shipped int8 graph on images that its calibration never saw, beside a graph calibrated on images of the same set.

    python3 bench/int8_sets.py HELD_OUT [--graph INT8 ...] [--own] [--images 128] [--into docs/quantisation.md]

HELD_OUT has a folder of images for each set, as `models/int8/images.py` makes it; needs numpy. Half of a set is for its own calibration, the other for
the measurement. `--graph` names other int8 graphs to compare. Errors are those of the features against fp32: the length of all differences over
that of all features.
"""

import argparse
import csv
import datetime
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tables import processor, replace_in


def headstart(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: status {done.returncode}: {done.stderr}")
    return done.stdout


def halves(folder, target, images):
    """Two manifests of a set: for its own calibration, and for the measurement."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    manifests = []
    for place, name in enumerate(["calibrate", "measure"]):
        manifest = target / f"{folder.name}-{name}.csv"
        with manifest.open("w", newline="") as out:
            rows = csv.writer(out)
            rows.writerow(["path", "label"])
            rows.writerows([path.resolve(), "any"] for path in files[place::2][:images])
        manifests.append(manifest)
    return manifests


def features(program, backbone, manifest, folder):
    cache, out = folder / "cache", folder / "features.npy"
    headstart(program, "extract", manifest, "--backbone", backbone, "--cache", cache)
    options = ["--backbone", backbone, "--cache", cache, "-o", out, "--overwrite"]
    headstart(program, "cache", "export", manifest, *options)
    return np.load(out).astype(np.float64)


def errors(found, floats):
    relative = np.linalg.norm(found - floats) / np.linalg.norm(floats)
    cosine = (found * floats).sum(1) / (np.linalg.norm(found, axis=1) * np.linalg.norm(floats, axis=1))
    return relative, cosine.mean(), cosine.min()


def own_graph(options, manifests, folder):
    graph = folder / f"{manifests[0].stem}.onnx"
    headstart(options.program, "backbone", "quantize", options.backbone, "--calibrate", manifests[0],
              "--evaluate", manifests[1], "--min-cosine", 0, "--held-out", 8, "-o", graph)
    return graph


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("held_out", type=Path)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", type=Path, default=Path("models/resnet50.onnx"))
    parser.add_argument("--graph", type=Path, nargs="*", default=[], help="int8 graphs, instead of the shipped one")
    parser.add_argument("--own", action="store_true", help="calibrate on each set too, which takes half a minute")
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = measure(options, Path(folder))
    print(table)
    if options.into:
        replace_in(options.into, "bench/int8_sets.py", table)


def measure(options, folder):
    graphs = options.graph
    if not graphs:
        graphs = [folder / "shipped.onnx"]
        headstart(options.program, "backbone", "quantize", options.backbone, "-o", graphs[0])
    own = ["own, relative error", "ratio"] if options.own else []
    heads = ["set", "images"] + [f"{graph.stem}, relative error, mean and least cosine" for graph in graphs] + own
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for number, kind in enumerate(sorted(path for path in options.held_out.iterdir() if path.is_dir())):
        manifests = halves(kind, folder, options.images)
        floats = features(options.program, options.backbone, manifests[1], folder)
        relative = []
        cells = [kind.name, str(len(floats))]
        for graph in graphs:
            error, mean, least = errors(features(options.program, graph, manifests[1], folder), floats)
            relative.append(error)
            cells.append(f"{error:.4f}, {mean:.4f}, {least:.4f}")
        if options.own:
            graph = own_graph(options, manifests, folder)
            error, mean, least = errors(features(options.program, graph, manifests[1], folder), floats)
            cells += [f"{error:.4f}, {mean:.4f}, {least:.4f}", f"{relative[0] / error:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    version = headstart(options.program, "--version").strip()
    return "\n".join(lines + ["", f"{processor()}; {version}; {datetime.date.today()}."])


main()
