"""`Features` among the tools of scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import headstart
from conftest import run_script


@pytest.fixture()
def features(cache: Path) -> headstart.Features:
    return headstart.Features(cache=cache, progress=False)


#: One of the checks is skipped unless SciPy was told of array APIs before it was imported.
CHECKED = """
import headstart
from sklearn.utils.estimator_checks import check_estimator
results = check_estimator(headstart.HeadClassifier(), on_skip=None, on_fail=None)
print(len(results) > 40, [(one["check_name"], one["exception"]) for one in results if one["status"] != "passed"])
"""


def test_check_estimator_whole() -> None:
    done = run_script(CHECKED, SCIPY_ARRAY_API="1")
    assert done.stdout == "True []\n", done.stderr


def test_check_estimator_of_features(features: headstart.Features) -> None:
    results = check_estimator(features, on_skip=None, on_fail=None)
    assert [one for one in results if one["status"] == "failed"] == []


def test_pipeline(features: headstart.Features, paths: list[Path], labels: list[str]) -> None:
    pipe = make_pipeline(features, StandardScaler(), headstart.HeadClassifier(epochs=5))
    pipe.fit(paths, labels)
    assert pipe.score(paths, labels) > 0.9
    said = pipe.predict_proba([paths[0].read_bytes()])
    assert said.shape == (1, 3) and said[0].argmax() == 0
    assert list(pipe[:-1].get_feature_names_out()[:2]) == ["features0", "features1"]


def test_cross_validation_in_processes(features: headstart.Features, paths: list[Path], labels: list[str]) -> None:
    pipe = make_pipeline(features, headstart.HeadClassifier(epochs=5))
    scores = cross_val_score(pipe, paths, labels, cv=StratifiedKFold(4), n_jobs=2)
    assert scores.shape == (4,) and scores.mean() > 0.9


def test_grid_search(features: headstart.Features, paths: list[Path], labels: list[str]) -> None:
    pipe = make_pipeline(features, headstart.HeadClassifier(epochs=3))
    grid = {"headclassifier__hidden": [(), (16,)], "features__views": [None]}
    found = GridSearchCV(pipe, grid, cv=2).fit(paths, labels)
    assert found.best_params_["headclassifier__hidden"] in [(), (16,)]
    assert found.predict(paths[:1])[0] == labels[0]


def test_a_column_of_a_table(
    features: headstart.Features, rows: np.ndarray, paths: list[Path], labels: list[str]
) -> None:
    frame = pd.DataFrame({"path": [str(path) for path in paths], "size": np.arange(len(paths), dtype=float)})
    for column in ("path", ["path"]):
        columns = make_column_transformer((features, column), ("passthrough", ["size"]))
        found = columns.fit_transform(frame)
        np.testing.assert_array_equal(found[:, :-1].astype(np.float32), rows)
    columns = make_column_transformer((features, ["path"]), (StandardScaler(), ["size"]))
    pipe = make_pipeline(columns, LogisticRegression(max_iter=200)).fit(frame, labels)
    assert pipe.score(frame, labels) == 1.0
    with pytest.raises(headstart.DataError, match="one column"):
        features.transform(frame)


def test_output_as_a_table(features: headstart.Features, paths: list[Path]) -> None:
    frame = clone(features).set_output(transform="pandas").fit_transform(paths[:2])
    assert isinstance(frame, pd.DataFrame)
    assert frame.shape == (2, 2048) and list(frame.columns[:2]) == ["features0", "features1"]
    index = pd.Series([str(path) for path in paths[:2]], index=["a", "b"])
    assert list(clone(features).set_output(transform="pandas").fit_transform(index).index) == ["a", "b"]


def test_clones_are_alike(features: headstart.Features) -> None:
    features.fit()
    copy = clone(features)
    assert copy.get_params() == features.get_params() and not hasattr(copy, "backbone_")
    head = headstart.HeadClassifier(hidden=(8, 4), class_weight={"a": 2.0}, settings={"schedule": "cosine"})
    assert clone(head).get_params() == head.get_params()
    assert clone(headstart.ImageClassifier(shots=3)).get_params()["shots"] == 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("hidden", "256"),
        ("hidden", (1.5,)),
        ("hidden", (0,)),
        ("hidden", None),
        ("epochs", 1.5),
        ("epochs", -1),
        ("batch_size", "64"),
        ("patience", True),
        ("dropout", "half"),
        ("random_state", -1),
    ],
)
def test_a_setting_that_is_no_number_is_refused_by_its_name(parameter: str, value: object) -> None:
    rows, labels = np.eye(4, dtype=np.float32), ["a", "a", "b", "b"]
    with pytest.raises(headstart.SettingError, match=f"`{parameter}` must be"):
        headstart.HeadClassifier(**{parameter: value}).fit(rows, labels)
