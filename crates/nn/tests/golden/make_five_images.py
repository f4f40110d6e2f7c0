"""Write five_images.json and five_images.safetensors: the tutorial's loop as Keras runs it.

Usage: python make_five_images.py MODEL_JSON PHOTOS

MODEL_JSON is the TensorFlow.js layers model of ResNet50 (its shards beside it), PHOTOS the folder with the five
photographs and five.csv; the ten classes are those of photos.csv there, sorted. The loop is the tutorial's own: the frozen ResNet50 stands inside the model, which is
called with training=True on one image at a time. Besides the losses, the pooled features are kept, so that the
head alone can be compared where there is no backbone, and the initial weights of the head, rounded to numbers
that float16 holds so that both sides start from exactly the same ones.
"""

import csv
import json
import os
import struct
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import tensorflow as tf
from keras import layers

SEED = 20250714
CLASSES, HIDDEN, EPOCHS, RATE = 10, 256, 10, 1e-4
HERE = Path(__file__).parent


def layer(kind, config):
    """A layer of today's Keras from a description by Keras 2.2."""
    name = config["name"]
    match kind:
        case "ZeroPadding2D":
            return layers.ZeroPadding2D(config["padding"], name=name)
        case "Conv2D":
            keep = ["filters", "kernel_size", "strides", "padding", "use_bias", "activation"]
            return layers.Conv2D(**{key: config[key] for key in keep}, name=name)
        case "BatchNormalization":
            return layers.BatchNormalization(momentum=config["momentum"], epsilon=config["epsilon"], name=name)
        case "Activation":
            return layers.Activation(config["activation"], name=name)
        case "MaxPooling2D":
            keep = ["pool_size", "strides", "padding"]
            return layers.MaxPooling2D(**{key: config[key] for key in keep}, name=name)
        case "Add":
            return layers.Add(name=name)
        case "GlobalAveragePooling2D":
            return layers.GlobalAveragePooling2D(name=name)
    raise ValueError(f"layer {name} is a {kind}")


def resnet50(model_json):
    """The network up to the pooled features, with the weights of the file."""
    model = json.loads(model_json.read_text())
    values = {}
    description = []
    for described in model["modelTopology"]["model_config"]["config"]["layers"]:
        kind, config = described["class_name"], described["config"]
        if kind == "InputLayer":
            first = layers.Input(config["batch_input_shape"][1:])
            values[config["name"]] = first
        elif config["name"] != "fc1000":
            inputs = [values[source[0]] for source in described["inbound_nodes"][0]]
            last = layer(kind, config)(inputs if kind == "Add" else inputs[0])
            values[config["name"]] = last
            description.append(config["name"])
    network = keras.Model(first, last, name="resnet50")
    weights = read_weights(model["weightsManifest"], model_json.parent)
    for name in description:
        here = network.get_layer(name)
        # Keras names a weight by its last part: kernel, bias, gamma, beta, moving_mean, moving_variance.
        here.set_weights([weights[f"{name}/{weight.name}"] for weight in here.weights])
    return network


def read_weights(manifest, folder):
    weights = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for weight in group["weights"]:
            assert weight["dtype"] == "float32", weight
            count = int(np.prod(weight["shape"]))
            weights[weight["name"]] = np.frombuffer(data, "<f4", count, offset).reshape(weight["shape"])
            offset += 4 * count
        assert offset == len(data), "the shards hold what the manifest says"
    return weights


def glorot(rng, inputs, units):
    limit = np.sqrt(6 / (inputs + units))
    return rng.uniform(-limit, limit, (inputs, units)).astype(np.float16)


def write_safetensors(path, tensors):
    names = {np.dtype(np.float16): "F16", np.dtype(np.float32): "F32"}
    header, data = {}, b""
    for name, array in tensors.items():
        begin = len(data)
        data += array.tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": array.shape, "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


model_json, photos = map(Path, sys.argv[1:])


def manifest(name):
    with open(photos / name, newline="") as file:
        return list(csv.DictReader(file))


rows = manifest("five.csv")
names = sorted({row["label"] for row in manifest("photos.csv")})
assert (len(rows), len(names)) == (5, CLASSES), (rows, names)
images = []
for row in rows:
    image = keras.utils.load_img(photos / row["path"], target_size=(224, 224), interpolation="bilinear")
    images.append(keras.applications.resnet50.preprocess_input(keras.utils.img_to_array(image)[np.newaxis]))
labels = [names.index(row["label"]) for row in rows]
one_hot = keras.utils.to_categorical(labels, CLASSES)[:, np.newaxis]

backbone = resnet50(model_json)
backbone.trainable = False
model = keras.Sequential(
    [
        backbone,
        layers.Dense(HIDDEN, activation="relu"),
        layers.Dropout(0.0),
        layers.Dense(CLASSES, activation="softmax"),
    ]
)
model.build((None, 224, 224, 3))
rng = np.random.default_rng(SEED)
kernels = [glorot(rng, 2048, HIDDEN), glorot(rng, HIDDEN, CLASSES)]
model.layers[1].set_weights([kernels[0].astype(np.float32), np.zeros(HIDDEN, np.float32)])
model.layers[3].set_weights([kernels[1].astype(np.float32), np.zeros(CLASSES, np.float32)])
before = [weight.numpy() for weight in backbone.weights]

optimizer = keras.optimizers.Adam(learning_rate=RATE)
loss_fn = keras.losses.CategoricalCrossentropy()
losses = []
for epoch in range(EPOCHS):
    of_epoch = []
    for x, y in zip(images, one_hot):
        with tf.GradientTape() as tape:
            predictions = model(x, training=True)
            loss = loss_fn(y, predictions)
        gradients = tape.gradient(loss, model.trainable_weights)
        optimizer.apply_gradients(zip(gradients, model.trainable_weights))
        of_epoch.append(float(loss))
    losses.append(of_epoch)
    print(epoch, np.mean(of_epoch), file=sys.stderr)

# The claim that a frozen backbone may be cached: called with training=True, batch normalisation neither moved its
# statistics nor used those of the batch.
assert all((old == new.numpy()).all() for old, new in zip(before, backbone.weights)), "the frozen backbone moved"
inference = np.concatenate([backbone(x, training=False).numpy() for x in images])
training = np.concatenate([backbone(x, training=True).numpy() for x in images])
assert (inference == training).all(), "the frozen backbone computes something else while training"

predictions = np.concatenate([model(x, training=False).numpy() for x in images])
write_safetensors(
    HERE / "five_images.safetensors",
    {"features": inference, "dense.kernel": kernels[0], "dense_1.kernel": kernels[1]},
)
golden = {
    "made_by": "make_five_images.py",
    "versions": {"keras": keras.__version__, "tensorflow": tf.__version__, "numpy": np.__version__},
    "seed": SEED,
    "images": [row["path"] for row in rows],
    "classes": names,
    "labels": labels,
    "learning_rate": RATE,
    "losses": losses,
    "mean_losses": np.mean(losses, axis=1).tolist(),
    "predictions": predictions.astype(float).tolist(),
}
(HERE / "five_images.json").write_text(json.dumps(golden) + "\n")
