"""What was measured when, on what, with what: a line for each measurement in a CSV that only grows."""

import csv
import datetime
import os
import platform
import subprocess
import sys
from pathlib import Path

from tables import model, vnni

FILE = Path(__file__).with_name("history.csv")
PACKAGES = ["onnxruntime", "torch", "keras", "openvino"]
MACHINE = ["date", "commit", "script", "processor", "cores", "vnni"]
COLUMNS = [*MACHINE, "load before", "headstart", *PACKAGES, "python", "way", "images", "seconds"]
ASK = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
"""


def commit():
    """That of the working tree, with a `+` if anything that git knows outside this folder differs from it."""
    git = ["git", "-C", FILE.parent.parent]
    found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", ".", ":!bench"]).returncode
    return found.stdout.strip() + ("+" if changed else "")


def versions(program, pythons):
    """Of headstart, of each package that one of the Pythons has, and of Python."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = {"headstart": said.split()[-1], "python": platform.python_version()}
    for python in dict.fromkeys(pythons):
        lines = subprocess.run([python, "-c", ASK, *PACKAGES], capture_output=True, text=True, check=True).stdout
        found.update(line.split() for line in lines.splitlines())
    return found


class History:
    """Lines of one script's run."""

    def __init__(self, script, versions, file=FILE):
        self.file, self.versions = file, versions
        self.same = dict(zip(MACHINE, [datetime.date.today(), commit(), script, model(), os.cpu_count(), vnni()]))
        if not file.exists():
            self.write(COLUMNS)
        with file.open(newline="") as lines:
            if next(csv.reader(lines), None) != COLUMNS:
                sys.exit(f"{file}: expected the columns {', '.join(COLUMNS)}")

    def write(self, cells):
        with self.file.open("a", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(cells)

    def add(self, way, images, seconds, load):
        measured = {"load before": load, "way": way, "images": images, "seconds": f"{seconds:.3f}"}
        line = {**self.same, **self.versions, **measured}
        self.write([line.get(column, "") for column in COLUMNS])
