"""What the scripts of this folder share: the machine in words, ratios in words, and a table's place in a file."""

import os
import platform
import statistics
import sys
from pathlib import Path


def in_cpuinfo(key):
    """What Linux says of the first core under this key; empty if nothing."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), "")


def model():
    return in_cpuinfo("model name") or platform.processor() or platform.machine()


def processor():
    return f"{os.cpu_count()} cores of {model()}"


def vnni():
    """Whether the processor multiplies bytes by VNNI: `yes`, `no`, or `unknown`."""
    flags = in_cpuinfo("flags").split()
    if not flags:
        return "unknown"
    return "yes" if {"avx512_vnni", "avx_vnni"} & set(flags) else "no"


def load():
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def spread(ratios, digits=2):
    """Their median and range."""
    least, median, most = (f"{f(ratios):.{digits}f}" for f in (min, statistics.median, max))
    return f"{median} ({least} to {most})"


def replace_in(file, script, text):
    """Put the text between the marks of the script, which stay."""
    marks = f"<!-- {script} -->", f"<!-- {script}: end -->"
    whole = file.read_text()
    if any(whole.count(mark) != 1 for mark in marks):
        sys.exit(f"{file}: expected each of {marks} once")
    before, rest = whole.split(marks[0])
    file.write_text(f"{before}{marks[0]}\n{text}\n{marks[1]}{rest.split(marks[1])[1]}")
