"""List every field of every message of onnx.proto, with a serialised message that sets this field alone.

    python make_import_schema.py import_schema.csv        (needs the PyPI package `onnx`)
"""

import csv
import sys

import onnx
from google.protobuf import __version__ as protobuf_version
from google.protobuf.descriptor import FieldDescriptor as F
from onnx import onnx_ml_pb2

TYPES = {F.TYPE_DOUBLE: "double", F.TYPE_FLOAT: "float", F.TYPE_INT64: "int64", F.TYPE_UINT64: "uint64",
         F.TYPE_INT32: "int32", F.TYPE_STRING: "string", F.TYPE_BYTES: "bytes", F.TYPE_ENUM: "enum",
         F.TYPE_MESSAGE: "message"}
# Values that a field of a neighbouring type could not carry: too wide for 32 bits, no valid UTF-8, negative.
SCALARS = {"double": (0.1, -1e300), "float": (0.25, -3.5), "int64": (1 << 40, -2), "uint64": (1 << 63, 3),
           "int32": (7, -1), "string": ("é", ""), "bytes": (b"\xff\x00", b"x"), "enum": (1, 0)}


def repeated(field):
    return field.is_repeated


def fill(message, field, depth):
    """Set `field`, and below it every field down to `depth` levels."""
    kind = TYPES[field.type]
    if kind == "message":
        targets = [getattr(message, field.name).add() for _ in range(2)] if repeated(field) else \
            [getattr(message, field.name)]
        for target in targets:
            target.SetInParent()
            if depth > 0:
                for child in field.message_type.fields:
                    if child.containing_oneof is None or child is child.containing_oneof.fields[0]:
                        fill(target, child, depth - 1)
    elif repeated(field):
        getattr(message, field.name).extend(SCALARS[kind])
    else:
        setattr(message, field.name, SCALARS[kind][0])


def messages(descriptors):
    for descriptor in descriptors:
        yield descriptor
        yield from messages(descriptor.nested_types)


def main(out):
    with open(out, "w", newline="") as file:
        print(f"# made by make_import_schema.py with onnx {onnx.__version__}, protobuf {protobuf_version}; no seed",
              file=file)
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["message", "field", "number", "type", "oneof", "hex"])
        for descriptor in messages(onnx_ml_pb2.DESCRIPTOR.message_types_by_name.values()):
            name = descriptor.full_name.removeprefix("onnx.")
            module_class = onnx_ml_pb2
            for part in name.split("."):
                module_class = getattr(module_class, part)
            for field in sorted(descriptor.fields, key=lambda f: f.number):
                message = module_class()
                fill(message, field, depth=1)
                oneof = field.containing_oneof.name if field.containing_oneof else ""
                rows.writerow([name, field.name, field.number, TYPES[field.type], oneof,
                               message.SerializeToString(deterministic=True).hex()])


main(sys.argv[1])
