#!/usr/bin/env python3
"""What scaled decoding does to features: cosine and largest difference, full beside scaled.

    python3 bench/scaled.py FOLDER [--program target/release/headstart] [--backbone models/resnet50.onnx]

FOLDER holds large JPEGs, such as those of bench/large_photos.py. Needs the PyPI packages pyarrow and numpy, to read the features.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from devices import compare, features


def extract(args, folder, decode, cache):
    command = [args.program, "extract", str(folder), "--backbone", args.backbone, "--cache", str(cache)]
    outcome = subprocess.run([*command, "--decode", decode, "--json"], capture_output=True, text=True)
    if outcome.returncode != 0:
        sys.exit(outcome.stderr.strip())
    return features(cache)


def say(what, reference, other):
    cosine, most = compare(reference, other)
    print(f"| {what} | {cosine.mean():.6f} | {cosine.min():.6f} | {most:.2g} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as full, tempfile.TemporaryDirectory() as scaled:
        reference = extract(args, args.folder, "full", full)
        print("| beside full decoding | cosine, mean | cosine, least | largest difference |\n|---|---|---|---|")
        say(f"scaled, {len(reference)} photographs", reference, extract(args, args.folder, "scaled", scaled))


if __name__ == "__main__":
    main()
