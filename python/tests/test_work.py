"""Long work beside others: Ctrl-C, threads, forks and processes."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import joblib
import numpy as np
import pytest

import headstart
from conftest import run_script

#: Writes pictures, and computes their features with Ctrl-C in the middle.
INTERRUPTED = """
import sys, time
import numpy as np
from PIL import Image
import headstart
folder = sys.argv[1]
random = np.random.default_rng(0)
paths = []
for number in range(400):
    paths.append(f"{folder}/{number}.png")
    Image.fromarray(random.integers(0, 255, (64, 64, 3), np.uint8)).save(paths[-1])
def told(done, total):
    if done == 20:
        print("working", flush=True)
try:
    headstart.Features(cache=folder + "/cache", progress=told).transform(paths)
except KeyboardInterrupt:
    print("interrupted", headstart.Cache(folder + "/cache").info()[0]["rows"], flush=True)
"""

#: Forks while another thread is at work, or after the work, and tells what becomes of the child.
FORKED = """
import os, sys, threading
import numpy as np
import headstart
folder, when = sys.argv[1:]
images = [np.full((64, 64, 3), number % 256, np.uint8) + np.uint8(number // 256) for number in range(200)]
features = headstart.Features(cache=folder, progress=False)
begun = threading.Event()
def work():
    headstart.Features(cache=folder, progress=lambda *_: begun.set()).transform(images)
if when == "after":
    features.transform(images[:2])
else:
    thread = threading.Thread(target=work)
    thread.start()
    begun.wait()
child = os.fork()
if child == 0:
    try:
        rows = features.transform([np.full((32, 32, 3), 9, np.uint8)])
        print("rows", rows.shape, flush=True)
    except headstart.ForkError as error:
        print("refused:", error, error.__notes__, flush=True)
    os._exit(0)
os.waitpid(child, 0)
if when != "after":
    thread.join()
"""


def test_ctrl_c_stops_within_a_batch_and_keeps_what_is_computed(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, tmp_path], stdout=subprocess.PIPE, text=True, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        word, rows = process.stdout.readline().split()
        assert time.monotonic() - asked < 10
        assert word == "interrupted" and 8 <= int(rows) < 400
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()


def test_other_threads_run_meanwhile(tmp_path: Path, paths: list[Path]) -> None:
    counted, over = [0], threading.Event()

    def count() -> None:
        while not over.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    headstart.Features(cache=tmp_path, progress=False).transform(paths)
    over.set()
    thread.join()
    assert counted[0] > 50


def test_threads_side_by_side(tmp_path: Path, rows: np.ndarray, paths: list[Path]) -> None:
    found = joblib.Parallel(n_jobs=3, backend="threading")(
        joblib.delayed(headstart.Features(cache=tmp_path, progress=False).transform)(paths) for _ in range(3)
    )
    for same in found:
        np.testing.assert_array_equal(same, rows)


def test_a_fork_after_the_work_works(tmp_path: Path) -> None:
    done = run_script(FORKED, tmp_path, "after")
    assert (done.returncode, done.stdout) == (0, "rows (1, 2048)\n"), done.stderr


def test_a_fork_amid_the_work_is_told_what_to_do(tmp_path: Path) -> None:
    done = run_script(FORKED, tmp_path, "amid")
    assert done.returncode == 0 and done.stdout.startswith("refused: this process was forked"), done.stderr
    assert "spawn" in done.stdout


def test_processes_of_joblib(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    transformer = headstart.Features(cache=cache, progress=False)
    transformer.transform(paths[:1])
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(transformer.transform)(part) for part in (paths[:5], paths[5:]))
    np.testing.assert_array_equal(np.concatenate(found), rows)


def test_a_pickle_holds_no_weights_and_names_the_backbone(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    transformer = headstart.Features(cache=cache, progress=False)
    transformer.fit_transform(paths)
    data = pickle.dumps(transformer)
    assert len(data) < 5000
    restored = pickle.loads(data)
    backbone = headstart.Backbone()
    assert restored.backbone_["digest"] == backbone.digest and restored.backbone_["backbone"] == backbone.name
    np.testing.assert_array_equal(restored.transform(paths), rows)
    # Elsewhere the backbone of this name may be another one.
    restored.backbone_["fingerprint"] = "0" * 64
    with pytest.raises(headstart.OtherFeaturesError, match=backbone.digest[:12]):
        restored.transform(paths)
