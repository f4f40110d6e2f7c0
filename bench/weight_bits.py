#!/usr/bin/env python3
"""Graphs with weights of 7 and of 8 bits on this processor: error and speed, with and without what keeps their sums from overflowing.

    python3 bench/weight_bits.py SEVEN EIGHT [--backbone models/resnet50.onnx] [--cifar data/cifar10] [--pairs 7] [--into docs/quantisation.md]

SEVEN and EIGHT are made by `headstart backbone quantize --weight-bits 7` and `8`. "Exact" is ONNX Runtime's setting `session.x64quantprecision`, which
headstart switches on: without VNNI, weights that might overflow are multiplied unsigned. Measured on 120 images of CIFAR-10's test set; packages are those of
bench/quantize.py.
"""

import argparse
import functools
from pathlib import Path

import numpy as np

from quantize import Graph, drawn, measure, table, tensor
from tables import load, replace_in


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seven")
    parser.add_argument("eight")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    parser.add_argument("--cifar", type=Path, default=Path("data/cifar10"))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()
    tensors = np.stack([tensor(file) for file in drawn(args.cifar / "test.csv", 0, 120, 2)])
    graphs = {"floats": functools.partial(Graph, args.backbone)}
    for name, path in (("7 bits", args.seven), ("8 bits", args.eight)):
        graphs[name] = functools.partial(Graph, path)
        graphs[f"{name}, exact"] = functools.partial(Graph, path, x64quantprecision="1")
    before = load()
    text = table(measure(graphs, tensors, args.pairs, "floats"), args.pairs, before, "floats")
    print(text)
    if args.into:
        replace_in(args.into, "bench/weight_bits.py", text)


if __name__ == "__main__":
    main()
