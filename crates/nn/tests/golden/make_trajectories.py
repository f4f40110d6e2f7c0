"""Write trajectories_keras.json: a hundred steps of a small head in Keras under each setting of a training.

Usage: python make_trajectories.py > trajectories_keras.json

Dense(8, relu) - [given dropout mask] - Dense(4) on 64 rows of 12 features; step s of batch size b takes the rows
s b, s b + 1, ..., counted round. Each case is run in batches of 32 and of 1, in float64 and in float32, from the
same initial weights. Masks are given, not drawn, because no two libraries draw alike.

Even where Keras computes in float64, some settings pass through float32 on their way (betas, momentum, weight
decay, decay rate, L2, the warm-up's target). So all settings are numbers that float32 holds exactly; and a schedule,
which would be computed in float32 whatever else is not, gets its rate as a tensor of the precision at hand.

Rates of SGD are small: with ten times as much, single rows throw the weights about so that two computations which
round differently part within a hundred steps.

What the callbacks decide is asked of the callbacks themselves, on given figures: `ReduceLROnPlateau` in the case
of that name, `EarlyStopping` in a list of its own.
"""

import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

SEED = 20250714
ROWS, FEATURES, HIDDEN, CLASSES = 64, 12, 8, 4
STEPS, SAVED, RATE = 100, [10, 100], 0.25
STEPS_PER_EPOCH = 5  # of the plateau's epochs

rng = np.random.default_rng(SEED)


def sixtyfourths(array):
    """Numbers that both precisions hold exactly, and that are short to write."""
    return np.round(np.asarray(array) * 64) / 64


labels = rng.integers(CLASSES, size=ROWS)
x = sixtyfourths(rng.normal(size=(ROWS, FEATURES)) + np.eye(FEATURES)[labels])
initial = [
    sixtyfourths(rng.normal(size=(FEATURES, HIDDEN)) * 0.4),
    np.zeros((1, HIDDEN)),
    sixtyfourths(rng.normal(size=(HIDDEN, CLASSES)) * 0.4),
    np.zeros((1, CLASSES)),
]
kept = (rng.random((STEPS, 32, HIDDEN)) >= RATE).astype(int)
# As dropout scales what it keeps, rounded so that both precisions have the same.
SCALE = float(np.float32(1 / (1 - RATE)))
# Figures for the plateau to look at: they fall, stand, fall by less than min_delta, rise.
plateau_figures = [8, 7, 6, 6, 6, 6, 5.75, 5.75, 5.75, 5.75, 4, 4.5, 5, 5, 5, 5, 5, 3, 3, 3]

adam = {"learning_rate": 2**-6, "beta_1": 0.875, "beta_2": 1 - 2**-10, "epsilon": 2**-23}
sgd = {"learning_rate": 2**-7, "momentum": 0.875}
cosine = {"decay_steps": 70, "alpha": 0.125}
exponential = {"decay_steps": 20, "decay_rate": 0.75}
warmup = {"warmup_steps": 16, "warmup_from": 2**-10}
plateau = {"factor": 0.5, "patience": 2, "min_delta": 0.5, "cooldown": 1, "min_lr": 2**-9 + 2**-11}

# Every setting under the name it has there; what is absent is not in force.
CASES = [
    {"optimizer": "adam"} | adam,
    {"optimizer": "sgd"} | sgd,
    {"optimizer": "adamw", "weight_decay": 2**-4} | adam,
    {"optimizer": "sgd", "weight_decay": 2**-4} | sgd,
    {"optimizer": "adam", "label_smoothing": 0.125} | adam,
    {"optimizer": "adam", "class_weight": [0.5, 2.0, 1.25, 0.75]} | adam,
    {"optimizer": "adam", "l2": 2**-5} | adam,
    {"optimizer": "sgd", "clipnorm": 0.25} | sgd,
    {"optimizer": "sgd", "global_clipnorm": 0.5} | sgd,
    {"optimizer": "sgd", "clipvalue": 2**-5} | sgd,
    {"optimizer": "adam", "schedule": "cosine"} | adam | cosine,
    {"optimizer": "adam", "schedule": "cosine"} | adam | cosine | warmup,
    {"optimizer": "sgd", "schedule": "exponential"} | sgd | exponential,
    {"optimizer": "adam", "schedule": "exponential", "staircase": True} | adam | exponential,
    {"optimizer": "adam", "schedule": "constant"} | adam | warmup,
    {"optimizer": "sgd", "schedule": "plateau"} | sgd | {"plateau_" + name: value for name, value in plateau.items()},
    {
        "optimizer": "adamw",
        "weight_decay": 2**-4,
        "label_smoothing": 0.125,
        "class_weight": [0.5, 2.0, 1.25, 0.75],
        "l2": 2**-5,
        "global_clipnorm": 0.5,
        "schedule": "cosine",
    }
    | adam
    | cosine
    | warmup,
]


def schedule_of(dtype, case):
    schedules, rate = keras.optimizers.schedules, case["learning_rate"]
    start = {"initial_learning_rate": tf.constant(rate, dtype)}
    if "warmup_steps" in case:
        start = {
            "initial_learning_rate": tf.constant(case["warmup_from"], dtype),
            "warmup_target": rate,
            "warmup_steps": case["warmup_steps"],
        }
    match case.get("schedule"):
        case "cosine":
            return schedules.CosineDecay(**start, decay_steps=case["decay_steps"], alpha=case["alpha"])
        case "constant":
            # Keras warms up only here; with alpha 1 nothing decays.
            return schedules.CosineDecay(**start, decay_steps=1, alpha=1.0)
        case "exponential":
            return schedules.ExponentialDecay(
                **start, **{name: case[name] for name in exponential}, staircase=case.get("staircase", False)
            )
    return rate


def optimizer_of(dtype, case):
    names = ["weight_decay", "clipnorm", "global_clipnorm", "clipvalue", "momentum", "beta_1", "beta_2", "epsilon"]
    settings = {name: case[name] for name in names if name in case}
    kinds = {"adam": keras.optimizers.Adam, "adamw": keras.optimizers.AdamW, "sgd": keras.optimizers.SGD}
    return kinds[case["optimizer"]](schedule_of(dtype, case), **settings)


class Stub:
    """All that a callback asks of a model."""

    def __init__(self, optimizer=None):
        self.optimizer, self.stop_training, self.weights = optimizer, False, None

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = weights


def run(dtype, batch, case):
    keras.config.set_floatx(dtype)
    l2 = keras.regularizers.L2(case["l2"]) if "l2" in case else None
    hidden = keras.layers.Dense(HIDDEN, activation="relu", kernel_regularizer=l2, dtype=dtype)
    output = keras.layers.Dense(CLASSES, kernel_regularizer=l2, dtype=dtype)
    hidden.build((None, FEATURES))
    output.build((None, HIDDEN))
    hidden.set_weights([initial[0], initial[1][0]])
    output.set_weights([initial[2], initial[3][0]])
    weights = hidden.trainable_weights + output.trainable_weights
    optimizer = optimizer_of(dtype, case)
    reduce = keras.callbacks.ReduceLROnPlateau(monitor="val_loss", **plateau)
    reduce.set_model(Stub(optimizer))
    reduce.on_train_begin()
    loss_of = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=case.get("label_smoothing", 0.0), dtype=dtype
    )
    losses, saved = [], []
    for step in range(STEPS):
        rows = np.arange(step * batch, (step + 1) * batch) % ROWS
        one_hot = np.eye(CLASSES)[labels[rows]].astype(dtype)
        sample_weight = np.array(case["class_weight"], dtype)[labels[rows]] if "class_weight" in case else None
        with tf.GradientTape() as tape:
            units = hidden(x[rows].astype(dtype)) * (kept[step, :batch] * SCALE).astype(dtype)
            loss = loss_of(one_hot, output(units), sample_weight=sample_weight)
            loss = tf.add_n([loss, *hidden.losses, *output.losses])
        optimizer.apply(tape.gradient(loss, weights), weights)
        losses.append(loss.numpy())
        if case.get("schedule") == "plateau" and (step + 1) % STEPS_PER_EPOCH == 0:
            epoch = step // STEPS_PER_EPOCH
            reduce.on_epoch_end(epoch, {"val_loss": plateau_figures[epoch]})
        if step + 1 in SAVED:
            saved.append([shortest(np.atleast_2d(w.numpy())) for w in weights])
    return {"losses": shortest(np.array(losses)), "weights": saved}


def shortest(array):
    """Numbers with as many digits as their own precision needs."""
    return [shortest(row) for row in array] if array.ndim else json.loads(str(array[()]))


def early_stopping(monitor, min_delta, patience, figures):
    """The epoch after which Keras stops (or none) and the one whose weights it restores, counted from 1."""
    model = Stub()
    mode = "min" if monitor.endswith("loss") else "max"
    callback = keras.callbacks.EarlyStopping(monitor, min_delta, patience, mode=mode, restore_best_weights=True)
    callback.set_model(model)
    callback.on_train_begin()
    stopped = None
    for epoch, figure in enumerate(figures):
        model.weights = epoch + 1
        callback.on_epoch_end(epoch, {monitor: figure})
        if model.stop_training:
            stopped = epoch + 1
            break
    callback.on_train_end()
    case = {"monitor": monitor, "min_delta": min_delta, "patience": patience, "figures": figures}
    return case | {"stopped": stopped, "best": model.weights}


down = sixtyfourths([1.5, 1.25, 1.25, 1.125, 1.125, 1.0, 1.25, 1.0, 1.125, 0.75, 0.875, 0.875, 0.75, 0.875])
up = sixtyfourths(2 - down)
stops = [
    early_stopping(monitor, min_delta, patience, figures.tolist())
    for monitor, figures in [("val_loss", down), ("val_accuracy", up), ("loss", up), ("accuracy", down)]
    for min_delta in [0.0, 0.125, 0.1875]
    for patience in [0, 1, 2, 3, 5]
]
cases = [
    {"settings": case, "batch_size": batch} | {dtype: run(dtype, batch, case) for dtype in ["float64", "float32"]}
    for case in CASES
    for batch in [32, 1]
]
golden = {
    "made_by": "make_trajectories.py",
    "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__},
    "seed": SEED,
    "saved_after_steps": SAVED,
    "plateau": {"steps_per_epoch": STEPS_PER_EPOCH, "figures": plateau_figures},
    "x": x.tolist(),
    "labels": labels.tolist(),
    "initial": [w.tolist() for w in initial],
    "mask_scale": SCALE,
    # One text a step, one character a unit, row after row.
    "kept": ["".join(map(str, step.ravel())) for step in kept],
    "early_stopping": stops,
    "cases": cases,
}
json.dump(golden, sys.stdout, separators=(",", ":"))
