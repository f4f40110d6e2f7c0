"""Print a JSON file: logits and labels, and the temperature that SciPy and scikit-learn fit to them.

    python make_calibration.py > calibration_sklearn.json

Needs numpy, scipy and scikit-learn 1.8 or later. Same seed, same file.
"""

import json

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import norm
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

SEED = 6


def draw(rng, rows, classes, sharpness, scale, absent=()):
    """Labels that follow the softmax of some logits, and these logits times `scale`: the temperature is near `scale`."""
    logits = rng.normal(size=(rows, classes)) * sharpness
    if absent:
        logits[:, list(absent)] -= 50
    chances = softmax(logits, axis=1)
    labels = np.array([rng.choice(classes, p=row) for row in chances])
    return (logits * scale).astype(np.float32), labels


def cases():
    rng = np.random.default_rng(SEED)
    yield "too sure", *draw(rng, 120, 4, 2.0, 2.5)
    yield "not sure enough", *draw(rng, 90, 3, 2.0, 0.3)
    yield "two classes", *draw(rng, 60, 2, 1.5, 1.0)
    yield "absent class", *draw(rng, 80, 4, 1.5, 4.0, absent=[2])
    yield "far too sure", *draw(rng, 60, 3, 1.0, 60.0)
    yield "ten classes", *draw(rng, 200, 10, 2.0, 1.7)


def loss(temperature, logits, labels):
    return -log_softmax(logits / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def fitted(logits, labels):
    """By Brent's method on the logarithm of the temperature."""
    found = minimize_scalar(lambda t: loss(np.exp(t), logits, labels), bracket=(-1.0, 1.0), tol=1e-14)
    return float(np.exp(found.x))


def interval(temperature, logits, labels):
    """From the second difference of the summed loss in the logarithm of the temperature."""
    h, at = 1e-4, np.log(temperature)
    total = lambda t: loss(np.exp(t), logits, labels) * len(labels)
    curvature = (total(at + h) - 2 * total(at) + total(at - h)) / h**2
    spread = norm.ppf(0.975) / np.sqrt(curvature)
    return [float(temperature * np.exp(-spread)), float(temperature * np.exp(spread))]


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose decision function is its input."""

    def __init__(self, classes):
        self.classes = classes

    def fit(self, x, y):
        self.classes_ = np.arange(self.classes)
        return self

    def decision_function(self, x):
        return x

    def predict(self, x):
        return x.argmax(axis=1)


def by_scikit_learn(logits, labels):
    """Probabilities after its own temperature scaling, which searches within 1e-8."""
    given = Given(logits.shape[1]).fit(logits, labels)
    scaled = CalibratedClassifierCV(FrozenEstimator(given), method="temperature").fit(logits, labels)
    return scaled.predict_proba(logits)


def calibration_error(labels, probabilities, bins=15):
    confidence, correct = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = 0.0
    for bin in range(bins):
        inside = (confidence > bin / bins) & (confidence <= (bin + 1) / bins)
        if inside.any():
            error += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return float(error)


def figures(probabilities, labels):
    classes = list(range(probabilities.shape[1]))
    onehot = np.eye(len(classes))[labels]
    # The clip that scikit-learn uses for float32.
    eps = float(np.finfo(np.float32).eps)
    clipped = np.clip(probabilities, eps, 1 - eps)
    clipped /= clipped.sum(axis=1, keepdims=True)
    return {
        "log_loss": float(metrics.log_loss(labels, clipped, labels=classes)),
        "brier": float(((probabilities - onehot) ** 2).sum(axis=1).mean()),
        "calibration_error": calibration_error(labels, probabilities),
    }


def describe(name, logits, labels):
    exact = logits.astype(np.float64)
    temperature = fitted(exact, labels)
    after = softmax(exact / temperature, axis=1)
    if len(set(labels)) == exact.shape[1] > 2:
        judged = by_scikit_learn(exact, labels)
        assert np.abs(judged - after).max() < 1e-5, (name, np.abs(judged - after).max())
    return {
        "name": name,
        "logits": [[float(cell) for cell in row] for row in logits],
        "labels": labels.tolist(),
        "temperature": temperature,
        "interval": interval(temperature, exact, labels),
        "before": figures(softmax(exact, axis=1), labels),
        "after": figures(after, labels),
    }


def main():
    versions = {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__}
    made = {"script": "tests/golden/make_calibration.py", "versions": versions, "seed": SEED}
    lines = ",\n".join(json.dumps(describe(*case)) for case in cases())
    print(f'{{"made_by": {json.dumps(made)},\n"cases": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
