"""The arrays of a TensorFlow.js layers model. Needs the PyPI package numpy."""

import math

import numpy as np


def read_weights(path, manifest):
    """Those of the `model.json` at `path` with this `weightsManifest`, by name, such as `conv1/kernel`."""
    weights = {}
    for group in manifest:
        data = b"".join((path.parent / name).read_bytes() for name in group["paths"])
        offset = 0
        for entry in group["weights"]:
            assert entry["dtype"] == "float32" and "quantization" not in entry
            count = math.prod(entry["shape"])
            weights[entry["name"]] = np.frombuffer(data, "<f4", count, offset).reshape(entry["shape"])
            offset += 4 * count
        assert offset == len(data)
    return weights
