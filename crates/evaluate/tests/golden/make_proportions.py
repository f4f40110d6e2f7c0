"""Intervals of shares, for src/evaluate/proportion.rs.

    pip install scipy==1.17.1 statsmodels==0.15.0
    python tests/golden/make_proportions.py > tests/golden/proportions.json

`wilson`: statsmodels' own. `mean`: Zou and Donner's MOVER over these. `paired`: Newcombe's method 10 over these, with the
coefficient phi as SciPy's `association` gives it (its square is chi2 / n), corrected for continuity as the paper does.
"""

import json
from math import sqrt

import numpy as np
import scipy
import statsmodels
from scipy.stats.contingency import association
from statsmodels.stats.proportion import proportion_confint


def wilson(part, whole):
    low, high = proportion_confint(part, whole, alpha=0.05, method="wilson")
    return [float(low), float(high)]


def mean(shares):
    p = np.array([part / whole for part, whole in shares])
    low, high = np.array([wilson(*share) for share in shares]).T
    middle, n = p.mean(), len(shares)
    ends = [middle - sqrt(((p - low) ** 2).sum()) / n, middle + sqrt(((high - p) ** 2).sum()) / n]
    return [float(np.clip(end, 0, 1)) for end in ends]


def paired(both, only_a, only_b, neither):
    n = both + only_a + only_b + neither
    a, b = (both + only_a) / n, (both + only_b) / n
    (low_a, high_a), (low_b, high_b) = wilson(both + only_a, n), wilson(both + only_b, n)
    table = np.array([[both, only_a], [only_b, neither]])
    if 0 in table.sum(axis=0) or 0 in table.sum(axis=1):
        phi = 0.0
    else:
        # Cramer's V of a 2x2 table is |phi|.
        sign = both * neither - only_a * only_b
        phi = association(table, method="cramer") * (1 if sign > 0 else -1)
        if sign > 0:
            phi *= max(sign - n / 2, 0) / sign
    def distance(x, y):
        return sqrt(max(x * x - 2 * phi * x * y + y * y, 0))
    return [
        max(b - a - distance(high_a - a, b - low_b), -1.0),
        min(b - a + distance(a - low_a, high_b - b), 1.0),
    ]


SHARES = [(part, whole) for whole in (1, 2, 5, 12, 100) for part in sorted({0, 1, whole // 2, whole - 1, whole})]
SHARES += [(7, 9), (996, 1000), (59_999, 60_000), (1, 10_000_000)]
MEANS = [[(12, 12)], [(6, 6), (6, 6)], [(5, 6), (90, 100), (0, 3)], [(0, 4), (0, 9)], [(1, 1)] * 7]
PAIRS = [
    [12, 0, 0, 0], [0, 0, 0, 12], [36, 12, 2, 0], [2, 12, 2, 34], [100, 10, 1, 89], [0, 3, 5, 0], [5, 1, 0, 1],
    [9000, 120, 180, 700], [0, 7, 0, 0], [3, 4, 5, 6],
]
print(json.dumps({
    "made_by": f"statsmodels {statsmodels.__version__}, scipy {scipy.__version__}, numpy {np.__version__}",
    "wilson": [{"part": k, "whole": n, "interval": wilson(k, n)} for k, n in SHARES],
    "mean": [{"shares": shares, "interval": mean(shares)} for shares in MEANS],
    "paired": [{"counts": counts, "interval": paired(*counts)} for counts in PAIRS],
}, indent=1))
