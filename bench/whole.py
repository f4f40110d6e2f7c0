#!/usr/bin/env python3
"""Whole time by number of images: headstart, in int8 and in fp32, beside other ways from image files to features.

    python3 bench/whole.py [--images 100 1000 10000 | --quick] [--rounds 3] [--longest SECONDS]
                           [--onnx PYTHON] [--torch PYTHON] [--keras PYTHON] [--program FILE]
                           [--into bench/RESULTS.md --plot bench/results.svg]

Each PYTHON has the packages that its ways in bench/results_peers.py import, and Pillow; `just bench-whole` installs
them and names them. This script needs pillow, numpy, onnxruntime and matplotlib.

A measurement is a fresh process, from its start to its end, with the features on disk: imports, the network, what is
compiled or calibrated, decoding, all images, the last flush. headstart has a new and empty feature cache each time, so
int8 is checked each time. What headstart keeps for a user of a machine is there, as from the second use on: optimised
copies, and the int8 graph that it brings, which takes half a second to make. `torch.compile` has an empty cache. The images are JPEGs of 500x375 (bench/make_images.py); a
smaller set is the first rows of the largest.

The ways take turns, and who begins changes from round to round; from `--once` images on there is one round. With
`--longest`, a peer that would take longer than that for a number of images is measured at three tenths of it instead,
and a straight line through its two largest numbers is drawn dashed and marked in the table. At the numbers of
`--crossing`, the first for every way and the others for headstart and the fastest peers, it is looked for how many
images int8 needs to be below every other way.

Each measurement is a line in bench/history.csv (`--history`). Prints a table in markdown; `--into` puts it in the place
of the last one, `--plot` draws it.
"""

import argparse
import csv
import datetime
import math
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np

from history import FILE, History, versions
from make_images import make
from peer import PEERS
from tables import load, processor, replace_in, vnni

INT8, FP32 = "headstart, int8", "headstart, fp32"
PART = 0.3  # of the images at which a way is measured that would take too long
# Of Okabe and Ito, with a grey instead of the yellow: told apart by the colour-blind.
COLOURS = {
    INT8: "#0072b2",
    FP32: "#56b4e9",
    "Pillow and ONNX Runtime": "#000000",
    "Pillow and OpenVINO": "#e69f00",
    "Pillow and OpenVINO, bf16": "#d55e00",
    "PyTorch, `DataLoader`": "#cc79a7",
    "PyTorch, `torch.compile`": "#999999",
    "Keras, `tf.data` and `predict`": "#009e73",
}


def ways_of(args):
    """Each way's command for a manifest and an empty folder."""

    def ours(*more):
        shared = [args.program, "extract", "--backbone", args.backbone, "--device", "cpu", *more]
        return lambda manifest, folder: [*shared, "--cache", folder / "cache", manifest]

    def peer(python, way):
        start = [python, Path(__file__).with_name("results_peers.py"), way]
        return lambda manifest, folder: [*start, manifest, args.models, "--whole", folder / "features.npy"]

    ways = {INT8: ours("--precision", "int8"), FP32: ours("--precision", "fp32")}
    for way, (python, name) in PEERS.items():
        if getattr(args, python):
            ways[name] = peer(getattr(args, python), way)
    return ways


def seconds_of(way, manifest, images):
    """Those of a fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        command = way(manifest, folder)
        # Builds of PyTorch that know graphics cards are to leave them alone.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        seconds = time.perf_counter() - started
        if done.returncode != 0:
            sys.exit(f"{command}: status {done.returncode}: {done.stderr}")
        file = folder / "features.npy"
        if file.exists() and len(np.load(file, mmap_mode="r")) != images:
            sys.exit(f"{command}: expected features of {images} images")
    return seconds


class Session:
    """The measurements, by way and number of images."""

    def __init__(self, ways, made, folder, history):
        self.ways, self.folder, self.history = ways, folder, history
        self.lines = made.read_text().splitlines()
        self.images = made.parent.resolve()
        self.times = {name: {} for name in ways}
        self.guesses = {name: {} for name in ways}

    def manifest(self, count):
        """The first images of the set."""
        file = self.folder / f"{count}.csv"
        rows = [self.lines[0], *(f"{self.images}/{line}" for line in self.lines[1 : count + 1])]
        file.write_text("\n".join([*rows, ""]))
        return file

    def warm(self, count):
        """Every program and library is read once."""
        for way in self.ways.values():
            seconds_of(way, self.manifest(count), count)

    def measure(self, names, count, rounds):
        manifest = self.manifest(count)
        for number in range(rounds):
            at = number % max(1, len(names))
            for name in names[at:] + names[:at]:
                before = load()
                seconds = seconds_of(self.ways[name], manifest, count)
                self.history.add(name, count, seconds, before)
                self.times[name].setdefault(count, []).append(seconds)
                print(f"{count} images, round {number + 1}: {name}: {seconds:.2f} s", file=sys.stderr)

    def medians(self, name):
        return {count: statistics.median(times) for count, times in sorted(self.times[name].items())}

    def guess(self, name, count):
        """The straight line through the two largest numbers."""
        (a, first), (b, second) = list(self.medians(name).items())[-2:]
        return first + (second - first) * (count - a) / (b - a)

    def too_long(self, name, count, longest):
        return name in self.peers() and len(self.times[name]) > 1 and self.guess(name, count) > longest

    def peers(self):
        return [name for name in self.ways if name not in (INT8, FP32)]

    def fastest_peers(self):
        """Each peer that is the fastest at some number."""
        known = {name: self.medians(name) for name in self.peers()}
        best = lambda count: min((name for name in known if count in known[name]), key=lambda name: known[name][count])
        return list(dict.fromkeys(best(count) for count in self.times[INT8])) if known else []


def measured(args, folder):
    counts, crossing = sorted(set(args.images)), sorted(set(args.crossing) - set(args.images))
    made = make(args.folder / f"jpeg500-{counts[-1]}", counts[-1], (500, 375))
    pythons = [python for python in (args.onnx, args.torch, args.keras) if python]
    history = History("bench/whole.py", versions(args.program, pythons), args.history)
    session = Session(ways_of(args), made, folder, history)
    rounds = lambda count: 1 if count >= args.once else args.rounds
    session.warm(min(counts + crossing))
    for count in sorted([*crossing[:1], *counts]):
        long = [name for name in session.ways if session.too_long(name, count, args.longest)]
        session.measure([name for name in session.ways if name not in long], count, rounds(count))
        session.measure(long, round(PART * count), 1)
        for name in long:
            session.guesses[name][count] = session.guess(name, count)
    for count in crossing[1:]:
        session.measure([INT8, FP32, *session.fastest_peers()], count, rounds(count))
    return session


def crossing_with(ours, other):
    """From how many images on `ours` is below, and between which numbers that was measured; None if it never is."""
    gaps = [(count, other[count] - ours[count]) for count in sorted(ours) if count in other]
    above = [at for at, (_, gap) in enumerate(gaps) if gap <= 0]
    if not above:
        return gaps[0][0], None
    if above[-1] == len(gaps) - 1:
        return None
    (a, first), (b, second) = gaps[above[-1] : above[-1] + 2]
    return math.ceil(a - first * (b - a) / (second - first)), (a, b)


def verdict(session):
    """From how many images on int8 is below every other way, if that is known, and a sentence about it."""
    ours, others = session.medians(INT8), [name for name in session.ways if name != INT8]
    found = {name: crossing_with(ours, session.medians(name)) for name in others}
    never = [name for name, crossing in found.items() if crossing is None]
    if never:
        return None, f"int8 is not below every other way at the largest number measured: not below {'; '.join(never)}."
    last = max(found, key=lambda name: found[name][0])
    count, between = found[last]
    if between is None:
        return count, f"int8 is below every other way from {count:,} images on, the smallest number measured."
    a, b = between
    how = f"the last that it passes is {last}; a straight line between {a:,} and {b:,} images"
    return count, f"int8 is below every other way from {count:,} images on ({how})."


def last_of(session, name):
    """The largest number of images of a way, its seconds, and whether these are extrapolated."""
    known = {**session.medians(name), **session.guesses[name]}
    return max(known), known[max(known)], max(known) in session.guesses[name]


def in_order(session):
    return sorted(session.ways, key=lambda name: last_of(session, name)[1])


def digits(seconds):
    return f"{seconds:.1f}" if seconds < 100 else f"{seconds:,.0f}"


def table(session):
    counts = sorted({count for times in (*session.times.values(), *session.guesses.values()) for count in times})
    lines = ["| way | " + " | ".join(f"{count:,}" for count in counts) + " |", "|---" * (len(counts) + 1) + "|"]
    for name in in_order(session):
        cells = {count: digits(seconds) for count, seconds in session.medians(name).items()}
        cells |= {count: f"{digits(seconds)} (extrapolated)" for count, seconds in session.guesses[name].items()}
        lines.append(f"| {name} | " + " | ".join(cells.get(count, "") for count in counts) + " |")
    return lines


def about(session, args, before):
    extension = {"yes": " with VNNI", "no": " **without VNNI**", "unknown": ""}[vnni()]
    known = "; ".join(f"{name} {version}" for name, version in session.history.versions.items())
    once = f" (1 from {args.once:,} images on)" if max(args.images) >= args.once else ""
    return (
        f"{processor()}{extension}; {known}; {datetime.date.today()}; medians, rounds: {args.rounds}{once}; "
        f"load average {before} before. Seconds by number of images:"
    )


def apart(wanted, gap):
    """Places near those wanted, which ascend, with at least a gap between neighbours."""
    groups = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and start_of(groups[-1], gap) < start_of(groups[-2], gap) + gap * len(groups[-2]):
            groups[-2:] = [groups[-2] + groups[-1]]
    return [start_of(group, gap) + gap * at for group in groups for at in range(len(group))]


def start_of(group, gap):
    return statistics.mean(group) - gap * (len(group) - 1) / 2


def draw(session, crossing):
    import matplotlib

    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.hashsalt": "headstart", "font.size": 11})
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(10, 6))
    figure.subplots_adjust(left=0.08, right=0.69, bottom=0.1, top=0.87)
    names = in_order(session)
    for name in names[::-1]:
        draw_line(axis, session, name)
    axis.set(xscale="log", yscale="log", xlabel="images", ylabel="seconds")
    axis.set_ylim(top=1.6 * axis.get_ylim()[1])
    for side in (axis.xaxis, axis.yaxis):
        side.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}")
    axis.grid(color="#e4e4e4", linewidth=0.8)
    axis.spines[["top", "right"]].set_visible(False)
    label_ends(axis, session, names)
    if crossing:
        mark_crossing(axis, crossing)
    title(axis, any(session.guesses.values()))
    return figure


def title(axis, extrapolated):
    what = "Whole time from image files to features on disk"
    missing = ", processor without VNNI" if vnni() == "no" else ""
    under = f"calibration included; ResNet-50, JPEGs of 500x375, {processor()}"
    axis.set_title(what + missing, loc="left", fontsize=14, fontweight="bold", pad=26)
    axis.text(0, 1.03, under, transform=axis.transAxes, color="#444444")
    if extrapolated:
        axis.text(0.99, 0.02, "dashed and ~: extrapolated", transform=axis.transAxes, ha="right", color="#444444")


def draw_line(axis, session, name):
    ours = name in (INT8, FP32)
    style = {"color": COLOURS[name], "linewidth": 3 if ours else 1.5, "zorder": 3 if ours else 2}
    medians = session.medians(name)
    axis.plot(list(medians), list(medians.values()), marker="o", markersize=6 if ours else 4, **style)
    for count, seconds in session.guesses[name].items():
        before = max(medians)
        axis.plot([before, count], [medians[before], seconds], linestyle=(0, (4, 3)), **style)
        axis.plot([count], [seconds], marker="o", markersize=4, markerfacecolor="white", **style)


def label_ends(axis, session, names):
    """Each line's name and last seconds to its right, where they do not lie on each other."""
    axis.figure.canvas.draw()
    low, high = axis.get_ylim()
    part = lambda seconds: math.log(seconds / low) / math.log(high / low)
    wanted = [part(last_of(session, name)[1]) for name in names]
    for name, place in zip(names, apart(wanted, 0.05)):
        count, seconds, extrapolated = last_of(session, name)
        text = f"{name.replace('`', '')}: {'~' if extrapolated else ''}{digits(seconds)} s"
        arrow = {"arrowstyle": "-", "color": COLOURS[name], "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)}
        axis.annotate(
            text, (count, seconds), (1.04, place), textcoords="axes fraction", va="center", arrowprops=arrow,
            fontweight="bold" if name in (INT8, FP32) else "normal", color="#222222", annotation_clip=False,
        )


def mark_crossing(axis, crossing):
    axis.axvline(crossing, color=COLOURS[INT8], linewidth=1, linestyle=":", zorder=1)
    text = f" from {crossing:,} images on\n headstart's int8 is the fastest"
    axis.text(crossing, axis.get_ylim()[1], text, va="top", color=COLOURS[INT8])


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--quick", dest="images", action="store_const", const=[100, 1000], help="--images 100 1000")
    parser.add_argument("--crossing", type=int, nargs="*", default=[10, 30, 80, 245])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--once", type=int, default=5000, help="from so many images on there is one round")
    parser.add_argument("--longest", type=float, default=math.inf, help="seconds; beyond them peers are extrapolated")
    for python in ("onnx", "torch", "keras"):
        parser.add_argument(f"--{python}", metavar="PYTHON", help="a Python with its packages")
    parser.add_argument("--program", default="target/release/headstart")
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--folder", type=Path, default=Path("target/bench-images"), help="where images are made")
    parser.add_argument("--history", type=Path, default=FILE)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--plot", type=Path)
    return parser.parse_args()


def main():
    args, before = arguments(), load()
    with tempfile.TemporaryDirectory() as folder:
        session = measured(args, Path(folder))
    crossing, sentence = verdict(session)
    head = textwrap.wrap(about(session, args, before), 120)
    text = "\n".join([*head, "", *table(session), "", *textwrap.wrap(sentence, 120)])
    print(text)
    if args.into:
        replace_in(args.into, "bench/whole.py", text)
    if args.plot:
        draw(session, crossing).savefig(args.plot, metadata={"Date": None})


if __name__ == "__main__":
    main()
