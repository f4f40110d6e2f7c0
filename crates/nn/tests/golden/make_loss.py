"""Write loss_keras.csv: Keras' categorical cross-entropy on logits, and its gradient.

Usage: python make_loss.py > loss_keras.csv

Hard labels, soft labels, and logits so far apart that a softmax in float32 would be exactly 0 or 1.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf

SEED = 20250712

print(f"# make_loss.py; keras {keras.__version__}, tensorflow {tf.__version__}, numpy {np.__version__}; seed {SEED}")
print("# dtype,case,loss,then 5 rows of 4 logits, of labels, of gradients")
for dtype in ["float64", "float32"]:
    rng = np.random.default_rng(SEED)
    hard = np.eye(4)[rng.integers(4, size=5)]
    soft = rng.dirichlet(np.ones(4), size=5)
    for case, size, labels in [("hard", 1, hard), ("soft", 1, soft), ("far", 80, hard), ("far soft", 80, soft)]:
        logits = tf.constant((rng.normal(size=(5, 4)) * size).astype(dtype))
        labels = labels.astype(dtype)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = keras.losses.CategoricalCrossentropy(from_logits=True, dtype=dtype)(labels, logits)
        gradient = tape.gradient(loss, logits)
        cells = [loss.numpy(), *logits.numpy().ravel(), *labels.ravel(), *gradient.numpy().ravel()]
        print(",".join([dtype, case, *map(str, cells)]))
