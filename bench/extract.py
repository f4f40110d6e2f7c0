#!/usr/bin/env python3
"""headstart's extraction beside bare ONNX Runtime on the same graph, in one session, alternating.

    python3 bench/extract.py MANIFEST [--images 400] [--pairs 7] [--program target/release/headstart]

Needs the PyPI packages onnxruntime and numpy, in the version of ONNX Runtime that headstart loads. Bare means: tensors
that lie ready in memory, batches of 8, session start left out. headstart's time is the whole program: start, reading, decoding,
inference, writing. Prints the median of each and the ratio of the medians; above 1 headstart is slower.
"""

import argparse
import csv
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime

BATCH = 8


def bare(session, images):
    name = session.get_inputs()[0].name
    batch = np.random.default_rng(0).standard_normal((BATCH, 3, 224, 224), dtype=np.float32) * 50
    started = time.perf_counter()
    for _ in range(images // BATCH):
        session.run(None, {name: batch})
    return time.perf_counter() - started


def headstart(program, manifest, backbone):
    with tempfile.TemporaryDirectory() as cache:
        command = [program, "extract", manifest, "--quiet", "--backbone", backbone, "--cache", cache]
        started = time.perf_counter()
        subprocess.run(command, check=True)
        return time.perf_counter() - started


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    args = parser.parse_args()

    with open(args.manifest) as file:
        rows = list(csv.DictReader(file))[: args.images]
    session = onnxruntime.InferenceSession(args.backbone, providers=["CPUExecutionProvider"])
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as manifest:
        writer = csv.writer(manifest)
        writer.writerow(["path", "label"])
        writer.writerows([(args.manifest.parent / row["path"]).resolve(), row["label"]] for row in rows)
        manifest.flush()
        bare(session, BATCH * 4)
        pairs = [
            (bare(session, len(rows)), headstart(args.program, manifest.name, args.backbone))
            for _ in range(args.pairs)
        ]
    ours, theirs = (statistics.median(pair[i] for pair in pairs) for i in (1, 0))
    print(f"onnxruntime {onnxruntime.__version__}, bare: {len(rows) / theirs:.1f} images/s")
    print(f"headstart, whole program: {len(rows) / ours:.1f} images/s")
    print(f"ratio of the medians of {args.pairs} pairs: {ours / theirs:.3f}")


if __name__ == "__main__":
    main()
