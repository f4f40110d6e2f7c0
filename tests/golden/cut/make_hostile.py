"""Small files that a careless reader chokes on, kept so that none comes back. Python's standard library alone.

    python tests/golden/cut/make_hostile.py
"""

from pathlib import Path

TARGET = Path(__file__).resolve().parent / "hostile"


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def node(op, inputs, outputs):
    return field(1, b"".join(field(1, x) for x in inputs) + b"".join(field(2, x) for x in outputs) + field(4, op))


def image():
    dims = b"".join(field(1, b"\x08" + varint(n)) for n in (1, 3, 8, 8))
    return field(11, field(1, b"x") + field(2, field(1, b"\x08\x01" + field(2, dims))))


def model(graph):
    return b"\x08\x08" + field(7, graph)


def output(name):
    return field(12, field(1, name))


def nested(depth):
    body = b""
    for _ in range(depth):
        body = node(b"If", [b"x"], [b"y"])[:-2] + field(5, field(6, body))
    return body


def function(name, body):
    return field(25, field(1, name) + field(4, b"x") + field(5, b"y") + b"".join(field(7, one) for one in body) + field(10, b"d"))


def call(name, given, made):
    return field(1, given) + field(2, made) + field(4, name) + field(7, b"d")


FILES = {
    # Two bytes a node: hundreds of bytes each once decoded.
    "empty_nodes": model(field(1, b"") * 20000),
    # A value that is made of itself, behind a classifier.
    "cycle": model(
        node(b"Relu", [b"b"], [b"a"]) + node(b"Identity", [b"a"], [b"b"]) + node(b"Softmax", [b"a"], [b"y"])
        + image() + output(b"y")),
    # A weight that is its own transpose.
    "constant_of_itself": model(node(b"Transpose", [b"w"], [b"w"]) + node(b"MatMul", [b"x", b"w"], [b"y"]) + image() + output(b"y")),
    "nested": model(nested(300) + image() + output(b"y")),
    # A function that calls itself twice.
    "endless_calls": model(field(1, call(b"f", b"x", b"y")) + image() + output(b"y"))
    + function(b"f", [call(b"f", b"x", b"t"), call(b"f", b"t", b"y")]),
    # Each function calls the next one thirty times, six deep: 700 million nodes.
    "calls_of_calls": model(field(1, call(b"f0", b"x", b"y")) + image() + output(b"y"))
    + b"".join(function(b"f%d" % depth, [call(b"f%d" % (depth + 1), b"x", b"y")] * 30) for depth in range(6)),
    # A tensor of 2^62 elements, four times over.
    "huge_tensor": model(
        field(5, (b"\x08" + varint(2**62)) * 4 + b"\x10\x01" + field(8, b"w"))
        + node(b"Conv", [b"x", b"w"], [b"y"]) + image() + output(b"y")),
    # Ends of a slice whose difference does not fit into 64 bits.
    "slice_overflow": model(
        field(5, b"\x08\x01\x10\x07" + field(8, b"start") + field(9, (2**63).to_bytes(8, "little")))
        + field(5, b"\x08\x01\x10\x07" + field(8, b"end") + field(9, (2**63 - 1).to_bytes(8, "little")))
        + field(5, b"\x08\x01\x10\x07" + field(8, b"axis") + field(9, (1).to_bytes(8, "little")))
        + node(b"Slice", [b"x", b"start", b"end", b"axis"], [b"y"]) + image() + output(b"y")),
}

TARGET.mkdir(exist_ok=True)
for name, content in FILES.items():
    (TARGET / f"{name}.onnx").write_bytes(content)
