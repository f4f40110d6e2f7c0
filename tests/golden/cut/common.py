"""What the scripts of this folder share: the images that golden features are computed on, and how a case is written."""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MODELS = HERE / "models"


def images(shape):
    """Noise in [-1, 1) that any language makes alike: the multiplicative hash of the element's index."""
    index = np.arange(np.prod(shape), dtype=np.uint64)
    noise = (index * 2654435761) % 2**32 / 2**32 * 2 - 1
    return noise.astype(np.float32).reshape(shape)


def write_case(name, made_by, tensor, shape, features, classes=None, **more):
    """`tensor` is the one to be found, `features` what the framework itself computes on `images(shape)`."""
    case = {
        "made_by": made_by,
        "tensor": tensor,
        "classes": classes,
        "input": list(shape),
        "features": [[float(np.float32(x)) for x in row] for row in np.asarray(features)],
        **more,
    }
    (MODELS / f"{name}.json").write_text(json.dumps(case) + "\n")
    size = sum(file.stat().st_size for file in MODELS.glob(f"{name}.onnx*"))
    print(f"{name}: {tensor} {np.asarray(features).shape}, {size} bytes")
