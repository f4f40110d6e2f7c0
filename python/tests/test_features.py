"""Features: what is taken, what is given, and what goes wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import headstart
from conftest import Program


def features(cache: Path | None, **parameters: object) -> headstart.Features:
    return headstart.Features(cache=cache, **{"progress": False, **parameters})  # type: ignore[arg-type]


def test_a_row_for_each_image(rows: np.ndarray, paths: list[Path]) -> None:
    assert (rows.shape, rows.dtype) == ((len(paths), 2048), np.float32)
    assert np.isfinite(rows).all() and rows.std() > 0.1


def test_rows_are_not_copied_on_the_way_to_numpy(cache: Path, paths: list[Path]) -> None:
    rows = features(cache).transform(paths)
    # The array lies where the compiled part made it.
    assert not rows.flags.owndata and rows.base is not None and rows.flags.c_contiguous and rows.flags.writeable


def test_images_of_every_kind_and_mixtures(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    path = paths[0]
    with Image.open(path) as opened:
        image = opened.convert("RGB")
    pixels = np.asarray(image)
    mixture = [str(path), path, path.read_bytes(), image, pixels, np.str_(path), pixels[:, ::-1]]
    found = features(cache).transform(mixture)
    for same in (0, 1, 2, 5):
        np.testing.assert_array_equal(found[same], rows[0])
    np.testing.assert_array_equal(found[3], found[4])
    # Decoders differ by little.
    assert np.abs(found[4] - rows[0]).mean() < 0.1 * np.abs(rows[0]).mean()
    assert not np.array_equal(found[6], found[4])


def test_containers(cache: Path, rows: np.ndarray, paths: list[Path]) -> None:
    frame = pd.DataFrame({"path": [str(path) for path in paths]})
    given = [frame, frame["path"], np.array(frame["path"]), np.array(frame), tuple(paths), iter(paths)]
    for images in given:
        np.testing.assert_array_equal(features(cache).transform(images), rows)
    stacked = np.stack([np.asarray(Image.open(path)) for path in paths[:3]])
    one_by_one = features(cache).transform(list(stacked))
    np.testing.assert_array_equal(features(cache).transform(stacked), one_by_one)
    assert features(cache).transform([]).shape == (0, 2048)


@pytest.mark.parametrize(
    ("item", "found"),
    [
        (np.zeros((8, 8, 3), np.float32), "array of float32"),
        (np.zeros((8, 8), np.uint8), "shape [8, 8]"),
        (np.zeros((8, 8, 4), np.uint8), "shape [8, 8, 4]"),
        (7, "found int"),
        (None, "found NoneType"),
    ],
)
def test_what_is_no_image_is_named(cache: Path, paths: list[Path], item: object, found: str) -> None:
    with pytest.raises(headstart.ImageError, match="item 1") as caught:
        features(cache).transform([paths[0], item])
    assert found in str(caught.value) and caught.value.row == 1


def test_one_image_alone_is_refused_with_the_remedy(cache: Path, paths: list[Path]) -> None:
    for alone in (paths[0], str(paths[0]), b"bytes", np.zeros((8, 8, 3), np.uint8)):
        with pytest.raises(headstart.DataError, match="several images") as caught:
            features(cache).transform(alone)
        assert "[image]" in caught.value.__notes__[0]


def test_on_error_raise_names_the_image(tmp_path: Path, paths: list[Path]) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(paths[0].read_bytes()[:400])
    with pytest.raises(headstart.ImageError) as caught:
        features(tmp_path / "cache").transform([paths[0], broken, paths[1]])
    error = caught.value
    assert (error.path, error.row, error.kind) == (str(broken), 1, "truncated")
    assert isinstance(error, ValueError) and "on_error" in error.__notes__[0]
    # In memory it has no path.
    with pytest.raises(headstart.ImageError, match="item 2"):
        features(tmp_path / "cache").transform([paths[0], paths[1], b"no image"])


def test_on_error_nan_keeps_the_row(tmp_path: Path, rows: np.ndarray, paths: list[Path]) -> None:
    transformer = features(tmp_path / "cache", on_error="nan")
    found = transformer.transform([paths[0], tmp_path / "gone.jpg", b"", paths[1]])
    assert np.isnan(found[1:3]).all()
    np.testing.assert_array_equal(found[[0, 3]], rows[:2])
    path, kind, reason = transformer.failures_[0]
    assert (path, kind, reason) == (str(tmp_path / "gone.jpg"), "missing", "there is no such file")
    assert [failure.kind for failure in transformer.failures_] == ["missing", "truncated"]
    assert [failure.path for failure in transformer.failures_][1] == "item 2"
    # As before, though nothing is tried again.
    transformer.transform([tmp_path / "gone.jpg", b"", paths[1]])
    assert [failure.kind for failure in transformer.failures_] == ["missing", "truncated"]


def test_without_a_cache_nothing_is_kept(tmp_path: Path, rows: np.ndarray, paths: list[Path]) -> None:
    np.testing.assert_array_equal(features(None).transform(paths[:2]), rows[:2])
    assert list(tmp_path.iterdir()) == []


def test_views_are_averaged(tmp_path: Path, rows: np.ndarray, paths: list[Path]) -> None:
    both = features(tmp_path / "cache", views="flip").transform(paths[:2])
    assert both.shape == (2, 2048) and not np.array_equal(both, rows[:2])
    assert np.abs(both - rows[:2]).mean() < 0.5 * rows[:2].mean()


def test_stream_gives_each_image_once(tmp_path: Path, rows: np.ndarray, paths: list[Path]) -> None:
    found = dict(features(tmp_path / "cache").stream([*paths, paths[0]]))
    assert len(found) == len(paths)
    for path, row in zip(paths, rows):
        np.testing.assert_array_equal(found[path], row)


def test_a_stream_that_is_left_keeps_what_it_has(tmp_path: Path, paths: list[Path]) -> None:
    stream = features(tmp_path / "cache").stream(paths)
    next(stream)
    stream.close()
    (info,) = headstart.Cache(tmp_path / "cache").info()
    assert 1 <= info["images"] <= len(paths)


def test_a_stream_with_failures(tmp_path: Path, paths: list[Path]) -> None:
    images = [paths[0], b"no image"]
    with pytest.raises(headstart.ImageError, match="item 1"):
        list(features(tmp_path / "cache").stream(images))
    transformer = features(tmp_path / "cache", on_error="nan")
    found = list(transformer.stream(images))
    assert sum(np.isnan(row).all() for _, row in found) == 1
    assert transformer.failures_[0].kind == "unsupported"


def test_progress_is_told_and_may_fail(tmp_path: Path, paths: list[Path]) -> None:
    told: list[tuple[int, int]] = []
    features(tmp_path / "cache", progress=lambda *at: told.append(at)).transform(paths[:4])
    assert told == [(done, 4) for done in range(1, 5)]

    def fails(done: int, total: int) -> None:
        message = f"at {done} of {total}"
        raise RuntimeError(message)

    with pytest.raises(RuntimeError, match="at 1 of"):
        features(tmp_path / "cache", progress=fails).transform(paths)
    with pytest.raises(headstart.SettingError, match="progress"):
        features(tmp_path / "cache", progress="yes").transform(paths)


def test_messages_go_to_logging(tmp_path: Path, paths: list[Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="headstart"):
        features(tmp_path / "cache").transform(paths[:1])
    assert any("ONNX Runtime" in record.message for record in caplog.records)
    assert {record.name for record in caplog.records} == {"headstart"}


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"backbone": "resnet51"}, headstart.BackboneError, "no backbone `resnet51`"),
        ({"backbone": "gone/net.onnx"}, headstart.BackboneError, "net.onnx"),
        ({"backbone": "gone/name"}, headstart.BackboneError, "repository of a model hub"),
        ({"backbone": "hf://gone/name"}, headstart.BackboneError, "repository of a model hub"),
        ({"precision": "fp8"}, headstart.SettingError, "precision"),
        ({"device": "toaster"}, headstart.SettingError, "device"),
        ({"device": "cuda"}, headstart.BackboneError, "cuda"),
        ({"views": "upside-down"}, headstart.SettingError, "views"),
        ({"on_error": "ignore"}, headstart.SettingError, "on_error"),
    ],
)
def test_settings_that_cannot_be(
    tmp_path: Path, paths: list[Path], parameters: dict[str, object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        features(tmp_path, **parameters).transform(paths[:1])


def test_a_cache_that_cannot_be_written(tmp_path: Path, paths: list[Path]) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(headstart.CacheError) as caught:
        features(tmp_path / "cache").transform(paths[:1])
    assert "cache=None" in caught.value.__notes__[0]


def test_the_program_finds_what_the_module_computed(
    tmp_path: Path, program: Program, photos: Path, paths: list[Path]
) -> None:
    features(tmp_path / "cache").transform(paths)
    (before,) = headstart.Cache(tmp_path / "cache").info()
    program("extract", photos, "--cache", tmp_path / "cache", backbone=True)
    assert headstart.Cache(tmp_path / "cache").info()[0]["rows"] == before["rows"] == len(paths)


def test_the_module_finds_what_the_program_computed(
    tmp_path: Path, program: Program, photos: Path, paths: list[Path], rows: np.ndarray
) -> None:
    program("extract", photos, "--cache", tmp_path / "cache", backbone=True)
    told: list[tuple[int, int]] = []
    found = features(tmp_path / "cache", progress=lambda *at: told.append(at)).transform(paths)
    assert told == []
    np.testing.assert_array_equal(found, rows)
