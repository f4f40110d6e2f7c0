"""Manifests, backbones and errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import headstart


def test_a_folder(photos: Path, paths: list[Path], labels: list[str]) -> None:
    manifest = headstart.read_manifest(photos)
    assert (manifest.paths, manifest.labels) == (paths, labels)
    assert len(manifest) == 24 and manifest.sources == [photos] and len(manifest.digest or "") == 64
    assert set(manifest.splits) == {None}


def test_a_csv_with_parts(tmp_path: Path) -> None:
    table = tmp_path / "images.csv"
    table.write_text("file,kind,part\na.jpg,cat,train\nb.jpg,dog,Test\n")
    manifest = headstart.read_manifest(table, path_column="file", label_column="kind", split_column="part")
    assert manifest.paths == [tmp_path / "a.jpg", tmp_path / "b.jpg"]
    test = manifest.split("test")
    assert (test.labels, len(test), test.sources) == (["dog"], 1, None)
    with pytest.raises(headstart.DataError, match="no split `validation`: found Test, train"):
        manifest.split("validation")


def test_what_is_wrong_is_told_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "images.csv"
    table.write_text("path,label\na.jpg,cat\na.jpg,dog\n")
    with pytest.raises(headstart.DataError, match="line 3"):
        headstart.read_manifest(table)
    with pytest.raises(headstart.DataError, match="no manifest at"):
        headstart.read_manifest(tmp_path / "nowhere")


def test_a_backbone_says_what_it_is() -> None:
    backbone = headstart.Backbone()
    assert backbone.feature_size == 2048 and backbone.precision in ("fp32", "int8")
    assert len(backbone.digest) == 64 and backbone.path.is_file() and backbone.licence == "MIT"
    assert isinstance(backbone.recipe["resize"], dict)
    assert "resnet50" in headstart.Backbone.names()


def test_errors_have_one_base() -> None:
    for name in headstart.errors.__all__:
        assert issubclass(getattr(headstart, name), headstart.HeadstartError)
    assert issubclass(headstart.HeadstartError, ValueError)


def test_the_remedy_is_a_note(tmp_path: Path) -> None:
    with pytest.raises(headstart.BackboneError) as caught:
        headstart.Backbone("gone")
    error = caught.value
    assert error.__notes__[0].startswith("hint: known names: ")
    if sys.version_info < (3, 11):
        assert "hint: " in str(error)


def test_the_module_brings_nothing_along() -> None:
    seen = "[name for name in ('pandas', 'PIL', 'tqdm', 'onnxruntime', 'pyarrow') if name in sys.modules]"
    script = f"import sys, headstart; print({seen})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    # What scikit-learn imports by itself is not ours to say.
    alone = subprocess.run(
        [sys.executable, "-c", script.replace("headstart", "sklearn.base, sklearn.utils.validation")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == alone.stdout


def test_of_several_files_of_one_name_the_right_one_is_taken(
    tmp_path: Path, paths: list[Path], labels: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if the weights in floats were installed later: a file of another digest comes first then.
    shipped = headstart.Backbone().path
    features = headstart.Features(cache=tmp_path / "a", progress=False)
    rows = features.fit_transform(paths[:2])
    ours = headstart.ImageClassifier(cache=tmp_path / "a", epochs=2, progress=False).fit(paths, labels)
    said = ours.predict_proba(paths[:2])
    ours.save(tmp_path / "run")
    other = Path("models") / "resnet50.onnx"
    other.parent.mkdir()
    other.write_bytes(shipped.read_bytes() + b"\x92\x03\x00")
    assert headstart.Backbone().digest != features.backbone_["digest"]
    # What was fitted stays with its backbone, and so do a run and a cache.
    np.testing.assert_array_equal(features.transform(paths[:2]), rows)
    loaded = headstart.ImageClassifier.load(tmp_path / "run", cache=tmp_path / "empty", progress=False)
    np.testing.assert_array_equal(loaded.predict_proba(paths[:2]), said)
    fresh = headstart.Features(cache=tmp_path / "a", progress=False)
    np.testing.assert_array_equal(fresh.transform(paths[:2]), rows)
    new = headstart.Features(cache=tmp_path / "b", progress=False)
    new.transform(paths[:1])
    assert new.backbone_["digest"] == headstart.Backbone().digest
