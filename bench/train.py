#!/usr/bin/env python3
"""headstart's training step beside PyTorch's and TensorFlow's, in one session, alternating.

    python3 bench/train.py [--torch PYTHON] [--tensorflow PYTHON] [--rounds 9] [--into bench/README.md] [--ours PROGRAM]

PROGRAM is the bench `train_step`; unless told, cargo builds it. Each PYTHON has the packages
of its framework (torch; tensorflow and keras) and numpy; this script needs none. Each framework is a process of its own, which
stays warm; whoever is not measured is stopped (SIGSTOP), so that no pool of threads that waits for work takes a core from the
one that is. In a round every variant of every framework has its turn, in an order that moves on from round to round. Ratios are
taken round by round, against the variant of a framework whose median is the lowest. Where a whole epoch would take long, a
turn is fewer steps, and none is longer than two seconds. Prints a table in markdown; `--into` puts it in the place of the last one there.
"""

import argparse
import datetime
import json
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from peer import Peer
from tables import load, processor, replace_in, spread

# Batch size, rows, and the steps of a turn, unless its time is over before. At batch sizes of 1 and 32 these are one and
# five epochs.
CASES = [(1, 1_000, 1_000), (32, 1_000, 160), (256, 50_000, 100)]
SECONDS = 2
WARM = 8
TORCH = [f"{way},{threads}" for way in ("fused", "foreach", "plain", "compiled") for threads in (1, 2)]
COLUMNS = {
    "PyTorch, its best": ("torch", TORCH),
    "`tf.function`": ("tensorflow", ["function"]),
    "XLA": ("tensorflow", ["xla"]),
    "eager Keras": ("tensorflow", ["eager"]),
}


def measure_case(peers, variants, case, rounds):
    """Milliseconds per step of each variant, round by round."""
    batch, rows, steps = case
    times = {variant: [] for variant in variants}

    def turn(variant, warm, steps):
        peer, way = variant
        asked = f"variant={way} batch={batch} rows={rows} warm={warm} steps={steps} seconds={SECONDS}"
        return float(peers[peer].ask(asked))

    for variant in list(variants):
        # The last batch of an epoch may be of another size, and what compiles must have met that one too.
        turn(variant, WARM + (-(-rows // batch) if rows % batch else 0), 1)
    for number in range(rounds):
        at = number % len(variants)
        for variant in variants[at:] + variants[:at]:
            times[variant].append(turn(variant, WARM, steps))
    return times


def row(case, times):
    """A line of the table."""
    batch, rows, _ = case
    ours = times["ours", "headstart"]
    cells = [f"{batch}, {rows:,} rows", f"{statistics.median(ours):.3f} ms"]
    for peer, ways in COLUMNS.values():
        there = [(peer, way) for way in ways if (peer, way) in times]
        if not there:
            cells.append("")
            continue
        best = min(there, key=lambda variant: statistics.median(times[variant]))
        name = f" ({best[1].replace(',', ', ')})" if len(ways) > 1 else ""
        ratios = [a / b for a, b in zip(ours, times[best])]
        cells.append(f"{statistics.median(times[best]):.3f} ms{name}; {spread(ratios)}")
    return "| " + " | ".join(cells) + " |"


def built():
    """The bench program of the ordinary release build."""
    command = ["cargo", "bench", "--quiet", "--bench", "train_step", "--no-run", "--message-format=json"]
    messages = map(json.loads, subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines())
    artifacts = (m for m in messages if m.get("target", {}).get("name") == "train_step" and m.get("executable"))
    return next(artifacts)["executable"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", metavar="PROGRAM", help="default: what cargo builds from benches/train_step")
    parser.add_argument("--torch", metavar="PYTHON")
    parser.add_argument("--tensorflow", metavar="PYTHON")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, action="append", help="only this batch size; repeatable")
    parser.add_argument("--into", type=Path, metavar="FILE")
    parser.add_argument("--let-idle-run", action="store_true", help="do not stop whoever is not measured")
    args = parser.parse_args()
    # So that peers and the file of rows go, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    ours = args.ours or built()
    cases = [case for case in CASES if args.batch is None or case[0] in args.batch]

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.f32"
        command = [ours, "--write", file, str(max(rows for _, rows, _ in cases))]
        origin = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        commands = {"ours": [ours, "--serve", file]}
        for framework in ("torch", "tensorflow"):
            if python := getattr(args, framework):
                commands[framework] = [python, Path(__file__).with_name("train_peers.py"), framework, file]
        peers = {name: Peer(command, not args.let_idle_run) for name, command in commands.items()}
        variants = [("ours", "headstart")]
        variants += [(peer, way) for peer, ways in COLUMNS.values() for way in ways if peer in peers]
        before, results = load(), []
        try:
            for case in cases:
                results.append((case, measure_case(peers, variants, case, args.rounds)))
                for variant, times in results[-1][1].items():
                    print(case[:2], *variant, f"{statistics.median(times):.3f} ms", file=sys.stderr, flush=True)
        finally:
            for peer in peers.values():
                peer.end()

    names = "; ".join(peer.name for peer in peers.values())
    table = [
        f"{processor()}, {platform.system()}; {names}; {datetime.date.today()}; {origin}; {args.rounds} rounds; "
        f"load average {before} before, {load()} after.",
        "",
        "| batch | headstart | " + " | ".join(COLUMNS) + " |",
        "|---" * (len(COLUMNS) + 2) + "|",
        *(row(case, times) for case, times in results),
    ]
    text = "\n".join(table)
    print(text)
    if args.into:
        replace_in(args.into, "bench/train.py", text)


if __name__ == "__main__":
    main()
