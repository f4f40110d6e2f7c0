#!/usr/bin/env python3
"""What settings of an ONNX Runtime session bring: images a second by each, in a process of its own, by turns.

    python3 bench/settings.py [--backbone FILE] [--batch 8] [--runs 12] [--rounds 3]

Needs the PyPI packages onnxruntime and numpy. A process has one session only: the threads of a second one would go on spinning while the first one
is measured. The figure of a process is the median of its runs, after one that is not counted; printed are all rounds. Also how long a session takes to
begin, from the graph and from its optimised copy.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

SETTINGS = {
    "as they are": lambda options: None,
    "as many threads as cores, told by number": lambda options: setattr(options, "intra_op_num_threads", os.cpu_count()),
    "threads do not spin": lambda options: options.add_session_config_entry("session.intra_op.allow_spinning", "0"),
    "denormal numbers are zero": lambda options: options.add_session_config_entry("session.set_denormal_as_zero", "1"),
    "work in smaller blocks": lambda options: options.add_session_config_entry("session.dynamic_block_base", "4"),
    "no memory pattern": lambda options: setattr(options, "enable_mem_pattern", False),
    "no arena": lambda options: setattr(options, "enable_cpu_mem_arena", False),
}


def session(file, setting=lambda options: None, level=None, save=None):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if level is not None:
        options.graph_optimization_level = level
    if save is not None:
        options.optimized_model_filepath = save
    setting(options)
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def measure(file, setting, batch, runs):
    """Images a second, in this process."""
    import numpy

    made = session(file, SETTINGS[setting])
    [given] = made.get_inputs()
    images = numpy.random.default_rng(0).standard_normal((batch, *given.shape[1:]), dtype=numpy.float32) * 50
    seconds = []
    for _ in range(runs + 1):
        started = time.perf_counter()
        made.run(None, {given.name: images})
        seconds.append(time.perf_counter() - started)
    return batch / statistics.median(seconds[1:])


def starts(file, rounds):
    """Seconds until there is a session, from the graph and from its optimised copy; the least of all rounds."""
    import onnxruntime

    def least(*arguments, **settings):
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            session(*arguments, **settings)
            seconds.append(time.perf_counter() - started)
        return min(seconds)

    with tempfile.TemporaryDirectory() as folder:
        copy = f"{folder}/copy.onnx"
        session(file, save=copy)
        return least(file), least(copy, level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--backbone", default="models/resnet50.onnx")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--setting", choices=SETTINGS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.setting:
        print(measure(args.backbone, args.setting, args.batch, args.runs))
        return
    rates = {setting: [] for setting in SETTINGS}
    for number in range(args.rounds):
        for setting in list(SETTINGS) if number % 2 == 0 else reversed(SETTINGS):
            command = [sys.executable, __file__, *sys.argv[1:], "--setting", setting]
            rates[setting].append(float(subprocess.check_output(command, text=True)))
    print("| setting | images/s, each round |\n|---|---|")
    for setting, found in rates.items():
        print(f"| {setting} | {', '.join(f'{rate:.1f}' for rate in found)} |")
    graph, copy = starts(args.backbone, args.rounds)
    print(f"\nA session begins in {graph:.3f} s from the graph, in {copy:.3f} s from its optimised copy.")


if __name__ == "__main__":
    main()
