"""Networks as tf2onnx writes them from Keras, with the features that Keras computes.

    python tests/golden/cut/make_keras.py

tensorflow-cpu 2.21.0, keras 3.15.1, tf2onnx 1.16.1 (see `KERAS` below for what its age asks for), onnx 1.23.2.
Weights are random, from a seed; widths are small. The images are (n, h, w, 3), as Keras has them.
"""

from importlib.metadata import version

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from common import MODELS, images, write_case

CLASSES = 5
SHAPE = (2, 64, 64, 3)


def network(pool):
    layers = keras.layers
    image = keras.Input(SHAPE[1:], name="input_1")
    x = layers.ZeroPadding2D(3)(image)
    x = layers.Conv2D(8, 7, strides=2)(x)
    x = layers.ReLU()(layers.BatchNormalization(epsilon=1.001e-5)(x))
    x = layers.MaxPooling2D(3, strides=2)(x)
    y = layers.Conv2D(8, 3, padding="same")(x)
    x = layers.ReLU()(layers.Add()([x, layers.BatchNormalization()(y)]))
    x = layers.ReLU()(layers.Conv2D(24, 3, strides=2, padding="same")(x))
    x = layers.GlobalAveragePooling2D(name="avg_pool")(x) if pool == "layer" else keras.ops.mean(x, (1, 2))
    return keras.Model(image, [layers.Dense(CLASSES, activation="softmax", name="predictions")(x), x])


def seed(model):
    random = np.random.default_rng(7)
    for weight in model.weights:
        shape = tuple(weight.shape)
        if weight.path.endswith(("moving_variance", "gamma")):
            weight.assign(random.uniform(0.5, 1.5, shape))
        else:
            scale = (2 / np.prod(shape[:-1])) ** 0.5 if len(shape) > 1 else 0.3
            weight.assign(random.normal(0, scale, shape))


def export(name, **options):
    keras.utils.clear_session()
    model = network("layer")
    seed(model)
    whole = keras.Model(model.input, model.outputs[0])
    signature = [tf.TensorSpec((None, *SHAPE[1:]), tf.float32, name="input_1")]
    function = tf.function(lambda input_1: whole(input_1, training=False), input_signature=signature)
    onnx_model, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=options.pop("opset", 17), **options)
    onnx.save(onnx_model, MODELS / f"{name}.onnx")
    features = model.predict(images(SHAPE), verbose=0)[1]
    made_by = f"tf2onnx {version('tf2onnx')} from keras {keras.__version__} {options or ''}".strip()
    first = options.get("inputs_as_nchw")
    write_case(name, made_by, None, SHAPE, features, CLASSES, nchw=bool(first))


export("keras_nhwc")
export("keras_nchw", inputs_as_nchw=["input_1"])
export("keras_opset_11", opset=11)
