#!/usr/bin/env python3
"""headstart, in fp32 and in int8, beside other ways to a classifier on this machine, in one session, alternating.

    python3 bench/results.py [--onnx PYTHON] [--torch PYTHON] [--keras PYTHON] [--set cifar|jpeg500] [--images 300] [--rounds 5]
                             [--jobs 3] [--into bench/RESULTS.md --plot bench/rates.svg]

Each PYTHON has the packages that its ways in bench/results_peers.py import, and Pillow; `just bench-rates` installs them
and names them. This script needs pillow, numpy and matplotlib. A way is a process that stays warm and is stopped
(SIGSTOP) while another is measured; whose turn comes first changes from round to round. Of headstart, which is started
anew each time, the whole program is measured, from its start to the last flush, less the time that it takes to load the
graph for one small image, which the others have behind them too.

The int8 graph is made by `headstart backbone quantize` on CALIBRATE other images of the same kind. Afterwards each way
makes, from its own start, a classifier of the same images: the job. Prints tables in markdown; `--into` puts them in
the place of the last ones, `--plot` draws them.
"""

import argparse
import csv
import datetime
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from extract import Headstart, images_of
from make_images import make
from peer import PEERS, Peer
from tables import processor, replace_in, spread

CALIBRATE = 128
KINDS = {"cifar": "PNG of 32x32", "jpeg500": "JPEG of 500x375"}
BASE = "onnxruntime"


class Program(Headstart):
    """headstart as a way among others."""

    def __init__(self, program, backbone, manifest, small):
        self.program, self.manifest = program, manifest
        self.files = [row["path"] for row in rows_of(manifest)]
        super().__init__(program, backbone, [], small)
        self.backbone = backbone

    def features(self):
        return self.measure(self.files)

    def alone(self):
        """It has no way to run the network by itself."""

    def headstart(self, *arguments):
        command = [self.program, *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{command}: status {done.returncode}: {done.stderr}")
        return done.stdout

    def save(self, file):
        with tempfile.TemporaryDirectory() as folder:
            shared = ["--backbone", self.backbone, "--cache", folder]
            self.headstart("extract", self.manifest, *shared)
            self.headstart("cache", "export", self.manifest, *shared, "-o", file)

    def job(self):
        with tempfile.TemporaryDirectory() as folder:
            shared = [self.manifest, "--backbone", self.backbone, "--cache", f"{folder}/cache"]
            started = time.perf_counter()
            self.headstart("extract", *shared)
            self.headstart("train", *shared, "--runs", f"{folder}/runs")
            return time.perf_counter() - started


class Other(Peer):
    """A way of bench/results_peers.py."""

    def __init__(self, python, way, manifest, models):
        self.command = [python, Path(__file__).with_name("results_peers.py"), way, manifest, models]
        super().__init__(self.command, stop=True)

    def features(self):
        return float(self.ask("features"))

    def alone(self):
        return float(self.ask("alone"))

    def save(self, file):
        self.ask(f"save {file}")

    def job(self):
        started = time.perf_counter()
        subprocess.run([*self.command, "--job"], check=True, capture_output=True)
        return time.perf_counter() - started


def rows_of(manifest):
    with open(manifest, newline="") as file:
        return list(csv.DictReader(file))


def manifests(kind, images, args, folder):
    """Those that are measured, and others of the same kind for the ranges of int8."""
    count = images + CALIBRATE
    if kind == "cifar":
        files = [args.cifar.parent.resolve() / row["path"] for row in rows_of(args.cifar)]
        labels = [row["label"] for row in rows_of(args.cifar)]
    else:
        made = make(args.folder / f"{kind}-{count}", count, (500, 375))
        files = [made.parent.resolve() / row["path"] for row in rows_of(made)]
        labels = [row["label"] for row in rows_of(made)]
    if len(files) < count:
        sys.exit(f"`{args.cifar}` has {len(files)} images, expected {count}")

    def write(name, part):
        path = folder / f"{kind}-{name}.csv"
        path.write_text("path,label\n" + "".join(f"{file},{label}\n" for file, label in part))
        return path

    pairs = list(zip(files, labels))
    return write("images", pairs[:images]), write("calibration", pairs[images:count])


def quantised(args, kind, calibration, folder):
    """An int8 graph, and the seconds that it took to make."""
    graph = folder / f"{kind}.int8.onnx"
    started = time.perf_counter()
    command = [args.program, "backbone", "quantize", args.backbone, "--calibrate", calibration, "-o", graph]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: status {done.returncode}: {done.stderr}")
    return graph, time.perf_counter() - started


def fidelity(features, truth):
    """Mean and least cosine of rows."""
    cosine = (features * truth).sum(1) / np.linalg.norm(features, axis=1) / np.linalg.norm(truth, axis=1)
    return f"{cosine.mean():.4f}, {cosine.min():.4f}"


def measure(kind, args, folder):
    """Everything of one kind of image: what the table and the plot say."""
    manifest, calibration = manifests(kind, args.images, args, folder)
    graph, calibrating = quantised(args, kind, calibration, folder)
    [small] = images_of("cifar", 1, args)
    ways = {
        "headstart, int8": Program(args.program, str(graph), manifest, small),
        "headstart": Program(args.program, args.backbone, manifest, small),
    }
    for way, (python, name) in PEERS.items():
        if getattr(args, python):
            ways[name] = Other(getattr(args, python), way, manifest, args.models)
    base = PEERS[BASE][1]
    try:
        features, times, alone = {}, {name: [] for name in ways}, {name: [] for name in ways}
        for name, way in ways.items():
            file = folder / f"{kind}-{len(features)}.npy"
            way.save(file)
            features[name] = np.load(file)
        for number in range(args.rounds):
            names = list(ways)
            at = number % len(names)
            for name in names[at:] + names[:at]:
                times[name].append(ways[name].features())
                alone[name].append(ways[name].alone())
            print(kind, number, {name: round(args.images / t[-1], 1) for name, t in times.items()}, file=sys.stderr)
        jobs = {name: [] for name in ways}
        for _ in range(args.jobs):
            for name, way in ways.items():
                jobs[name].append(way.job())
    finally:
        for way in ways.values():
            if isinstance(way, Other):
                way.end()
    lines = []
    for name in sorted(ways, key=lambda name: statistics.median(times[name])):
        ratios = [b / a for a, b in zip(times[name], times[base])]
        lines.append(
            {
                "name": name,
                "rate": args.images / statistics.median(times[name]),
                "alone": args.images / statistics.median(alone[name]) if alone[name][0] else None,
                "ratio": spread(ratios),
                "cosine": fidelity(features[name], features["headstart"]),
                "job": statistics.median(jobs[name]) if jobs[name] else None,
            }
        )
    versions = [way.name for way in ways.values() if isinstance(way, Other)]
    return {"kind": kind, "lines": lines, "calibrating": calibrating, "versions": list(dict.fromkeys(versions))}


def table(result, args):
    head = [f"### {args.images} images, {KINDS[result['kind']]}", ""]
    head += ["| way | images/s | beside Pillow and ONNX Runtime | the network alone, images/s | cosine to fp32: mean, least | the whole job, s |"]
    head += ["|---|---|---|---|---|---|"]
    for line in result["lines"]:
        number = lambda value: "" if value is None else f"{value:.1f}"
        cells = [line["name"], number(line["rate"]), line["ratio"], number(line["alone"])]
        head.append("| " + " | ".join([*cells, line["cosine"], number(line["job"])]) + " |")
    return head + ["", f"Calibrating int8 took {result['calibrating']:.0f} s, once for this kind of image."]


def plot(results, file):
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "headstart"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(results), 2, figsize=(11, 0.5 + 2.9 * len(results)), squeeze=False, layout="constrained")
    for row, result in zip(axes, results):
        lines = result["lines"][::-1]
        names = [line["name"].replace("`", "") for line in lines]
        colours = ["#0072b2" if name.startswith("headstart") else "#999999" for name in names]
        for axis, what, title in zip(row, ("rate", "job"), ("images a second, from files", "seconds from files to classifier")):
            bars = axis.barh(names, [line[what] or 0 for line in lines], color=colours)
            axis.bar_label(bars, fmt="%.0f", padding=3)
            axis.set_title(f"{KINDS[result['kind']]}: {title}", fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
        row[1].set_yticklabels([])
    figure.savefig(file, metadata={"Date": None})


def machine(results):
    """What was measured, on what."""
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    extra = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8") if flag in flags]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30 if hasattr(os, "sysconf") else 0
    versions = dict.fromkeys(version for result in results for version in result["versions"])
    return (
        f"{processor()} ({', '.join(extra)}), {memory:.0f} GiB, {platform.system()} {platform.release()}; Python {platform.python_version()}; "
        f"{'; '.join(versions)}; {datetime.date.today()}"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--set", action="append", choices=KINDS)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=3, help="how often each way does the whole job")
    for python in ("onnx", "torch", "keras"):
        parser.add_argument(f"--{python}", metavar="PYTHON", help="a Python with its packages")
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--cifar", type=Path, default=Path("data/cifar10/train.csv"))
    parser.add_argument("--folder", type=Path, default=Path("target/bench-images"), help="where images are made")
    parser.add_argument("--into", type=Path)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as folder:
        results = [measure(kind, args, Path(folder)) for kind in args.set or KINDS]
    about = f"{machine(results)}; medians of {args.rounds} rounds, of {args.jobs} jobs."
    text = "\n".join([about, *(line for result in results for line in ["", *table(result, args)])])
    print(text)
    if args.into:
        replace_in(args.into, "bench/results.py", text)
    if args.plot:
        plot(results, args.plot)


if __name__ == "__main__":
    main()
