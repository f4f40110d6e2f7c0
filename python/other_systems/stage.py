"""UNTRIED. Put ONNX Runtime, the backbones, the licences and the program where maturin takes them from."""

import shutil
import sys
from pathlib import Path

PYTHON = Path(__file__).resolve().parent.parent
ROOT = PYTHON.parent
sys.path.insert(0, str(PYTHON))

import build_wheels  # noqa: E402

#: The library's file by system.
LIBRARY = {"linux": "libonnxruntime.so.*", "darwin": "libonnxruntime.*.dylib", "win32": "onnxruntime.dll"}


def main():
    build_wheels.stage_files(LIBRARY[sys.platform])
    scripts = PYTHON / "data" / "scripts"
    shutil.rmtree(scripts, ignore_errors=True)
    scripts.mkdir(parents=True)
    name = "headstart.exe" if sys.platform == "win32" else "headstart"
    shutil.copy2(ROOT / "target" / "release" / name, scripts / name)


if __name__ == "__main__":
    main()
