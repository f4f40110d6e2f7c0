"""Write heads of Keras as safetensors files, and what Keras says of some features: keras_*.safetensors and keras.json, beside this script.

    python make_keras.py

Needs tensorflow, keras and safetensors. Same seed, same files.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import safetensors
import safetensors.numpy
from keras import layers

SEED = 11
INPUTS = 12
HERE = Path(__file__).parent


def heads():
    yield "two", "relu", keras.Sequential(
        [layers.Input((INPUTS,)), layers.Dense(8, "relu", name="hidden"), layers.Dropout(0.5), layers.Dense(5, "softmax", name="answer")]
    )
    # As many units as inputs, so that shapes do not tell, and names that only Keras gave.
    yield "three", "tanh", keras.Sequential(
        [layers.Input((INPUTS,)), layers.Dense(12, "tanh"), layers.Dense(12, "tanh"), layers.Dense(3)]
    )
    yield "linear", "relu", keras.Sequential([layers.Input((INPUTS,)), layers.Dense(4, "softmax", use_bias=False)])
    yield "sigmoid", "sigmoid", keras.Sequential(
        [layers.Input((INPUTS,)), layers.Dense(6, "sigmoid"), layers.Dense(1, "sigmoid")]
    )


def main():
    keras.utils.set_random_seed(SEED)
    features = np.random.default_rng(SEED).normal(size=(16, INPUTS)).astype(np.float32)
    cases = []
    for name, activation, model in heads():
        for weight in model.weights:
            # Fresh biases are zero, and would not be missed.
            weight.assign(weight + 0.3 * keras.random.normal(weight.shape))
        said = np.asarray(model(features, training=False), np.float32)
        if name == "three":
            said = np.asarray(keras.ops.softmax(said))
        if name == "sigmoid":
            said = np.concatenate([1 - said, said], axis=1)
        # `weight.path` is what Keras calls it: `hidden/kernel`.
        tensors = {weight.path: np.asarray(weight) for weight in model.weights}
        safetensors.numpy.save_file(tensors, HERE / f"keras_{name}.safetensors")
        cases.append({"file": f"keras_{name}.safetensors", "activation": activation, "probabilities": said.tolist()})
    versions = {"keras": keras.__version__, "safetensors": safetensors.__version__, "backend": keras.backend.backend()}
    made = {"script": "tests/golden/import_head/make_keras.py", "versions": versions, "seed": SEED}
    text = json.dumps({"made_by": made, "features": features.tolist(), "cases": cases})
    (HERE / "keras.json").write_text(text.replace("], [", "],\n[") + "\n")


main()
