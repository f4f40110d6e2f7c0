"""Write adam_keras.csv: steps of Keras' own Adam on given gradients.

Usage: python make_adam.py > adam_keras.csv

Two settings: the defaults, and a large epsilon with a large rate. The three gradients of a step are an
ordinary one, one near epsilon (where it matters that epsilon joins the root of the uncorrected moment), and one
that changes its sign or is zero.

Keras passes the betas through float32 even when it computes in float64, so in float64 both sides are given
settings that float32 holds exactly; in float32 they are what a user types.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

SEED = 20250711
SETTINGS = [(1e-3, 0.9, 0.999, 1e-7), (3e-2, 0.9, 0.999, 1e-3)]
STEPS = 20

print(f"# make_adam.py; keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}; seed {SEED}")
print("# dtype,step,learning_rate,beta_1,beta_2,epsilon,g0,g1,g2,p0,p1,p2 (step 0: where the parameters start)")
for dtype in ["float64", "float32"]:
    keras.config.set_floatx(dtype)
    for settings in SETTINGS:
        if dtype == "float64":
            settings = [float(np.float32(setting)) for setting in settings]
        learning_rate, beta_1, beta_2, epsilon = settings
        rng = np.random.default_rng(SEED)
        start = np.array([1.0, -2.0, 0.5], dtype)
        params = keras.Variable(start, dtype=dtype)
        adam = keras.optimizers.Adam(learning_rate, beta_1, beta_2, epsilon)
        rows = [(np.zeros(3, dtype), start)]
        for step in range(1, STEPS + 1):
            size = np.array([1.0, 1e-7, 0.1 * (step % 3 - 1)])
            gradient = (rng.normal(size=3) * size).astype(dtype)
            adam.apply([tf.constant(gradient)], [params])
            rows.append((gradient, params.numpy()))
        for step, (gradient, values) in enumerate(rows):
            cells = [step, *settings, *gradient, *values]
            print(",".join([dtype, *map(str, cells)]))
