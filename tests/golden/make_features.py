"""Keras' own features for photographs, from the very weights that are converted.

    python make_features.py ResNet50/model.json labels.json ../../data/photos features_keras.csv features_pixels/

(needs the PyPI packages `tensorflow-cpu` and `pillow`). The network is built layer by layer from the description in model.json, because Keras 3
no longer reads descriptions of Keras 2. Photos are loaded as Keras does it by itself: stretched to 224x224 with Pillow's
bilinear filter. Their pixels are stored as PNG files, so that a test can start there, without a decoder or a resizer of its own.
"""

import csv
import json
import pathlib
import sys

import keras
import numpy as np
import PIL.Image
import tensorflow as tf

from tfjs_weights import read_weights

MEAN = np.float32([103.939, 116.779, 123.68])  # blue, green, red


def build(path):
    """The network with its weights; outputs are features and probabilities."""
    document = json.loads(path.read_text())
    topology = document["modelTopology"]["model_config"]["config"]
    weights = read_weights(path, document["weightsManifest"])
    known = {"name", "trainable", "filters", "kernel_size", "strides", "padding", "data_format", "dilation_rate",
             "activation", "use_bias", "axis", "momentum", "epsilon", "center", "scale", "pool_size", "units"}
    tensors, features = {}, None
    layers = []
    for entry in topology["layers"]:
        name, kind, config = entry["name"], entry["class_name"], entry["config"]
        if kind == "InputLayer":
            tensors[name] = source = keras.Input(config["batch_input_shape"][1:], name=name)
            continue
        settings = {key: value for key, value in config.items() if key in known}
        if kind == "BatchNormalization":
            settings["axis"] = config["axis"][0]
        layer = getattr(keras.layers, kind)(**settings)
        inputs = [tensors[call[0]] for call in entry["inbound_nodes"][0]]
        tensors[name] = layer(inputs if len(inputs) > 1 else inputs[0])
        layers.append((name, layer))
        if kind == "GlobalAveragePooling2D":
            features = tensors[name]
    for name, layer in layers:
        order = ("gamma", "beta", "moving_mean", "moving_variance", "kernel", "bias")
        values = [weights.pop(f"{name}/{part}") for part in order if f"{name}/{part}" in weights]
        if values:
            layer.set_weights(values)
    assert not weights, f"unused: {sorted(weights)}"
    return keras.Model(source, [features, tensors[topology["output_layers"][0][0]]])


def main(model_json, labels_json, photos, out, pixels_folder):
    model = build(pathlib.Path(model_json))
    labels = json.loads(pathlib.Path(labels_json).read_text())
    pixels_folder = pathlib.Path(pixels_folder)
    pixels_folder.mkdir(exist_ok=True)
    with open(out, "w", newline="") as file:
        print(f"# made by make_features.py with keras {keras.__version__}, tensorflow {tf.__version__}, "
              f"pillow {PIL.__version__}; no seed; photo, top-1 class, its probability, features", file=file)
        rows = csv.writer(file, lineterminator="\n")
        for path in sorted(pathlib.Path(photos).glob("*.jpg")):
            image = keras.utils.load_img(path, target_size=(224, 224), interpolation="bilinear")
            image.save(pixels_folder / f"{path.stem}.png", optimize=True)
            rgb = np.asarray(PIL.Image.open(pixels_folder / f"{path.stem}.png"))
            batch = (rgb[None, :, :, ::-1].astype(np.float32) - MEAN)
            expected = keras.applications.resnet50.preprocess_input(rgb[None].astype(np.float32))
            assert np.abs(batch - expected).max() < 1e-4
            features, probabilities = (x[0] for x in model.predict(batch, verbose=0))
            best = int(probabilities.argmax())
            # Nine digits are enough to get the same float32 back.
            rows.writerow([path.stem, labels[str(best)], f"{probabilities[best]:.6f}",
                           *(f"{x:.9g}" if x else "0" for x in features)])


if __name__ == "__main__":
    main(*sys.argv[1:])
