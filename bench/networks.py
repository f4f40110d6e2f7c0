#!/usr/bin/env python3
"""`headstart backbone quantize` on networks of torchvision: which layers become integers, how near, how fast.

    python3 bench/networks.py [--cifar data/cifar10] [--into docs/quantisation.md] [NETWORK[@OPSET] …]

Needs the PyPI packages torch, torchvision, onnx, numpy and pillow. Weights are random, for torchvision's own are not on PyPI; statistics of batch
normalisations are those of the calibration images, as training would leave them. So errors say which operators work, not how near a
trained network's features would be. Each network is exported (opset 17 unless told), cut by `backbone cut` and quantised on 48 images, of
CIFAR-10's test set and mosaics of four of the photographs in `data/photos`, and measured on 24 others; of the photographs on mosaics of the other six.
"""

import argparse
import csv
import datetime
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torchvision
from PIL import Image

from make_images import mosaics, photographs
from tables import load, processor, replace_in

NETWORKS = (
    "resnet18 resnet18@9 resnet18@12 vgg11_bn mobilenet_v2 mobilenet_v3_small densenet121 efficientnet_b0 regnet_y_400mf googlenet "
    "convnext_tiny vit_b_16"
).split()
# Where layers of units stand between the pooled maps and the classes, `backbone cut` asks which are the features.
FEATURES = {"vgg11_bn": "/classifier/classifier.4/Relu_output_0", "mobilenet_v3_small": "/Flatten_output_0"}
MEAN, STD = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def images(folder, cifar):
    """Manifests of the images to calibrate on and of those to measure on."""
    photos = photographs()
    with (cifar / "test.csv").open(newline="") as file:
        small = random.Random(0).sample([(cifar / row["path"]).resolve() for row in csv.DictReader(file)], 48)
    draw = random.Random(1)
    lists = {"calibrate": (small[:32], photos[:4], 16), "evaluate": (small[32:], photos[4:], 8)}
    for name, (files, photos, count) in lists.items():
        files = files + mosaics(folder, name, photos, count, draw)
        (folder / f"{name}.csv").write_text("path\n" + "".join(f"{file}\n" for file in files))
        yield folder / f"{name}.csv", files


def tensor(files):
    """As torchvision's first weights have them: short edge 256, centre 224."""
    shrink = torchvision.transforms.Compose([torchvision.transforms.Resize(256), torchvision.transforms.CenterCrop(224)])
    pixels = np.stack([np.asarray(shrink(Image.open(file).convert("RGB")), dtype=np.float32) / 255 for file in files])
    return torch.from_numpy(((pixels - np.float32(MEAN)) / np.float32(STD)).transpose(0, 3, 1, 2))


def export(name, opset, seen, path):
    """The network with random weights; its batch normalisations have seen the images."""
    torch.manual_seed(0)
    net = getattr(torchvision.models, name)(weights=None)
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None
    with torch.no_grad():
        net.train()(seen)
    names = {"input_names": ["image"], "output_names": ["scores"], "dynamic_axes": {"image": {0: "n"}, "scores": {0: "n"}}}
    torch.onnx.export(net.eval(), (seen[:1],), path, opset_version=opset, dynamo=False, **names)


def headstart(*arguments):
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def line(network, program, seen, calibrate, evaluate, folder):
    """A row of the table."""
    name, _, opset = network.partition("@")
    whole, cut, integers = (folder / f"{network}{ending}" for ending in (".onnx", ".cut.onnx", ".int8.onnx"))
    export(name, int(opset or 17), seen, whole)
    features = ["--feature-tensor", FEATURES[name]] if name in FEATURES else []
    headstart(program, "backbone", "cut", whole, "--recipe", "torchvision-v1", *features, "-o", cut)
    manifests = ["--calibrate", calibrate, "--evaluate", evaluate]
    report = json.loads(headstart(program, "backbone", "quantize", cut, *manifests, "--min-cosine=-1", "--json", "-o", integers))
    fidelity, speed = report["fidelity"], report["speed"]
    floats = ", ".join(sorted({f"`{node['operator']}`" for node in report["float"] if node["why"] != "end"})) or "nothing"
    rates = f"{speed['floats']:.1f} → {speed['integers']:.1f} ({speed['integers'] / speed['floats']:.1f})"
    cosines = f"{fidelity['cosine_mean']:.4f} | {fidelity['cosine_min']:.4f} | {fidelity['relative_error']:.3f}"
    shown = f"{name}, opset {opset}" if opset else name
    return f"| {shown} | {report['layers']} | {cosines} | {rates} | {floats} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK[@OPSET]", default=NETWORKS)
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--cifar", type=Path, default=Path("data/cifar10"))
    parser.add_argument("--into", type=Path)
    args = parser.parse_args()
    before = load()
    out = ["| network | layers in integers | mean cosine | least cosine | relative error | images/s floats → integers (ratio) | in floats, beside the ends |"]
    out += ["|---|---|---|---|---|---|---|"]
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (calibrate, files), (evaluate, _) = images(folder, args.cifar)
        seen = tensor(files)
        for network in args.networks:
            try:
                out.append(line(network, args.program, seen, calibrate, evaluate, folder))
                print(out[-1], file=sys.stderr)
            except RuntimeError as error:
                failed = True
                print(f"{network}: {error}", file=sys.stderr)
    day = datetime.date.today().isoformat()
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    text = "\n".join([*out, "", f"{processor()}; {versions}; {day}; load average {before} before."])
    print(text)
    if args.into and not failed:
        replace_in(args.into, "bench/networks.py", text)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
