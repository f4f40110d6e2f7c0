"""The cache as arrays and tables, and what looks after it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import headstart
from conftest import Program


def test_what_it_holds(cache: Path, paths: list[Path], program: Program) -> None:
    (info,) = headstart.Cache(cache).info()
    assert (info["images"], info["failures"]) == (len(paths), 0)
    assert info["fingerprint"]["feature_size"] == 2048
    assert repr(headstart.Cache("features", "resnet50")) == "Cache('features', store='resnet50')"


def test_as_an_array(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    keys, found = headstart.Cache(cache).to_numpy(paths)
    np.testing.assert_array_equal(found, rows)
    assert keys.shape == (len(paths),) and len(keys[0]) == 64
    every, of_all = headstart.Cache(cache).to_numpy()
    assert list(every) == sorted(set(keys))
    np.testing.assert_array_equal(of_all, found[np.argsort(keys)])
    with pytest.raises(headstart.ImageError, match="gone.jpg"):
        headstart.Cache(cache).to_numpy([paths[0], "gone.jpg"])


def test_as_tables(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    opened = headstart.Cache(cache)
    keys, features = opened.to_numpy()
    table = opened.to_arrow()
    assert table.column_names == ["key", "view", "features"] and table.schema.field("features").type.list_size == 2048
    read_by = [pa.table(opened), table, pl.DataFrame(opened).to_arrow()]
    # From pandas 3 on.
    if hasattr(pd.DataFrame, "from_arrow"):
        read_by.append(pa.table(pd.DataFrame.from_arrow(opened)))
    for read in read_by:
        assert read["key"].to_pylist() == list(keys)
        np.testing.assert_array_equal(np.array(read["features"].to_pylist(), np.float32), features)
    assert pa.RecordBatchReader.from_stream(opened).read_all().num_rows == len(paths)


def test_a_capsule_that_nobody_reads_is_let_go(cache: Path) -> None:
    for _ in range(3):
        headstart.Cache(cache).__arrow_c_stream__()


def test_of_several_stores_one_is_chosen(tmp_path: Path, cache: Path, paths: list[Path]) -> None:
    both = tmp_path / "both"
    shutil.copytree(cache, both)
    other = tmp_path / "other.onnx"
    shutil.copyfile(headstart.Backbone().path, other)
    store = next(folder for folder in both.iterdir() if (folder / "fingerprint.json").exists())
    with pytest.raises(headstart.CacheError, match="no features of `other`"):
        headstart.Cache(both, "other").to_numpy()
    assert headstart.Cache(both, store.name[:8]).to_numpy()[1].shape == (len(paths), 2048)
    with pytest.raises(headstart.CacheError, match="no features in"):
        headstart.Cache(tmp_path / "nowhere").to_numpy()


def test_every_byte_is_checked(tmp_path: Path, cache: Path, paths: list[Path]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(cache, copy)
    (report,) = headstart.Cache(copy).verify().values()
    assert report["clean"] and report["images"] == len(paths)
    segment = next(copy.glob("*/segments/*.arrow"))
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    (report,) = headstart.Cache(copy).verify().values()
    assert not report["clean"] and len(report["bad_rows"]) == 1
    # Damaged rows are computed again.
    found = headstart.Features(cache=copy, progress=False).transform(paths)
    assert np.isfinite(found).all()


def test_tidying_up(tmp_path: Path, cache: Path, paths: list[Path]) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(cache, copy)
    would = headstart.Cache(copy).gc(keep=paths[:5], dry_run=True)
    assert would["stores"][0]["unlisted"] == len(paths) - 5
    assert headstart.Cache(copy).info()[0]["images"] == len(paths)
    headstart.Cache(copy).gc(keep=paths[:5])
    assert headstart.Cache(copy).info()[0]["images"] == 5
