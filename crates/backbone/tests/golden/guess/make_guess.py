#!/usr/bin/env python3
"""Golden looks: what graphs of each toolkit are called inside, `TOOLKIT.onnx`, without their weights.

    python make_guess.py torch      # needs torch, torchvision, timm, transformers, onnx, onnxscript
    python make_guess.py keras      # needs tensorflow, keras, tf2onnx, onnx

Made with torch 2.15.0, torchvision 0.29.2, timm 1.0.31, transformers 5.23.0, tensorflow 2.21.0, keras 3.15.1, tf2onnx
1.17.0 and onnx 1.23.2. The networks have random weights, which are thrown away: names, shapes and operators are what a
guess is made from. Of what the exporters note about each node, only the classes of the modules are kept.
"""

import sys
from pathlib import Path

import onnx

HERE = Path(__file__).resolve().parent
NOTES = {"namespace", "pkg.torch.onnx.class_hierarchy"}


def strip(model):
    """The same graph, its larger weights empty."""
    for tensor in model.graph.initializer:
        if len(tensor.raw_data) > 64:
            tensor.raw_data = b""
        del tensor.external_data[:]
        tensor.ClearField("data_location")
        del tensor.float_data[:]
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key in NOTES]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
        node.ClearField("doc_string")
        for attribute in node.attribute:
            if len(attribute.t.raw_data) > 64:
                attribute.t.raw_data = b""
    del model.graph.value_info[:]
    del model.functions[:]
    del model.metadata_props[:]
    return model


def keep(name, model):
    (HERE / f"{name}.onnx").write_bytes(strip(model).SerializeToString(deterministic=True))


def torch_networks():
    import timm
    import torch
    import torchvision
    from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel

    torch.manual_seed(0)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_type="basic", num_labels=1000)
    config.return_dict = False
    fine_tuned = timm.create_model("resnet18", num_classes=10)
    plain = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    networks = [
        ("torchvision", torchvision.models.resnet18(), ["input"], ["output"]),
        ("timm", timm.create_model("resnet18"), ["input0"], ["output0"]),
        ("timm_ten_classes", fine_tuned, ["input0"], ["output0"]),
        ("hugging_face", ResNetForImageClassification(config), ["pixel_values"], ["logits"]),
        ("hugging_face_features", ResNetModel(config), ["pixel_values"], ["last_hidden_state", "pooler_output"]),
        ("plain_pytorch", plain, ["input"], ["output"]),
    ]
    image = torch.rand(1, 3, 224, 224)
    scratch = HERE / "scratch.onnx"
    for name, network, inputs, outputs in networks:
        network.eval()
        torch.onnx.export(network, image, scratch, input_names=inputs, output_names=outputs, dynamo=False, dynamic_axes={inputs[0]: {0: "n"}})
        keep(name, onnx.load(scratch))
        if name in ("torchvision", "timm", "hugging_face"):
            torch.onnx.export(network, (image,), scratch, dynamo=True, external_data=False)
            keep(f"{name}_dynamo", onnx.load(scratch))
    scratch.unlink()


def keras_networks():
    import keras
    import tensorflow as tf
    import tf2onnx

    shape = (224, 224, 3)
    image = keras.Input(shape)
    scaled = keras.applications.ResNet50(weights=None)(keras.layers.Rescaling(1 / 255.0)(image))
    networks = [
        ("keras", keras.applications.ResNet50(weights=None)),
        ("keras_v2", keras.applications.ResNet50V2(weights=None)),
        ("keras_without_top", keras.applications.ResNet50(weights=None, include_top=False, pooling="avg", input_shape=(160, 160, 3))),
        ("keras_scales_itself", keras.Model(image, scaled)),
        ("keras_densenet", keras.applications.DenseNet121(weights=None)),
    ]
    for name, network in networks:
        function = tf.function(lambda x, network=network: network(x, training=False))
        signature = [tf.TensorSpec((None, *network.input_shape[1:]), tf.float32, name="input")]
        model, _ = tf2onnx.convert.from_function(function, input_signature=signature)
        keep(name, model)


if __name__ == "__main__":
    {"torch": torch_networks, "keras": keras_networks}[sys.argv[1]]()
