#!/usr/bin/env python3
"""`Features.transform` beside `headstart extract`: seconds and memory on the same JPEGs, in alternating pairs.

    python3 bench/python.py --python models/tools/wheel-test-3.11/bin/python [--images 1000] [--pairs 5]

The Python is one in which the wheel, scikit-learn and Pillow are installed; what else scikit-learn finds there, such as
pandas, it imports too. Each call fills a cache of its own. Of the module the time of the call is taken, of the program
that of the whole command; memory is the peak of the process. The median of the ratios of the pairs is what counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

MAKE = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
photos, folder, images = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
random = np.random.default_rng(0)
whole = [Image.open(path).convert("RGB") for path in sorted(photos.glob("*.jpg"))]
for number in range(images):
    photo = whole[number % len(whole)]
    edge = int(min(photo.size) * random.uniform(0.5, 0.9))
    left, top = (int(random.integers(0, length - edge)) for length in photo.size)
    part = photo.crop((left, top, left + edge, top + edge)).resize((500, 500))
    (folder / f"{number % 10}").mkdir(exist_ok=True)
    part.save(folder / f"{number % 10}" / f"{number}.jpg", quality=90)
"""

TRANSFORM = """
import json, resource, sys, time
from pathlib import Path
import headstart
paths = sorted(Path(sys.argv[1]).glob("*/*.jpg"))
features = headstart.Features(sys.argv[3], cache=sys.argv[2], progress=False)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.perf_counter()
rows = features.transform(paths)
took = time.perf_counter() - began
print(json.dumps([took, before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, len(rows)]))
"""

IMPORTS = """
import resource
bare = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import sklearn.base
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - bare)
"""

ABOUT = """
import json
from pathlib import Path
import headstart
library = next((Path(headstart.__file__).parent / "_runtime").glob("lib*"))
print(json.dumps([str(headstart.Backbone().path), str(library)]))
"""


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--python", type=Path, required=True, help="a Python with the wheel")
    arguments.add_argument("--images", type=int, default=1000)
    arguments.add_argument("--pairs", type=int, default=5)
    chosen = arguments.parse_args()
    python, program = chosen.python.absolute(), chosen.python.absolute().parent / "headstart"
    with tempfile.TemporaryDirectory(prefix="headstart-") as folder:
        away = Path(folder)
        backbone, library = json.loads(run([python, "-c", ABOUT], away))
        photos = away / "photos"
        photos.mkdir()
        run([python, "-c", MAKE, ROOT / "data" / "photos", photos, chosen.images], away)
        ratios, above = [], []
        for pair in range(-1, chosen.pairs):
            extract = [program, "extract", photos, "--cache", away / f"p{pair}", "--backbone", backbone]
            seconds, memory = timed(extract, away, library)
            told = run([python, "-c", TRANSFORM, photos, away / f"m{pair}", backbone], away)
            took, before, peak, rows = json.loads(told)
            if rows != chosen.images:
                raise SystemExit(f"{rows} rows for {chosen.images} images")
            # The first pair makes the optimised copy of the graph.
            if pair >= 0:
                ratios.append(took / seconds)
                above.append(peak - memory)
                print(f"program {seconds:6.2f} s {memory // 1024} MB   module {took:6.2f} s {peak // 1024} MB "
                      f"(before the call {before // 1024} MB)   ratio {took / seconds:.3f}")  # fmt: skip
        imported = int(run([python, "-c", IMPORTS], away)) / 1024
    memory = statistics.median(above) / 1024
    print(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}), memory above the "
          f"program {memory:.0f} MB, of which `import sklearn.base` takes {imported:.0f} MB")  # fmt: skip


def run(command, folder):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return done.stdout


def timed(command, folder, library):
    """Seconds and the peak of memory in KB."""
    began = time.perf_counter()
    environment = {**os.environ, "ORT_DYLIB_PATH": library}
    child = subprocess.Popen([str(word) for word in command], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"`{' '.join(map(str, command))}` ended with {status}")
    return time.perf_counter() - began, usage.ru_maxrss


if __name__ == "__main__":
    main()
