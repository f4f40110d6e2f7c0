"""Networks as PyTorch's exporters write them, with the features that PyTorch computes.

    python tests/golden/cut/make_torch.py [CASE…]

torch 2.15.0, torchvision 0.29.2, timm 1.0.31, transformers 5.23.0, onnx 1.23.2, onnxscript 0.7.2. Weights are random, from a
seed; widths are small, so that the files fit into git. What is exported is each library's own code, only narrower.
"""

import sys
import warnings
from importlib.metadata import version

import onnx
import timm
import torch
from common import MODELS, images, write_case
from torch import nn
from torchvision.models import MobileNetV2, SqueezeNet
from torchvision.models.mobilenetv3 import InvertedResidualConfig, MobileNetV3
from torchvision.models.resnet import BasicBlock, ResNet
from transformers import ResNetConfig, ResNetForImageClassification, ResNetModel, ViTConfig, ViTForImageClassification, ViTModel

CLASSES = 5
SHAPE = (2, 3, 64, 64)
warnings.filterwarnings("ignore")


def seeded(module):
    """Weights large enough that images differ after all the averaging, and running statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
            elif tensor.dtype == torch.float32:
                fan_in = tensor[0].numel() if tensor.dim() > 1 else 4
                tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / fan_in) ** 0.5)
            if tensor.dim() == 1 and name.endswith("weight"):
                tensor.abs_().add_(0.5)
    return module.eval()


def narrow_resnet():
    """torchvision's ResNet with 4 to 12 channels: its own forward, its own blocks."""
    net = ResNet(BasicBlock, [1, 1, 1, 1])
    net.conv1, net.bn1, net.inplanes = nn.Conv2d(3, 4, 7, 2, 3, bias=False), nn.BatchNorm2d(4), 4
    for index, (channels, stride) in enumerate([(4, 1), (6, 2), (8, 2), (12, 2)], 1):
        setattr(net, f"layer{index}", net._make_layer(BasicBlock, channels, 1, stride))
    net.fc = nn.Linear(12, CLASSES)
    return seeded(net)


def resnet_features(net, x):
    captured = []
    hook = net.fc.register_forward_hook(lambda _module, inputs, _output: captured.append(inputs[0]))
    net(x)
    hook.remove()
    return captured[0]


def scripted(name, net, opset=17, inputs=("input",), outputs=("output",), dynamic=True, shape=SHAPE):
    x = torch.from_numpy(images((1, *shape[1:])))
    axes = {key: {0: "batch"} for key in (*inputs, *outputs)} if dynamic else None
    torch.onnx.export(
        net, (x,), MODELS / f"{name}.onnx", dynamo=False, opset_version=opset,
        input_names=list(inputs), output_names=list(outputs), dynamic_axes=axes,
    )


def dynamo(name, net, dynamic=True, external=False, shape=SHAPE, **more):
    x = torch.from_numpy(images((2, *shape[1:])))
    shapes = ({0: torch.export.Dim("batch", min=1, max=1024)},) if dynamic else None
    x = x if dynamic else x[:1]
    program = torch.onnx.export(net, (x,), dynamo=True, dynamic_shapes=shapes, verbose=False, **more)
    program.save(str(MODELS / f"{name}.onnx"), external_data=external)
    without_paths(MODELS / f"{name}.onnx")


def without_paths(path):
    """Each node carries the stack that traced it, with the paths of the machine; the rest of its metadata stays."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if "stack_trace" not in entry.key]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    path.write_bytes(model.SerializeToString())


def torchscript(name):
    return f"torch {version('torch')} TorchScript exporter: {name}"


def by_dynamo(name):
    return f"torch {version('torch')} dynamo exporter: {name}"


def numbered(name):
    """Names as exporters before torch 1.13 gave them: numbers. Those versions run on no Python of today."""
    path = MODELS / f"{name}.onnx"
    model = onnx.load(path)
    graph = model.graph
    keep = {value.name for value in [*graph.input, *graph.output, *graph.initializer]}
    names = {}
    for node in graph.node:
        node.name = f"{node.op_type}_{len(names)}"
        for output in node.output:
            if output not in keep:
                names[output] = str(len(names) + 120)
    for node in graph.node:
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names.get(value, value) for value in node.output]
    del graph.value_info[:]
    onnx.save(model, path)
    return names


CASES = {}  # name: function, in the order of this file


def case(function):
    CASES[function.__name__] = function
    return function


def run_pure(net, take):
    net.eval()  # the exporter leaves what a fresh wrapper holds in training mode
    with torch.no_grad():
        return take(net, torch.from_numpy(images(SHAPE))).numpy()


@case
def torchvision_script():
    net = narrow_resnet()
    scripted("torchvision_script", net)
    features = run_pure(net, resnet_features)
    write_case("torchvision_script", torchscript("torchvision resnet"), "/Flatten_output_0", SHAPE, features, CLASSES)


@case
def torchvision_numbered():
    net = narrow_resnet()
    scripted("torchvision_numbered", net, opset=9)
    names = numbered("torchvision_numbered")
    features = run_pure(net, resnet_features)
    write_case("torchvision_numbered", torchscript("torchvision resnet, names numbered"), names["/Flatten_output_0"], SHAPE, features, CLASSES)


@case
def torchvision_fixed_batch():
    net = narrow_resnet()
    scripted("torchvision_fixed_batch", net, dynamic=False)
    features = run_pure(net, resnet_features)
    write_case("torchvision_fixed_batch", torchscript("torchvision resnet, batch 1"), "/Flatten_output_0", SHAPE, features, CLASSES, opened=True)


@case
def torchvision_dynamo():
    net = narrow_resnet()
    dynamo("torchvision_dynamo", net, external=True)
    features = run_pure(net, resnet_features)
    write_case("torchvision_dynamo", by_dynamo("torchvision resnet, weights beside it"), None, SHAPE, features, CLASSES, external=True)


@case
def torchvision_dynamo_fixed():
    net = narrow_resnet()
    dynamo("torchvision_dynamo_fixed", net, dynamic=False)
    features = run_pure(net, resnet_features)
    write_case("torchvision_dynamo_fixed", by_dynamo("torchvision resnet, batch 1"), None, SHAPE, features, CLASSES, opened=True)


class Softmax(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x).softmax(1)


class ArgMax(Softmax):
    def forward(self, x):
        return self.net(x).argmax(1)


@case
def softmax_end():
    net = narrow_resnet()
    scripted("softmax_end", Softmax(net), outputs=["probabilities"])
    write_case("softmax_end", torchscript("softmax at the end"), "/net/Flatten_output_0", SHAPE, run_pure(net, resnet_features), CLASSES)


@case
def argmax_end():
    net = narrow_resnet()
    scripted("argmax_end", ArgMax(net), outputs=["class"])
    write_case("argmax_end", torchscript("argmax at the end"), "/net/Flatten_output_0", SHAPE, run_pure(net, resnet_features), CLASSES)


class TwoOutputs(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        x = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        features = net.avgpool(x).flatten(1)
        return net.fc(features), features


@case
def two_outputs():
    net = narrow_resnet()
    scripted("two_outputs", TwoOutputs(net), outputs=["scores", "vector"])
    write_case("two_outputs", torchscript("scores and features"), "vector", SHAPE, run_pure(net, resnet_features), CLASSES)


@case
def headless():
    net = narrow_resnet()
    features = run_pure(net, resnet_features)
    trunk = nn.Sequential(*list(net.children())[:-1])
    scripted("headless", trunk.eval(), outputs=["pooled"])
    write_case("headless", torchscript("children()[:-1], (n, d, 1, 1)"), "pooled", SHAPE, features)


@case
def feature_map():
    net = narrow_resnet()
    features = run_pure(net, resnet_features)
    trunk = nn.Sequential(*list(net.children())[:-2])
    scripted("feature_map", trunk.eval(), outputs=["map"])
    write_case("feature_map", torchscript("children()[:-2], (n, d, 2, 2)"), "map", SHAPE, features, pooled=True)


@case
def conv_classifier():
    net = narrow_resnet()
    features = run_pure(net, resnet_features)
    conv = nn.Conv2d(12, CLASSES, 1)
    conv.weight.data, conv.bias.data = net.fc.weight.data[:, :, None, None], net.fc.bias.data
    whole = nn.Sequential(*list(net.children())[:-1], conv, nn.Flatten())
    scripted("conv_classifier", whole.eval())
    write_case("conv_classifier", torchscript("classifier as a 1x1 convolution"), "/8/GlobalAveragePool_output_0", SHAPE, features, CLASSES)


@case
def squeezenet():
    net = SqueezeNet("1_1", num_classes=CLASSES)
    net.features = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(8, 16, 3, 2), nn.ReLU())
    net.classifier[1] = nn.Conv2d(16, CLASSES, 1)
    net = seeded(net)
    scripted("squeezenet", net)
    features = run_pure(net, lambda net, x: net.features(x).mean((2, 3)))
    write_case("squeezenet", torchscript("torchvision SqueezeNet: the classifier comes before the pool"), "/features/features.4/Relu_output_0", SHAPE, features, CLASSES, pooled=True)


@case
def mobilenet_v2():
    net = seeded(MobileNetV2(num_classes=CLASSES, inverted_residual_setting=[[1, 8, 1, 1], [2, 8, 1, 2]], width_mult=0.25))
    scripted("mobilenet_v2", net)
    features = run_pure(net, lambda net, x: net.features(x).mean((2, 3)))
    write_case("mobilenet_v2", torchscript("torchvision MobileNetV2"), "/Flatten_output_0", SHAPE, features, CLASSES)


@case
def mobilenet_v3():
    settings = [InvertedResidualConfig(8, 3, 8, 8, True, "HS", 2, 1, 1)]
    net = seeded(MobileNetV3(settings, last_channel=16, num_classes=CLASSES))
    scripted("mobilenet_v3", net)
    features = run_pure(net, lambda net, x: net.classifier[1](net.classifier[0](net.avgpool(net.features(x)).flatten(1))))
    write_case("mobilenet_v3", torchscript("torchvision MobileNetV3: a hidden layer after the pool"), "/classifier/classifier.1/HardSwish_output_0", SHAPE, features, CLASSES, ambiguous=["/classifier/classifier.1/HardSwish_output_0", "/Flatten_output_0"])


def narrow_timm():
    block = timm.models.resnet.BasicBlock
    return seeded(timm.models.resnet.ResNet(block, (1, 1, 1, 1), num_classes=CLASSES, channels=(4, 4, 4, 6), stem_width=4))


def timm_features(net, x):
    return net.forward_head(net.forward_features(x), pre_logits=True)


@case
def timm_script():
    net = narrow_timm()
    scripted("timm_script", net, inputs=["input0"], outputs=["output0"])
    write_case("timm_script", torchscript(f"timm {timm.__version__} resnet"), "/global_pool/flatten/Flatten_output_0", SHAPE, run_pure(net, timm_features), CLASSES)


@case
def timm_dynamo():
    net = narrow_timm()
    dynamo("timm_dynamo", net)
    write_case("timm_dynamo", by_dynamo(f"timm {timm.__version__} resnet"), None, SHAPE, run_pure(net, timm_features), CLASSES)


def vit(**more):
    return seeded(timm.models.vision_transformer.VisionTransformer(
        img_size=64, patch_size=16, embed_dim=16, depth=1, num_heads=2, mlp_ratio=2, num_classes=CLASSES, **more))


@case
def vit_token():
    net = vit()
    scripted("vit_token", net)
    write_case("vit_token", torchscript("timm ViT, class token"), None, SHAPE, run_pure(net, timm_features), CLASSES)


@case
def vit_old_opset():
    timm.layers.set_fused_attn(False)  # operator set 13 has no fused attention
    net = vit(global_pool="avg")
    scripted("vit_old_opset", net, opset=13)
    write_case("vit_old_opset", torchscript("timm ViT, mean of tokens, layer normalisation written out"), None, SHAPE, run_pure(net, timm_features), CLASSES)


@case
def vit_fixed():
    net = vit()
    dynamo("vit_fixed", net, dynamic=False)
    write_case("vit_fixed", by_dynamo("timm ViT, batch 1"), None, SHAPE, run_pure(net, timm_features), CLASSES, fixed=1)


@case
def convnext():
    net = seeded(timm.models.convnext.ConvNeXt(num_classes=CLASSES, depths=(1, 1, 1, 1), dims=(4, 6, 8, 12)))
    dynamo("convnext", net)
    write_case("convnext", by_dynamo("timm ConvNeXt: a normalisation after the pool"), None, SHAPE, run_pure(net, timm_features), CLASSES)


RESNET_CONFIG = dict(embedding_size=8, hidden_sizes=[8, 12], depths=[1, 1], layer_type="basic", num_labels=CLASSES)


class Outputs(nn.Module):
    """A Hugging Face model as its exporter calls it: named input, plain outputs."""

    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def forward(self, pixel_values):
        outputs = self.model(pixel_values=pixel_values)
        return tuple(outputs[name] for name in self.names)


@case
def hf_features():
    net = seeded(ResNetModel(ResNetConfig(**RESNET_CONFIG)))
    names = ["last_hidden_state", "pooler_output"]
    scripted("hf_features", Outputs(net, names), inputs=["pixel_values"], outputs=names)
    features = run_pure(net, lambda net, x: net(x).pooler_output.flatten(1))
    write_case("hf_features", torchscript("transformers ResNetModel, task feature-extraction"), "pooler_output", SHAPE, features)


@case
def hf_logits():
    net = seeded(ResNetForImageClassification(ResNetConfig(**RESNET_CONFIG)))
    scripted("hf_logits", Outputs(net, ["logits"]), inputs=["pixel_values"], outputs=["logits"])
    features = run_pure(net, lambda net, x: net.resnet(x).pooler_output.flatten(1))
    write_case("hf_logits", torchscript("transformers ResNetForImageClassification"), None, SHAPE, features, CLASSES)


@case
def hf_vit():
    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=64, patch_size=16, num_labels=CLASSES)
    net = seeded(ViTForImageClassification(config))
    scripted("hf_vit", Outputs(net, ["logits"]), inputs=["pixel_values"], outputs=["logits"])
    features = run_pure(net, lambda net, x: net.vit(x).last_hidden_state[:, 0])
    write_case("hf_vit", torchscript("transformers ViTForImageClassification"), None, SHAPE, features, CLASSES)


def vit_tokens():
    config = ViTConfig(hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, image_size=64, patch_size=16)
    return seeded(ViTModel(config, add_pooling_layer=False))


@case
def hf_vit_cls():
    net = vit_tokens()
    names = ["last_hidden_state"]
    scripted("hf_vit_cls", Outputs(net, names), inputs=["pixel_values"], outputs=names)
    features = run_pure(net, lambda net, x: net(x).last_hidden_state[:, 0])
    write_case("hf_vit_cls", torchscript("transformers ViTModel without its pooler"), "last_hidden_state", SHAPE, features, pool="cls")


@case
def hf_vit_mean():
    net = vit_tokens()
    dynamo("hf_vit_mean", Outputs(net, ["last_hidden_state"]), output_names=["last_hidden_state"])
    features = run_pure(net, lambda net, x: net(x).last_hidden_state[:, 1:].mean(1))
    write_case("hf_vit_mean", by_dynamo("transformers ViTModel without its pooler"), "last_hidden_state", SHAPE, features, pool="mean")


@case
def vit_patches():
    net = vit(class_token=False, global_pool="")
    net.reset_classifier(0)
    scripted("vit_patches", net, outputs=["tokens"])
    features = run_pure(net, lambda net, x: net(x).mean(1))
    write_case("vit_patches", torchscript("timm ViT without class token, pool and classifier"), "tokens", SHAPE, features)


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.fc = nn.LSTM(8, 8, batch_first=True), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.fc(self.lstm(x)[0][:, -1])


@case
def lstm():
    scripted("lstm", seeded(Sequence()), shape=(2, 6, 8))


@case
def segmentation():
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Upsample(scale_factor=2, mode="bilinear"))
    scripted("segmentation", seeded(net), outputs=["mask"])


@case
def vgg():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, 4, 1), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(128, 16), nn.ReLU(),
        nn.Dropout(), nn.Linear(16, 12), nn.ReLU(), nn.Dropout(), nn.Linear(12, CLASSES))
    scripted("vgg", seeded(net))


if __name__ == "__main__":
    MODELS.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CASES:
        CASES[name]()
