"""Variants of the exported networks: quantised, in 16 bits, and with the classifier written in other ways.

    python tests/golden/cut/make_variants.py      # after make_torch.py

onnx 1.23.2, onnxruntime 1.31.1 with its own quantisation and float16 tools. Features are what ONNX Runtime itself computes
for the tensor before the classifier (dequantised by the graph's own scale, where it is quantised).
"""

import copy
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from common import MODELS, images, write_case
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from onnxruntime.transformers.float16 import convert_float_to_float16

CLASSES = 5
SHAPE = (2, 3, 64, 64)
BASE = MODELS / "torchvision_script.onnx"
VERSION = f"onnxruntime {onnxruntime.__version__}"


def shown(model, *tensors, kind="float32"):
    """The values of inner tensors, computed for one image after another as 32-bit floats."""
    model = copy.deepcopy(model)
    del model.graph.output[:]
    for index, tensor in enumerate(tensors):
        model.graph.node.append(helper.make_node("Cast", [tensor], [f"shown_{index}"], to=TensorProto.FLOAT))
        model.graph.output.append(onnx.ValueInfoProto(name=f"shown_{index}"))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    rows = [session.run(None, {name: image[None].astype(kind)}) for image in images(SHAPE)]
    return [np.concatenate([np.atleast_1d(x) for x in one]) for one in zip(*rows)] if rows else []


def before(model, op):
    """The first input of the last node of that operator."""
    return [node for node in model.graph.node if node.op_type == op][-1]


class Calibration(CalibrationDataReader):
    def __init__(self):
        random = np.random.default_rng(3)
        self.batches = iter([{"input": random.uniform(-2, 2, (4, *SHAPE[1:])).astype(np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.batches, None)


def quantised(name, format, activations, weights, per_channel, **more):
    prepared = MODELS / "prepared.onnx"
    onnxruntime.quantization.shape_inference.quant_pre_process(str(BASE), str(prepared))
    quantize_static(
        str(prepared), str(MODELS / f"{name}.onnx"), Calibration(), quant_format=format, activation_type=activations,
        weight_type=weights, per_channel=per_channel, extra_options=more)
    prepared.unlink()
    return onnx.load(MODELS / f"{name}.onnx")


def qdq(name, activations, per_channel):
    model = quantised(name, QuantFormat.QDQ, activations, QuantType.QInt8, per_channel)
    tensor = before(model, "Gemm").input[0]
    write_case(name, f"{VERSION} quantize_static, QDQ", tensor, SHAPE, shown(model, tensor)[0], CLASSES, tolerance="int8")


def qlinear(name, kind):
    """Neither the features' zero point nor the weights' is 0."""
    model = quantised(name, QuantFormat.QOperator, kind, kind, False, WeightSymmetric=False, ActivationSymmetric=False)
    gemm = before(model, "QGemm")
    values, scale, zero = shown(model, *gemm.input[:3])
    by_name = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert by_name[gemm.input[2]].any() == (kind == QuantType.QInt8) and by_name[gemm.input[5]].any(), "zero points are 0"
    features = (values - zero.flat[0]) * scale.flat[0]
    write_case(name, f"{VERSION} quantize_static, QOperator, {kind}", gemm.input[0], SHAPE, features, CLASSES, tolerance="int8", added=["DequantizeLinear"])


def dynamic():
    quantize_dynamic(str(BASE), str(MODELS / "dynamic_int8.onnx"), weight_type=QuantType.QUInt8, op_types_to_quantize=["MatMul", "Gemm"])
    model = onnx.load(MODELS / "dynamic_int8.onnx")
    tensor = before(model, "DynamicQuantizeLinear").input[0]
    write_case("dynamic_int8", f"{VERSION} quantize_dynamic", tensor, SHAPE, shown(model, tensor)[0], CLASSES)
    quantize_dynamic(str(BASE), str(MODELS / "dynamic_int8_conv.onnx"), weight_type=QuantType.QUInt8)
    model = onnx.load(MODELS / "dynamic_int8_conv.onnx")
    tensor = before(model, "DynamicQuantizeLinear").input[0]
    write_case("dynamic_int8_conv", f"{VERSION} quantize_dynamic, convolutions too: images in a batch share a scale", tensor, SHAPE, shown(model, tensor)[0], CLASSES, frozen=True, tolerance="int8")


def half(name, keep):
    model = convert_float_to_float16(onnx.load(BASE), keep_io_types=keep)
    onnx.save(model, MODELS / f"{name}.onnx")
    tensor = before(model, "Gemm").input[0]
    features = shown(model, tensor, kind="float32" if keep else "float16")[0]
    write_case(name, f"{VERSION} float16 tool", tensor, SHAPE, features, CLASSES, tolerance="half", added=["Cast"])


def rewritten(name, made_by, change, tensor="/Flatten_output_0", **more):
    model = onnx.load(BASE)
    change(model.graph)
    onnx.checker.check_model(model)
    features = shown(model, "/Flatten_output_0")[0]
    onnx.save(model, MODELS / f"{name}.onnx")
    write_case(name, made_by, tensor, SHAPE, features, CLASSES, **more)


def weights(graph):
    by_name = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    gemm = before(type("M", (), {"graph": graph}), "Gemm")
    return gemm, by_name[gemm.input[1]], by_name[gemm.input[2]]


def put(graph, name, array):
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))


def gemm_plain(graph):
    gemm, weight, _ = weights(graph)
    put(graph, "kernel", weight.T * 2)
    del gemm.attribute[:]
    gemm.attribute.append(helper.make_attribute("alpha", 0.5))
    gemm.input[1] = "kernel"


def matmul_add(graph):
    gemm, weight, bias = weights(graph)
    put(graph, "kernel", weight.T)
    put(graph, "bias", bias)
    graph.node.remove(gemm)
    graph.node.append(helper.make_node("MatMul", ["/Flatten_output_0", "kernel"], ["product"]))
    graph.node.append(helper.make_node("Add", ["bias", "product"], ["output"]))


def transposed_weight(graph):
    gemm, weight, bias = weights(graph)
    put(graph, "bias", bias)
    graph.node.remove(gemm)
    graph.node.append(helper.make_node("Transpose", [gemm.input[1]], ["turned"], perm=[1, 0]))
    graph.node.append(helper.make_node("MatMul", ["/Flatten_output_0", "turned"], ["product"]))
    graph.node.append(helper.make_node("Add", ["product", "bias"], ["sum"]))
    graph.node.append(helper.make_node("Identity", ["sum"], ["output"]))


def two_heads(graph):
    _, weight, _ = weights(graph)
    put(graph, "other_kernel", weight[:3].T)
    graph.node.append(helper.make_node("MatMul", ["/Flatten_output_0", "other_kernel"], ["other"]))
    graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["batch", 3]))


def reshaped(graph):
    """A batch size of 1 in the shape of a Reshape, as a trace leaves it."""
    gemm, _, _ = weights(graph)
    flatten = before(type("M", (), {"graph": graph}), "Flatten")
    put(graph, "shape", np.array([1, -1]))
    flatten.op_type = "Reshape"
    del flatten.attribute[:]
    flatten.input.append("shape")
    for value in [*graph.input, *graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = 1


def stuck(graph):
    """A batch size of 1 that cannot be opened: a constant of one row is added to a concatenation."""
    reshaped(graph)
    put(graph, "one_row", np.zeros((1, 3, 1, 64), np.float32))
    first = graph.node[0]
    graph.node.insert(0, helper.make_node("Concat", ["input", "one_row"], ["longer"], axis=2))
    first.input[0] = "longer"


def functions():
    """Modules as functions of the file, one in another, with an attribute of the call and one by default."""
    model = onnx.load(BASE)
    graph, domain = model.graph, "net.modules"
    opsets = list(model.opset_import)
    by_reference = lambda name, told, kind: onnx.AttributeProto(name=name, ref_attr_name=told, type=kind)
    pool = helper.make_node("GlobalAveragePool", ["x"], ["pooled"])
    flatten = helper.make_node("Flatten", ["pooled"], ["y"])
    flatten.attribute.append(by_reference("axis", "axis", onnx.AttributeProto.INT))
    features = helper.make_function(domain, "Features", ["x"], ["y"], [pool, flatten], opsets, attributes=["axis"])
    inner = helper.make_node("Features", ["x"], ["pooled"], domain=domain, axis=1)
    gemm = helper.make_node("Gemm", ["pooled", "weight", "bias"], ["y"])
    gemm.attribute.append(by_reference("transB", "turned", onnx.AttributeProto.INT))
    own = [*opsets, helper.make_opsetid(domain, 1)]
    head = helper.make_function(
        domain, "Head", ["x", "weight", "bias"], ["y"], [inner, gemm], own, attribute_protos=[helper.make_attribute("turned", 1)])
    relu = helper.make_function(domain, "Activation", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], opsets)
    tail = [node for node in graph.node if node.op_type in ("GlobalAveragePool", "Flatten", "Gemm")]
    call = helper.make_node("Head", [tail[0].input[0], *tail[2].input[1:]], list(tail[2].output), name="head", domain=domain)
    for node in tail:
        graph.node.remove(node)
    graph.node.append(call)
    for node in graph.node:
        if node.op_type == "Relu":
            node.op_type, node.domain = "Activation", domain
    model.functions.extend([features, head, relu])
    model.opset_import.append(helper.make_opsetid(domain, 1))
    onnx.checker.check_model(model)
    onnx.save(model, MODELS / "functions.onnx")
    write_case("functions", "modules as functions, made by hand", None, SHAPE, shown(onnx.load(BASE), "/Flatten_output_0")[0], CLASSES)


def light():
    """The ONNX project's own test networks (Apache-2.0), whole: their constants are made by nodes."""
    data = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    for name in ["resnet50", "bvlc_alexnet"]:
        shutil.copy(data / f"light_{name}.onnx", MODELS / f"light_{name}.onnx")
    shutil.copy(data / "light_resnet50_output_0.pb", MODELS)


def detector():
    boxes = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most"], ["selected"])
    nodes = [
        helper.make_node("Conv", ["image", "kernel"], ["map"], kernel_shape=[1, 1]),
        helper.make_node("Reshape", ["map", "rows"], ["boxes"]),
        helper.make_node("Transpose", ["boxes"], ["scores"], perm=[0, 2, 1]),
        boxes,
    ]
    constants = [
        numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "kernel"),
        numpy_helper.from_array(np.array([0, -1, 4]), "rows"),
        numpy_helper.from_array(np.array([3]), "most"),
    ]
    graph = helper.make_graph(
        nodes, "detector", [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("selected", TensorProto.INT64, ["k", 3])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), MODELS / "detector.onnx")


if __name__ == "__main__":
    qdq("qdq_u8s8", QuantType.QUInt8, True)
    qdq("qdq_s8s8", QuantType.QInt8, False)
    qlinear("qlinear", QuantType.QUInt8)
    qlinear("qlinear_signed", QuantType.QInt8)
    dynamic()
    half("half", keep=False)
    half("half_inside", keep=True)
    rewritten("gemm_plain", "Gemm without transposition, alpha 0.5", gemm_plain)
    rewritten("matmul_add", "MatMul + Add", matmul_add)
    rewritten("transposed_weight", "a weight that is transposed by a node", transposed_weight)
    rewritten("two_heads", "two classifiers on the same features", two_heads)
    rewritten("reshape_batch_1", "Reshape to (1, -1)", reshaped, opened=True)
    rewritten("stuck_batch_1", "a batch of 1 that cannot be opened", stuck, fixed=1)
    functions()
    light()
    detector()
