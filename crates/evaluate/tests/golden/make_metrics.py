"""Print a JSON file: small sets of probabilities, and what scikit-learn says of each.

    python make_metrics.py > metrics_sklearn.json

Needs numpy and scikit-learn. Same seed, same file.
"""

import json
import math
import warnings

import numpy as np
import sklearn
from sklearn import metrics

SEED = 20


def draw(rng, labels, classes, sharpness, bias=None):
    """Probabilities that lean towards the label, rounded to float32."""
    logits = rng.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += sharpness
    if bias is not None:
        logits += bias
    exp = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (exp / exp.sum(axis=1, keepdims=True)).astype(np.float32)


def cases():
    rng = np.random.default_rng(SEED)
    # Rows and columns of the confusion differ, and so do the supports: exchanging precision and recall shows.
    labels = rng.choice(4, size=60, p=[0.55, 0.25, 0.15, 0.05])
    yield "asymmetric", labels, draw(rng, labels, 4, 0.8, bias=np.array([0.0, 0.9, 0.0, -0.4]))
    labels = rng.choice([0, 1, 3], size=40)
    yield "absent class", labels, draw(rng, labels, 4, 0.6)
    labels = rng.choice(3, size=40)
    yield "never predicted class", labels, draw(rng, labels, 3, 1.0, bias=np.array([0.0, -9.0, 0.0]))
    labels = rng.choice([0, 1], size=30)
    yield "absent and never predicted", labels, draw(rng, labels, 3, 1.0, bias=np.array([0.0, 0.0, -9.0]))
    labels = rng.choice(2, size=50, p=[0.8, 0.2])
    yield "two classes", labels, draw(rng, labels, 2, 1.5)
    # Two and three classes share the top; the label is the first, the second, or another.
    tied = np.array([[0.5, 0.5, 0, 0], [0.5, 0.5, 0, 0], [0.25, 0.25, 0.25, 0.25], [0.125, 0.375, 0.375, 0.125]])
    yield "ties", np.array([0, 1, 3, 0]), tied.astype(np.float32)
    # Certain and right, certain and wrong: the logarithm is clipped.
    sure = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0], [0.2, 0.3, 0.5]])
    yield "certain", np.array([0, 1, 2, 2]), sure.astype(np.float32)
    labels = rng.choice(10, size=200)
    yield "ten classes", labels, draw(rng, labels, 10, 2.0)


def calibration_error(labels, probabilities, bins):
    """Guo et al. 2017: mean of |accuracy - confidence| over equal bins (lower, upper], weighted by their counts."""
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    error = 0.0
    for bin in range(bins):
        inside = (confidence > bin / bins) & (confidence <= (bin + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return error


def areas(labels, exact, names):
    """Area under the ROC curve of each class against the others, their mean, and of all probabilities together."""
    onehot = np.eye(len(names))[labels]
    by_class = [metrics.roc_auc_score(onehot[:, c], exact[:, c]) if len(set(onehot[:, c])) == 2 else math.nan for c in names]
    mean = float(np.nanmean(by_class)) if not all(map(math.isnan, by_class)) else math.nan
    if len(names) > 2 and set(labels) == set(names):
        sums = exact / exact.sum(axis=1, keepdims=True)
        judged = metrics.roc_auc_score(labels, sums, multi_class="ovr", average="macro", labels=names)
        # Dividing by the sum of float32 numbers may change an order; the cases are drawn so that it does not.
        assert abs(judged - mean) < 1e-12, (judged, mean)
    micro = metrics.roc_auc_score(onehot.ravel(), exact.ravel())
    return {"classes": [number(area) for area in by_class], "macro": number(mean), "micro": number(micro)}


def number(value):
    """JSON has no NaN: what is not defined is null."""
    return None if math.isnan(value) else float(value)


def averages(labels, predictions, names, zero_division):
    result = {}
    for average in ("macro", "weighted"):
        figures = metrics.precision_recall_fscore_support(
            labels, predictions, labels=names, average=average, zero_division=zero_division
        )
        result[average] = dict(zip(("precision", "recall", "f1"), map(number, figures[:3])))
    return result


def describe(name, labels, probabilities):
    classes = probabilities.shape[1]
    names = list(range(classes))
    exact = probabilities.astype(np.float64)
    predictions = probabilities.argmax(axis=1)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predictions, labels=names, zero_division=np.nan
    )
    # The clip that scikit-learn uses for float32, computed in float64.
    eps = float(np.finfo(np.float32).eps)
    onehot = np.eye(classes)[labels]
    clipped = np.clip(exact, eps, 1 - eps)
    log_loss = float(-np.log(clipped[np.arange(len(labels)), labels]).mean())
    if set(labels) != {0}:
        judged = metrics.log_loss(labels, probabilities, labels=names)
        assert abs(judged - log_loss) < 1e-5 * max(1, log_loss), (name, judged, log_loss)
    return {
        "name": name,
        "labels": labels.tolist(),
        "probabilities": [[float(cell) for cell in row] for row in probabilities],
        "predictions": predictions.tolist(),
        "confusion": metrics.confusion_matrix(labels, predictions, labels=names).tolist(),
        "accuracy": metrics.accuracy_score(labels, predictions),
        "balanced_accuracy": metrics.balanced_accuracy_score(labels, predictions),
        "precision": [number(value) for value in precision],
        "recall": [number(value) for value in recall],
        "f1": [number(value) for value in f1],
        "support": support.tolist(),
        "averages": averages(labels, predictions, names, np.nan),
        "averages_zero_division_0": averages(labels, predictions, names, 0),
        # scikit-learn breaks ties towards the last class, so it has no say where there are any.
        "top_2_accuracy": None
        if name in ("ties", "certain") or classes == 2
        else metrics.top_k_accuracy_score(labels, exact, k=2, labels=names),
        "log_loss": log_loss,
        "brier": metrics.brier_score_loss(onehot.argmax(axis=1), exact, labels=names, scale_by_half=False)
        if classes > 2
        else float(((exact - onehot) ** 2).sum(axis=1).mean()),
        "roc_auc": areas(labels, exact, names),
        "calibration_error_15": float(calibration_error(labels, exact, 15)),
    }


def main():
    warnings.simplefilter("ignore")
    versions = {"numpy": np.__version__, "scikit-learn": sklearn.__version__}
    made = {"script": "tests/golden/make_metrics.py", "versions": versions, "seed": SEED}
    lines = ",\n".join(json.dumps(describe(*case)) for case in cases())
    print(f'{{"made_by": {json.dumps(made)},\n"cases": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
