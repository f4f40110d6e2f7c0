"""`ImageClassifier` is `headstart train`: the same run, and each reads the runs of the other."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

import headstart
from conftest import Program


def classifier(cache: Path, **parameters: object) -> headstart.ImageClassifier:
    return headstart.ImageClassifier(cache=cache, **{"progress": False, "epochs": 8, **parameters})  # type: ignore[arg-type]


@pytest.fixture()
def trained(tmp_path: Path, program: Program, cache: Path, photos: Path) -> Path:
    """A run of the program's."""
    program(
        "train", photos, "--cache", cache, "--runs", tmp_path / "runs", "--name", "theirs", "--epochs", 8, backbone=True
    )
    return tmp_path / "runs" / "theirs"


@pytest.mark.parametrize("given", ["rows", "folder", "manifest"])
def test_the_same_run_bit_for_bit(
    tmp_path: Path, cache: Path, photos: Path, paths: list[Path], labels: list[str], trained: Path, given: str
) -> None:
    ours = classifier(cache)
    if given == "rows":
        ours.fit(paths, labels)
    else:
        ours.fit(photos if given == "folder" else headstart.read_manifest(photos))
    saved = ours.save(tmp_path / "runs" / "ours")
    for name in ("head.safetensors", "history.csv", "images.bin", "checkpoint/train.safetensors"):
        assert (saved / name).read_bytes() == (trained / name).read_bytes(), name
    ours_metrics, theirs = (json.loads((run / "metrics.json").read_text()) for run in (saved, trained))
    assert {**ours_metrics, "seconds": 0} == {**theirs, "seconds": 0}
    if given == "folder":
        differ = [
            (a, b)
            for a, b in zip(
                (saved / "run.toml").read_text().splitlines(), (trained / "run.toml").read_text().splitlines()
            )
            if a != b
        ]
        assert [a.split(" = ")[0] for a, _ in differ] == ["created"]


def test_settings_reach_the_training(
    tmp_path: Path, program: Program, cache: Path, photos: Path, paths: list[Path], labels: list[str]
) -> None:
    flags = ["--epochs", 6, "--hidden", "32,16", "--dropout", 0.2, "--batch-size", 7, "--optimizer", "adamw",
             "--weight-decay", 0.01, "--validation", 0.25, "--patience", 2, "--class-weight", "{ cat = 2.0 }",
             "--label-smoothing", 0.1, "--seed", 3, "--set", "schedule=cosine", "--shots", 5]  # fmt: skip
    runs = tmp_path / "runs"
    program("train", photos, "--cache", cache, "--runs", runs, "--name", "theirs", *flags, backbone=True)
    ours = classifier(
        cache, epochs=6, hidden=(32, 16), dropout=0.2, batch_size=7, optimizer="adamw", weight_decay=0.01,
        validation_fraction=0.25, patience=2, class_weight={"cat": 2.0}, label_smoothing=0.1, random_state=3,
        settings={"schedule": "cosine"}, shots=5,
    ).fit(paths, labels)  # fmt: skip
    saved = ours.save(runs / "ours")
    for name in ("head.safetensors", "history.csv", "images.bin"):
        assert (saved / name).read_bytes() == (runs / "theirs" / name).read_bytes(), name
    assert set(ours.history_) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}


def test_a_temperature(
    tmp_path: Path, cache: Path, paths: list[Path], labels: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING", logger="headstart"):
        ours = classifier(cache, validation_fraction=0.25, calibrate=True).fit(paths, labels)
    assert ours.temperature_ is None and "could not calibrate" in caplog.text
    with pytest.raises(headstart.DataError, match="held out"):
        classifier(cache, calibrate=True).fit(paths, labels)
    # Some are wrong, so there is something to learn for a temperature.
    few = classifier(cache, epochs=2).fit(paths[::4], labels[::4])
    wrong = ["rocket", *labels[1:]]
    result = few.evaluate(paths, wrong, calibrate=True)
    assert few.temperature_ is not None and result.metrics["calibration"]["fitted_here"]
    saved = few.save(tmp_path / "run")
    assert (saved / "calibration.toml").exists()
    assert headstart.ImageClassifier.load(saved).temperature_ == few.temperature_


def test_a_head_alone_is_the_same_head(cache: Path, rows: np.ndarray, paths: list[Path], labels: list[str]) -> None:
    both = classifier(cache, validation_fraction=0.25).fit(paths, labels)
    head = headstart.HeadClassifier(epochs=8, validation_fraction=0.25).fit(rows, labels)
    for ours, theirs in zip([*both.coefs_, *both.intercepts_], [*head.coefs_, *head.intercepts_]):
        np.testing.assert_array_equal(ours, theirs)
    assert both.history_ == head.history_
    np.testing.assert_array_equal(both.predict_proba(paths), head.predict_proba(rows))


def test_the_program_uses_a_run_of_the_module(
    tmp_path: Path, program: Program, cache: Path, photos: Path, paths: list[Path], labels: list[str]
) -> None:
    ours = classifier(cache).fit(paths, labels)
    run = ours.save(tmp_path / "runs" / "ours")
    told = program("predict", run, *paths, "--cache", cache, "--format", "csv", backbone=True)
    said = list(csv.DictReader(told.splitlines()))
    assert [row["prediction"] for row in said] == ours.predict(paths).tolist()
    best = ours.predict_proba(paths).max(axis=1)
    np.testing.assert_allclose([float(row["confidence"]) for row in said], best, atol=6e-7)
    # It finds the images again, and trains on.
    options = ["--cache", cache, "--runs", tmp_path / "runs"]
    program("train", "--from", run, "--resume", "--epochs", 10, "--name", "longer", *options, backbone=True)
    whole = classifier(cache, epochs=10).fit(paths, labels).save(tmp_path / "runs" / "whole")
    longer = tmp_path / "runs" / "longer" / "head.safetensors"
    assert longer.read_bytes() == (whole / "head.safetensors").read_bytes()
    program("report", run, *options, backbone=True)


def test_the_module_uses_a_run_of_the_program(
    tmp_path: Path, cache: Path, paths: list[Path], labels: list[str], trained: Path
) -> None:
    loaded = headstart.ImageClassifier.load(trained, cache=cache, progress=False)
    ours = classifier(cache).fit(paths, labels)
    np.testing.assert_array_equal(loaded.predict_proba(paths), ours.predict_proba(paths))
    assert loaded.classes_.tolist() == ["cat", "coffee", "rocket"] and loaded.epochs == 8
    assert loaded.get_params()["hidden"] == (256,) and loaded.history_ == ours.history_
    by_name = headstart.ImageClassifier.load("latest", runs=tmp_path / "runs", cache=cache)
    assert by_name.run_.name == "theirs"
    # Its settings train the same run.
    np.testing.assert_array_equal(loaded.fit(paths, labels).coefs_[0], ours.coefs_[0])


def test_evaluations_are_the_same(
    tmp_path: Path, program: Program, cache: Path, photos: Path, paths: list[Path], labels: list[str], trained: Path
) -> None:
    told = json.loads(program("evaluate", trained, photos, "--cache", cache, "--json", backbone=True))
    result = headstart.ImageClassifier.load(trained, cache=cache, progress=False).evaluate(paths, labels)
    assert result.metrics == told
    assert result.accuracy == told["accuracy"] and result.interval is not None
    assert result.interval[0] <= result.accuracy <= result.interval[1]
    assert result.confusion.sum() == len(paths) and result.probabilities.shape == (len(paths), 3)
    assert (result.labels == np.repeat([0, 1, 2], 8)).all() and result.paths[0] == str(paths[0])
    page = result.report(tmp_path / "report.html")
    assert page.startswith("<!DOCTYPE html>") and (tmp_path / "report.html").read_text() == page
    html = result._repr_html_()
    assert "accuracy" in html and "<td>cat</td>" in html and repr(result).startswith("Evaluation(accuracy=")
    written = result.save(tmp_path / "evaluation")
    assert sorted(file.name for file in written.iterdir()) == [
        "evaluation.toml",
        "metrics.json",
        "predictions.csv",
        "report.html",
    ]


def test_images_in_memory(tmp_path: Path, cache: Path, paths: list[Path], labels: list[str]) -> None:
    from_files = classifier(cache).fit(paths, labels)
    ours = classifier(tmp_path / "cache").fit([path.read_bytes() for path in paths], labels)
    np.testing.assert_array_equal(ours.coefs_[0], from_files.coefs_[0])
    assert ours.evaluate([path.read_bytes() for path in paths], labels).accuracy > 0.9
    run = ours.save(tmp_path / "runs" / "memory")
    assert not (run / "images.csv").exists()
    assert headstart.ImageClassifier.load(run, cache=None).predict([paths[0].read_bytes()]).tolist() == ["cat"]


def test_a_run_of_images_in_memory_says_so(
    tmp_path: Path, program: Program, cache: Path, paths: list[Path], labels: list[str]
) -> None:
    run = classifier(cache).fit([path.read_bytes() for path in paths], labels).save(tmp_path / "runs" / "memory")
    with pytest.raises(AssertionError, match="does not say which images it was trained on"):
        program("train", "--from", run, "--cache", cache, "--runs", tmp_path / "runs", backbone=True)


def test_labels_of_other_kinds(cache: Path, paths: list[Path], labels: list[str]) -> None:
    numbers = np.array([{"cat": 2, "coffee": 10, "rocket": 1}[label] for label in labels])
    ours = classifier(cache).fit(paths, numbers)
    # As NumPy sorts them, though a run has them sorted as text.
    assert ours.classes_.tolist() == [1, 2, 10]
    assert (ours.predict(paths) == numbers).mean() > 0.9
    assert ours.predict_proba(paths)[0].argmax() == 1 and ours.score(paths, numbers) > 0.9
    weighted = classifier(cache, class_weight={10: 5.0}).fit(paths, numbers)
    assert not np.array_equal(weighted.coefs_[0], ours.coefs_[0])


def test_images_that_fail(tmp_path: Path, cache: Path, paths: list[Path], labels: list[str]) -> None:
    images, known = [*paths, b"no image"], [*labels, "cat"]
    with pytest.raises(headstart.ImageError, match=f"item {len(paths)}"):
        classifier(cache).fit(images, known)
    ours = classifier(cache, on_error="nan").fit(images, known)
    assert [failure.kind for failure in ours.failures_] == ["unsupported"]
    np.testing.assert_array_equal(ours.coefs_[0], classifier(cache).fit(paths, labels).coefs_[0])
    said = ours.predict_proba([paths[0], tmp_path / "gone.jpg"])
    assert np.isnan(said[1]).all() and ours.failures_[0].kind == "missing"
    with pytest.raises(headstart.DataError, match="gone.jpg"):
        ours.predict([paths[0], tmp_path / "gone.jpg"])
    assert len(ours.evaluate(images, known).failures) == 1
    ours.on_error = "raise"
    with pytest.raises(headstart.ImageError, match="gone.jpg"):
        ours.predict_proba([tmp_path / "gone.jpg"])


def test_data_that_does_not_serve(
    tmp_path: Path, cache: Path, photos: Path, paths: list[Path], labels: list[str]
) -> None:
    for y, words in (
        (None, "labels"),
        (labels[:-1], "24 images"),
        (["cat"] * 24, "cat"),
        ([None, *labels[1:]], "item 0"),
    ):
        with pytest.raises(headstart.DataError, match=words):
            classifier(cache).fit(paths, y)
    with pytest.raises(headstart.DataError, match="own"):
        classifier(cache).fit(photos, labels)
    with pytest.raises(headstart.DataError, match="no manifest"):
        classifier(cache).fit(tmp_path / "nowhere")
    with pytest.raises(headstart.SettingError, match="dropout"):
        classifier(cache, dropout=1.5).fit(paths, labels)
    with pytest.raises(headstart.SettingError, match="patiense"):
        classifier(cache, settings={"patiense": 3}).fit(paths, labels)
    with pytest.raises(headstart.RunError, match="no run"):
        headstart.ImageClassifier.load("nobody")


def test_a_run_is_not_replaced_unless_that_is_asked_for(
    tmp_path: Path, cache: Path, paths: list[Path], labels: list[str]
) -> None:
    ours = classifier(cache).fit(paths, labels)
    ours.save(tmp_path / "run")
    with pytest.raises(headstart.RunError) as caught:
        ours.save(tmp_path / "run")
    assert "overwrite=True" in caught.value.__notes__[0]
    ours.save(tmp_path / "run", overwrite=True)


def test_pickles(tmp_path: Path, cache: Path, paths: list[Path], labels: list[str]) -> None:
    ours = classifier(cache).fit(paths, labels)
    data = pickle.dumps(ours)
    # The head, and not the backbone.
    assert len(data) < 4_000_000
    said = ours.predict_proba(paths)
    del ours
    restored = pickle.loads(data)
    np.testing.assert_array_equal(restored.predict_proba(paths), said)
    assert restored.backbone_["digest"] == headstart.Backbone().digest
    restored.save(tmp_path / "again")
    np.testing.assert_array_equal(
        headstart.ImageClassifier.load(tmp_path / "again", cache=cache).predict_proba(paths), said
    )


def test_another_backbone_is_refused(
    tmp_path: Path, cache: Path, paths: list[Path], labels: list[str], trained: Path
) -> None:
    text = (trained / "run.toml").read_text()
    other = tmp_path / "other"
    shutil.copytree(trained, other)
    fingerprint = headstart.ImageClassifier.load(trained).backbone_["fingerprint"]
    (other / "run.toml").write_text(text.replace(fingerprint, "0" * 64))
    with pytest.raises(headstart.OtherFeaturesError, match="other features"):
        headstart.ImageClassifier.load(other, cache=cache).predict(paths)


def test_export(tmp_path: Path, cache: Path, paths: list[Path], labels: list[str]) -> None:
    ours = classifier(cache).fit(paths, labels)
    exported = ours.export(tmp_path / "classifier.onnx", preprocessing=True)
    assert Path(exported["path"]).stat().st_size == exported["bytes"] and exported["card"]["form"] == "image"
    with pytest.raises(headstart.RunError, match="classifier.onnx") as caught:
        ours.export(tmp_path / "classifier.onnx")
    assert "overwrite" in caught.value.__notes__[0]
