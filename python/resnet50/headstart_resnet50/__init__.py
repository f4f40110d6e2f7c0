"""ResNet-50 in 32-bit floats, for ``headstart``."""

from pathlib import Path

__version__ = "0.1.0"


def path() -> str:
    """The ONNX file."""
    return str(Path(__file__).resolve().parent / "resnet50.onnx")
