#!/usr/bin/env python3
"""Extraction on other devices beside the CPU: how far apart the features are, and images a second by batch size.

    python3 bench/devices.py MANIFEST --device cuda --device tensorrt [--device openvino/bf16]
                             [--images 512] [--batches 1,8,32,64,auto] [--rounds 3] [--program target/release/headstart]

Needs the PyPI packages pyarrow and numpy, to read the features. A rate is that of the whole program over the images, less the
time of a run over one image, which is its start: loading, and on a GPU compiling. The devices take turns, round by round, so
that what slows the machine meets all of them; a rate is the median of the rounds, with its range. `--batches ''` compares
features and measures nothing. Prints Markdown, for bench/README.md.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa


def extract(args, manifest, device, batch, cache):
    """Seconds of one run into an empty cache; what it says on failure goes to stderr."""
    name, _, precision = device.partition("/")
    command = [args.program, "extract", str(manifest), "--backbone", args.backbone, "--cache", str(cache)]
    command += ["--device", name, "--precision", precision or "fp32", "--batch-size", batch, "--json"]
    started = time.perf_counter()
    outcome = subprocess.run(command, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if outcome.returncode != 0:
        sys.exit(f"{device}: {outcome.stderr.strip()}")
    return seconds


def features(cache):
    """Row by key: segments are Arrow IPC streams."""
    rows = {}
    for path in Path(cache).glob("*/segments/*.arrow"):
        with pa.ipc.open_stream(path) as reader:
            for batch in reader:
                values = batch.column("features").values.to_numpy(zero_copy_only=False)
                for key, row in zip(batch.column("key"), values.reshape(batch.num_rows, -1), strict=True):
                    rows[key.as_py()] = row.astype(np.float64)
    return rows


def compare(reference, other):
    keys = sorted(reference)
    assert keys and keys == sorted(other), "the two hold features of other images"
    a, b = (np.stack([rows[key] for key in keys]) for rows in (reference, other))
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    return cosine, np.abs(a - b).max()


def write_manifest(folder, rows, source):
    path = Path(folder) / f"{len(rows)}.csv"
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label"])
        writer.writerows([(source.parent / row["path"]).resolve(), row["label"]] for row in rows)
    return path


def rates(args, many, one, images):
    """Images a second of every round, by device and batch size."""
    found = {}
    for _ in range(args.rounds):
        for device in ["cpu", *args.device]:
            for batch in args.batches:
                with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
                    seconds = extract(args, many, device, batch, a) - extract(args, one, device, batch, b)
                found.setdefault((device, batch), []).append((images - 1) / seconds)
                print(f"{device}, batch {batch}: {found[device, batch][-1]:.1f} images/s", file=sys.stderr)
    return found


def in_words(rounds):
    return f"{statistics.median(rounds):.1f} [{min(rounds):.1f}–{max(rounds):.1f}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--device", action="append", required=True, help="`cuda`, `tensorrt`, `openvino/bf16`")
    parser.add_argument("--images", type=int, default=512)
    parser.add_argument("--batches", default="1,8,32,64,auto", type=lambda text: text.split(",") if text else [])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    args = parser.parse_args()

    doctor = subprocess.run([args.program, "doctor", "--json"], capture_output=True, text=True)
    for check in json.loads(doctor.stdout)["checks"]:
        if check["verdict"] == "ok":
            print(f"{check['name']}: {check['found']}", file=sys.stderr)
    with open(args.manifest) as file:
        rows = list(csv.DictReader(file))[: args.images]
    with tempfile.TemporaryDirectory() as folder:
        many, one = write_manifest(folder, rows, args.manifest), write_manifest(folder, rows[:1], args.manifest)
        held = {}
        for device in ["cpu", *args.device]:
            cache = f"{folder}/{device.replace('/', '-').replace(':', '-')}"
            extract(args, many, device, "auto", cache)
            held[device] = features(cache)
        measured = rates(args, many, one, len(rows))
    header = ["device", "cosine, mean", "cosine, least", "largest difference"]
    header += [f"images/s, batch {batch}" for batch in args.batches]
    print(f"{len(rows)} images, {args.rounds} rounds\n\n| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
    for device in held:
        cosine, furthest = compare(held["cpu"], held[device])
        cells = [device, f"{cosine.mean():.6f}", f"{cosine.min():.6f}", f"{furthest:.1e}"]
        print("| " + " | ".join(cells + [in_words(measured[device, batch]) for batch in args.batches]) + " |")


if __name__ == "__main__":
    main()
