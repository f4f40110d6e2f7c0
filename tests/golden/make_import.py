"""Small random networks with every layer that can be converted, as TensorFlow.js layers models, and what Keras makes of them.

    python make_import.py import_models/        (needs the PyPI package `tensorflow-cpu`)

Each network gets a folder with `model.json`, `weights.bin` and `golden.json` (input, output, and features where the
network has a classifier). The files are written by hand in the two dialects there are: that of Keras 2, which
tensorflowjs_converter has written for years, and that of Keras 3.
"""

import json
import pathlib
import re
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

SEED = 20
CASES = {}


def case(**settings):
    def register(build):
        CASES[build.__name__] = (build, settings)
        return build
    return register


def image(height=7, width=6):
    return keras.Input((height, width, 3), name="photo")


@case()
def same_padding_odd_sizes():
    x = image(9, 8)
    a = L.Conv2D(4, 3, strides=2, padding="same", name="stride2")(x)
    b = L.Conv2D(4, (4, 2), strides=2, padding="same", name="even_kernel")(x)
    c = L.MaxPooling2D(3, strides=2, padding="same", name="max")(x)
    d = L.AveragePooling2D(3, strides=2, padding="same", name="mean")(x)
    e = L.AveragePooling2D((2, 4), strides=2, padding="same", name="mean_even")(x)
    f = L.Conv2D(2, 3, dilation_rate=2, padding="same", name="dilated")(x)
    f = L.MaxPooling2D(name="plain_pool", padding="same")(f)
    return keras.Model(x, L.Concatenate(name="all")([a, b, c, d, e, f]))


@case()
def valid_padding_and_zeros():
    x = image(8, 9)
    wide = L.ZeroPadding2D(((1, 2), (0, 3)), name="uneven")(x)
    a = L.Conv2D(3, 3, strides=2, name="after_zeros")(wide)
    b = L.MaxPooling2D(3, strides=2, name="max_sees_zeros")(wide)
    c = L.AveragePooling2D(3, strides=2, name="mean_sees_zeros")(wide)
    twice = L.ZeroPadding2D(1, name="again")(L.ZeroPadding2D((1, 2), name="once")(x))
    d = L.Conv2D(2, 3, strides=3, padding="same", name="same_after_zeros")(twice)
    d = L.Flatten(name="flat_d")(d)
    merged = L.Flatten(name="flat")(L.Concatenate(name="joined")([a, b, c]))
    e = L.Flatten(name="flat_zeros")(L.ZeroPadding2D(((0, 1), (1, 0)), name="bare")(x))
    return keras.Model(x, L.Concatenate(name="all")([merged, d, e]))


@case()
def grouped_depthwise_separable():
    source = image()
    x = L.Conv2D(4, 1, use_bias=False, name="widen")(source)
    a = L.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=2, name="double")(x)
    b = L.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False, activation="relu", name="lean")(x)
    c = L.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2, activation="swish", name="split")(x)
    d = L.Conv2D(6, 3, strides=2, padding="same", groups=2, activation="tanh", name="groups")(x)
    padded = L.ZeroPadding2D(1, name="zeros")(x)
    e = L.DepthwiseConv2D(3, strides=2, name="padded_depthwise")(padded)
    f = L.SeparableConv2D(2, 3, strides=2, use_bias=False, name="padded_separable")(padded)
    return keras.Model(source, L.Concatenate(name="all")([a, b, c, d, e, f]))


@case()
def batch_normalisation():
    x = image(4, 5)
    a = L.BatchNormalization(epsilon=0.01, name="whole")(x)
    b = L.BatchNormalization(scale=False, name="no_scale")(a)
    c = L.BatchNormalization(center=False, name="no_centre")(b)
    d = L.BatchNormalization(center=False, scale=False, name="bare")(c)
    e = L.BatchNormalization(axis=1, name="over_rows")(d)
    f = L.BatchNormalization(name="of_features")(L.Dense(3, name="dense")(L.Flatten(name="flat")(e)))
    return keras.Model(x, f)


@case()
def activations():
    x = image(3, 4)
    wide = L.Rescaling(5.0, name="wide")(x)
    names = ["linear", "relu", "relu6", "elu", "selu", "exponential", "sigmoid", "softplus", "softsign", "tanh",
             "swish", "softmax"]
    branches = [L.Activation(name, name=f"act_{name}")(wide) for name in names]
    return keras.Model(x, L.Concatenate(name="all")(branches))


@case(keras3=True)
def activations_of_keras_3():
    x = image(3, 4)
    wide = L.Rescaling(5.0, name="wide")(x)
    names = ["hard_sigmoid", "hard_silu", "silu", "gelu", "leaky_relu", "mish", "log_sigmoid", "log_softmax"]
    branches = [L.Activation(name, name=f"act_{name}")(wide) for name in names]
    branches.append(L.LeakyReLU(negative_slope=0.15, name="leaky")(wide))
    depthwise = L.DepthwiseConv2D(3, padding="same", name="depthwise")(wide)
    x2 = L.Concatenate(name="all")([*branches, depthwise])
    x2 = L.Multiply(name="both")([x2, x2])
    return keras.Model(x, L.Dense(3, name="dense")(x2))


@case()
def rectifiers():
    x = image(3, 4)
    wide = L.Rescaling(4.0, name="wide")(x)
    branches = [
        L.ReLU(name="plain")(wide),
        L.ReLU(max_value=2.0, name="capped")(wide),
        L.ReLU(negative_slope=0.2, name="sloped")(wide),
        L.ReLU(max_value=1.5, negative_slope=0.1, name="sloped_capped")(wide),
        L.ReLU(max_value=3.0, negative_slope=0.1, threshold=0.7, name="everything")(wide),
        L.ReLU(threshold=1.0, name="late")(wide),
        L.LeakyReLU(negative_slope=0.25, name="leaky")(wide),
        L.ELU(alpha=0.6, name="elu")(wide),
        L.PReLU(shared_axes=[1, 2], name="shared")(wide),
        L.PReLU(name="own")(wide),
        L.Softmax(name="over_channels")(wide),
        L.Softmax(axis=1, name="over_rows")(wide),
    ]
    return keras.Model(x, L.Concatenate(name="all")(branches))


@case()
def merges():
    x = image(4, 4)
    a, b = L.Conv2D(3, 3, padding="same", name="a")(x), L.Conv2D(3, 1, name="b")(x)
    gate = L.GlobalAveragePooling2D(name="squeeze")(a)
    gate = L.Dense(3, activation="sigmoid", name="excite")(L.Reshape((1, 1, 3), name="point")(gate))
    branches = [
        L.Add(name="add")([x, a, b]),
        L.Multiply(name="multiply")([a, gate]),
        L.Average(name="average")([x, a, b]),
        L.Maximum(name="maximum")([x, a, b]),
        L.Minimum(name="minimum")([a, b]),
        L.Subtract(name="subtract")([a, b]),
        L.Multiply(name="gate_first")([gate, b]),
    ]
    rows = L.Concatenate(axis=1, name="rows")(branches)
    return keras.Model(x, L.Concatenate(axis=2, name="columns")([rows, rows]))


@case()
def moves():
    x = image(4, 6)
    a = L.Flatten(name="flat_a")(L.Permute((2, 3, 1), name="turn")(L.Conv2D(2, 1, name="conv")(x)))
    b = L.Reshape((6, 4, 3), name="shape")(x)
    b = L.Conv2D(2, 3, name="conv_of_reshaped")(b)
    b = L.Flatten(name="flat_b")(L.Cropping2D(((1, 0), (0, 1)), name="crop")(b))
    c = L.Flatten(name="flat_c")(L.UpSampling2D((2, 1), name="stretch")(x))
    d = L.Reshape((-1, 6), name="open")(x)
    d = L.Flatten(name="flat_d")(L.Dense(2, use_bias=False, name="dense_of_rows")(d))
    e = L.Flatten(name="flat_e")(L.GlobalMaxPooling2D(keepdims=True, name="max")(x))
    return keras.Model(x, L.Concatenate(name="all")([a, b, c, d, e]))


@case()
def scaling():
    x = image(3, 3)
    a = L.Rescaling([1.0, 0.5, 2.0], offset=[0.1, -0.2, 0.3], name="each")(x)
    b = L.Normalization(name="trained")(x)
    c = L.Normalization(axis=1, mean=[0.1, 0.2, 0.3], variance=[1.0, 4.0, 0.25], name="told")(x)
    d = L.Normalization(axis=None, mean=0.3, variance=2.0, name="over_all")(x)
    return keras.Model(x, L.Concatenate(name="all")([a, b, c, d]))


@case()
def sequential():
    return keras.Sequential([
        keras.Input((7, 6, 3), name="photo"),
        L.Conv2D(3, 3, activation="relu", name="conv"),
        L.Dropout(0.3, name="dropout"),
        L.GaussianNoise(0.1, name="noise"),
        L.SpatialDropout2D(0.3, name="spatial"),
        L.Flatten(name="flat"),
        L.Dense(4, activation="softmax", name="dense"),
    ], name="plain")


@case()
def nested():
    inner_input = keras.Input((5, 4, 4), name="inner_input")
    inner = L.Conv2D(4, 3, padding="same", activation="relu", name="inner_conv")(inner_input)
    inner = keras.Model(inner_input, L.Add(name="inner_add")([inner, inner_input]), name="block")
    tail = keras.Sequential([keras.Input((4,), name="tail_input"), L.Dense(3, name="tail_dense")], name="tail")
    x = image()
    body = L.Conv2D(4, 3, name="stem")(x)
    body = inner(body)
    body = L.GlobalAveragePooling2D(name="pool")(body)
    return keras.Model(x, tail(body))


@case()
def shared_layer():
    x = image(5, 5)
    conv = L.Conv2D(3, 3, padding="same", name="twice")
    first = conv(x)
    second = conv(L.ReLU(name="between")(first))
    return keras.Model(x, L.Subtract(name="difference")([second, first]))


@case(channels_first=True)
def channels_first():
    x = image(6, 5)
    y = L.Conv2D(4, 3, strides=2, padding="same", name="conv")(L.ZeroPadding2D(((1, 0), (0, 2)), name="zeros")(x))
    y = L.BatchNormalization(name="norm")(y)
    y = L.DepthwiseConv2D(2, depth_multiplier=2, name="depthwise")(y)
    y = L.Concatenate(name="joined")([y, L.MaxPooling2D(2, strides=1, padding="same", name="pool")(y)])
    y = L.Flatten(name="flat")(y)
    return keras.Model(x, L.Dense(3, name="dense")(y))


@case(quantised=True)
def quantised_weights():
    x = image()
    y = L.Conv2D(4, 3, activation="relu", name="bytes")(x)
    y = L.Conv2D(4, 3, activation="relu", name="words")(y)
    y = L.Flatten(name="flat")(y)
    return keras.Model(x, L.Dense(3, name="halves")(y))


@case(open_size=True, features="output")
def no_top():
    x = image(8, 8)
    y = L.Conv2D(5, 3, strides=2, padding="same", name="conv")(x)
    return keras.Model(x, L.ReLU(6.0, name="last")(y))


@case(features="pool")
def pooled_classifier():
    x = image()
    y = L.Conv2D(5, 3, name="conv")(x)
    y = L.GlobalAveragePooling2D(name="pool")(y)
    y = L.Dropout(0.2, name="dropout")(y)
    return keras.Model(x, L.Dense(4, activation="softmax", name="predictions")(y))


@case(features="pool")
def convolution_as_classifier():
    x = image()
    y = L.Conv2D(5, 3, name="conv")(x)
    y = L.GlobalAveragePooling2D(keepdims=True, name="pool")(y)
    y = L.Conv2D(4, 1, name="logits")(L.Dropout(0.2, name="dropout")(y))
    y = L.Reshape((4,), name="row")(y)
    return keras.Model(x, L.Activation("softmax", name="predictions")(y))


@case(features="pool")
def window_as_global_pool():
    x = image(6, 6)
    y = L.Conv2D(5, 3, name="conv")(x)
    y = L.Flatten(name="flat")(L.AveragePooling2D(4, name="pool")(y))
    return keras.Model(x, L.Dense(4, activation="softmax", name="predictions")(y))


@case(features="hidden")
def dense_without_pool():
    x = image()
    y = L.Flatten(name="flat")(L.Conv2D(2, 3, name="conv")(x))
    y = L.Dense(6, activation="relu", name="hidden")(y)
    return keras.Model(x, L.Dense(4, activation="softmax", name="predictions")(y))


def randomise(model, rng):
    """Weights that no symmetry hides; variances positive."""
    for layer in flatten(model):
        values = []
        for weight in layer.weights:
            value = rng.normal(0, 0.5, weight.shape).astype(np.float32)
            values.append(np.abs(value) + np.float32(0.3) if "variance" in weight.name else value)
        if isinstance(layer, L.Normalization) and values:
            mean, variance, _count = values
            layer.set_weights([mean, variance, np.zeros((), np.int32)])
            layer.finalize_state()
        elif values:
            layer.set_weights(values)


def flatten(model):
    for layer in model.layers:
        yield from flatten(layer) if isinstance(layer, keras.Model) else [layer]


def to_keras_2(entry):
    """The description of a model or layer as Keras 2 would have written it."""
    config = {key: value for key, value in entry["config"].items()
              if not re.search("initializer|regularizer|constraint|quantization|build_config", key)}
    config["dtype"] = "float32"
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
    kind = entry["class_name"]
    if kind == "LeakyReLU":
        config["alpha"] = config.pop("negative_slope")
    if "layers" in config:
        config["layers"] = [to_keras_2(layer) for layer in config["layers"]]
        for key in ("input_layers", "output_layers"):
            if key in config and isinstance(config[key][0], str):
                config[key] = [config[key]]
    if kind == "Sequential" and config["layers"][0]["class_name"] == "InputLayer":
        # Keras 2 keeps the shape in the first layer that computes.
        shape = config["layers"].pop(0)["config"]["batch_input_shape"]
        config["layers"][0]["config"]["batch_input_shape"] = shape
    out = {"class_name": {"Functional": "Model"}.get(kind, kind), "name": config["name"], "config": config}
    if "inbound_nodes" in entry:
        out["inbound_nodes"] = [[[*history, {}] for history in histories(node)] for node in entry["inbound_nodes"]]
    return out


def histories(node):
    if isinstance(node, dict) and node.get("class_name") == "__keras_tensor__":
        return [node["config"]["keras_history"]]
    children = node.values() if isinstance(node, dict) else node if isinstance(node, (list, tuple)) else []
    return [history for child in children for history in histories(child)]


def to_channels_first(topology):
    """Turn a description around: Keras itself cannot compute channels first on every processor."""
    for layer in topology["config"]["layers"]:
        config = layer["config"]
        if "data_format" in config:
            config["data_format"] = "channels_first"
        if "batch_input_shape" in config:
            batch, height, width, channels = config["batch_input_shape"]
            config["batch_input_shape"] = [batch, channels, height, width]
        if "axis" in config and layer["class_name"] in ("BatchNormalization", "Concatenate"):
            config["axis"] = 1


def encode(name, value, settings):
    """The entry in the manifest, the bytes, and the value as a reader gets it."""
    entry = {"name": name, "shape": list(value.shape), "dtype": "float32"}
    if value.dtype == np.int32:
        return {**entry, "dtype": "int32"}, value.astype("<i4").tobytes(), value
    kind = {"bytes": "uint8", "words": "uint16", "halves": "float16"}.get(name.split("/")[0])
    if not settings.get("quantised") or kind is None:
        return entry, value.astype("<f4").tobytes(), value
    if kind == "float16":
        half = value.astype("<f2")
        return {**entry, "quantization": {"dtype": kind}}, half.tobytes(), half.astype(np.float32)
    low, steps = float(value.min()), np.iinfo(kind).max
    scale = (float(value.max()) - low) / steps
    numbers = np.round((value.astype(np.float64) - low) / scale).astype(np.dtype(kind).newbyteorder("<"))
    quantization = {"min": low, "scale": scale, "dtype": kind, "original_dtype": "float32"}
    return {**entry, "quantization": quantization}, numbers.tobytes(), \
        (numbers.astype(np.float64) * scale + low).astype(np.float32)


def write_weights(model, folder, settings):
    entries, data = [], b""
    for layer in flatten(model):
        values = []
        for weight in layer.weights:
            name = weight.name
            if isinstance(layer, L.DepthwiseConv2D) and name == "kernel" and not settings.get("keras3"):
                name = "depthwise_kernel"
            entry, content, value = encode(f"{layer.name}/{name}", np.asarray(weight), settings)
            entries.append(entry)
            data += content
            values.append(value)
        if settings.get("quantised"):
            layer.set_weights(values)
    # Two shards, cut where no tensor ends.
    cut = len(data) // 2 + 1
    (folder / "group1-shard1of2.bin").write_bytes(data[:cut])
    (folder / "group1-shard2of2.bin").write_bytes(data[cut:])
    return [{"paths": ["group1-shard1of2.bin", "group1-shard2of2.bin"], "weights": entries}]


def golden(array):
    array = np.asarray(array)
    return {"shape": list(array.shape), "data": [float(f"{x:.9g}") for x in array.ravel()]}


def write_case(name, build, settings, root):
    keras.utils.set_random_seed(SEED)
    rng = np.random.default_rng(SEED)
    model = build()
    randomise(model, rng)
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    manifest = write_weights(model, folder, settings)
    entry = {"class_name": type(model).__name__, "config": model.get_config()}
    topology = entry if settings.get("keras3") else to_keras_2(entry)
    if settings.get("channels_first"):
        to_channels_first(topology)
    if settings.get("open_size"):
        topology["config"]["layers"][0]["config"]["batch_input_shape"] = [None, None, None, 3]
    version = keras.__version__ if settings.get("keras3") else "2.11.0"
    document = {"format": "layers-model", "generatedBy": f"keras v{version}", "convertedBy": "make_import.py",
                "modelTopology": {"keras_version": version, "backend": "tensorflow", "model_config": topology},
                "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")

    # Sixty-fourths: exact in few digits.
    x = (rng.integers(-96, 97, (2, *model.input_shape[1:])) / 64).astype(np.float32)
    result = {"made_by": f"make_import.py, keras {keras.__version__}, tensorflow {tf.__version__}, "
                         f"numpy {np.__version__}, seed {SEED}",
              "input": golden(x), "output": golden(model(x, training=False))}
    features = settings.get("features")
    if features:
        tensor = model.output if features == "output" else model.get_layer(features).output
        value = np.asarray(keras.Model(model.input, tensor)(x, training=False))
        if value.ndim == 4:
            value = value.mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        result["features"] = golden(value)
    (folder / "golden.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")


def main(root):
    for name, (build, settings) in CASES.items():
        write_case(name, build, settings, pathlib.Path(root))
    print(len(CASES), "networks")


main(sys.argv[1])
