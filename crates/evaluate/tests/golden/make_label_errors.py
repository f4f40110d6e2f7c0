"""Rows that cleanlab thinks mislabelled, for src/evaluate/label_errors.rs.

    python make_label_errors.py > label_errors_cleanlab.json

Made with cleanlab 2.9.0, numpy 2.4.6.
Probabilities are rounded to six decimals before cleanlab sees them, so that both read the same numbers.
"""

import json
import sys

import numpy as np
from cleanlab.filter import find_label_issues


def case(rng, rows, classes, wrong, sharpness, absent=None):
    """Rows that lean towards their true class; a part of the labels is drawn anew."""
    usable = [c for c in range(classes) if c != absent]
    true = rng.choice(usable, rows, p=rng.dirichlet(np.full(len(usable), 3.0)))
    labels = true.copy()
    moved = rng.random(rows) < wrong
    labels[moved] = rng.choice(usable, moved.sum())
    # Every class that may occur does: cleanlab wants labels without gaps below the largest.
    labels[: len(usable)] = usable
    logits = rng.normal(size=(rows, classes)) + sharpness * np.eye(classes)[true] * rng.random((rows, 1)) * 2
    odds = np.exp(logits)
    probabilities = np.round(odds / odds.sum(axis=1, keepdims=True), 6).astype(np.float32)
    issues = find_label_issues(
        labels=labels,
        pred_probs=probabilities.astype(np.float64),
        filter_by="confident_learning",
        return_indices_ranked_by="self_confidence",
        n_jobs=1,
    )
    shown = [[round(float(p), 6) for p in row] for row in probabilities]
    return {"labels": labels.tolist(), "probabilities": shown, "issues": issues.tolist()}


rng = np.random.default_rng(6)
cases = [
    case(rng, 80, 2, 0.15, 1.5),
    case(rng, 120, 4, 0.10, 2.5),
    # The last class occurs in no label.
    case(rng, 100, 5, 0.20, 2.0, absent=4),
    # Hardly better than chance.
    case(rng, 100, 6, 0.30, 0.5),
]
json.dump(cases, sys.stdout, separators=(",", ":"))
print()
