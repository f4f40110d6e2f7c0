"""Write trajectory_keras.json: whole trainings of a small head in Keras.

Usage: python make_trajectory.py > trajectory_keras.json

Dense(8, relu) - [given dropout mask] - Dense(4) on 23 rows of 12 features, three epochs in batches of five (the
last has three rows), rows in the given order. Each case is run in float64 and in float32 from the same initial
weights. Keras passes Adam's betas and SGD's momentum through float32 even in float64, so all settings are numbers
that float32 holds exactly. Masks are given, not drawn, because no two libraries draw alike.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

SEED = 20250713
ROWS, FEATURES, HIDDEN, CLASSES = 23, 12, 8, 4
EPOCHS, BATCH, RATE = 3, 5, 0.25

rng = np.random.default_rng(SEED)


def float32(array):
    """Numbers that both precisions hold exactly."""
    return np.asarray(array, np.float32).astype(np.float64)


x = float32(rng.normal(size=(ROWS, FEATURES)))
labels = rng.integers(CLASSES, size=ROWS)
initial = [
    float32(rng.normal(size=(FEATURES, HIDDEN)) * 0.4),
    float32(np.zeros((1, HIDDEN))),
    float32(rng.normal(size=(HIDDEN, CLASSES)) * 0.4),
    float32(np.zeros((1, CLASSES))),
]
masks = float32((rng.random((EPOCHS, ROWS, HIDDEN)) >= RATE) / (1 - RATE))

adam = {"learning_rate": 2**-7, "beta_1": 0.875, "beta_2": 1 - 2**-10, "epsilon": 2**-23}
sgd = {"learning_rate": 2**-4, "momentum": 0.875}
OPTIMIZERS = {
    "adam": lambda: keras.optimizers.Adam(**adam),
    "sgd momentum": lambda: keras.optimizers.SGD(**sgd),
    "sgd nesterov": lambda: keras.optimizers.SGD(**sgd, nesterov=True),
}


def run(dtype, optimizer, dropout):
    keras.config.set_floatx(dtype)
    hidden = keras.layers.Dense(HIDDEN, activation="relu", dtype=dtype)
    output = keras.layers.Dense(CLASSES, dtype=dtype)
    hidden.build((None, FEATURES))
    output.build((None, HIDDEN))
    hidden.set_weights([initial[0], initial[1][0]])
    output.set_weights([initial[2], initial[3][0]])
    weights = hidden.trainable_weights + output.trainable_weights
    optimizer = OPTIMIZERS[optimizer]()
    loss_of = keras.losses.CategoricalCrossentropy(from_logits=True, dtype=dtype)
    losses = []
    for epoch in range(EPOCHS):
        for start in range(0, ROWS, BATCH):
            rows = slice(start, start + BATCH)
            one_hot = np.eye(CLASSES)[labels[rows]].astype(dtype)
            with tf.GradientTape() as tape:
                units = hidden(x[rows].astype(dtype))
                if dropout:
                    units = units * masks[epoch, rows].astype(dtype)
                loss = loss_of(one_hot, output(units))
            optimizer.apply(tape.gradient(loss, weights), weights)
            losses.append(float(loss))
    last = [np.atleast_2d(w.numpy()).astype(np.float64).tolist() for w in weights]
    return {"losses": losses, "weights": last}


cases = [
    {"optimizer": optimizer, "dropout": dropout}
    | {dtype: run(dtype, optimizer, dropout) for dtype in ["float64", "float32"]}
    for optimizer, dropout in [("adam", False), ("adam", True), ("sgd momentum", False), ("sgd nesterov", True)]
]
json.dump(
    {
        "made_by": "make_trajectory.py",
        "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__},
        "seed": SEED,
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "settings": {"adam": adam, "sgd": sgd},
        "x": x.tolist(),
        "labels": labels.tolist(),
        "initial": [w.tolist() for w in initial],
        "masks": masks.tolist(),
        "cases": cases,
    },
    sys.stdout,
)
