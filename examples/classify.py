"""Classify images with a file that `headstart export RUN -o classifier.onnx --with-preprocessing` wrote.

    pip install onnxruntime pillow numpy
    python classify.py classifier.onnx photo.jpg …
"""
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

session = onnxruntime.InferenceSession(sys.argv[1])
classes = json.loads(session.get_modelmeta().custom_metadata_map["headstart.labels"])
[pixels] = session.get_inputs()
for path in sys.argv[2:]:
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    # Transparency is laid over white, as the recipe of most backbones says.
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    probabilities = session.run(None, {pixels.name: np.asarray(image)[np.newaxis]})[0][0]
    best = np.argsort(-probabilities)[:3]
    print(f"{path}:", ", ".join(f"{classes[i]} {probabilities[i]:.4f}" for i in best))
