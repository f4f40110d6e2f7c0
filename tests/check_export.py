"""Do other programs read what `headstart export` writes, and do they say what the run says?

    check_export.py HEADSTART RUN MANIFEST
    check_export.py HEADSTART RUN MANIFEST image,image/f16 onnxruntime

Exports the run in every form; has each checked by `onnx.checker` with full shape inference; runs each in Python's onnxruntime,
and in OpenVINO, on the images of the manifest; prints how far probabilities are from `headstart predict RUN`, and fails where
that is beyond the bound, or where an image gets another class although its first two are further apart than that. The second line does so
with some of the forms, in one of the runtimes. `just test-export` installs what it needs.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
from PIL import Image

# Options of the export; the bound in onnxruntime and in OpenVINO.
FORMS = {
    "tensor": ([], 1e-5, 1e-4),
    "tensor/13": (["--opset", "13"], 1e-5, 1e-4),
    "tensor/21": (["--opset", "21"], 1e-5, 1e-4),
    "tensor/f16": (["--f16"], 0.02, 0.02),
    "image": (["--with-preprocessing"], 0.02, 0.02),
    "image/f16": (["--with-preprocessing", "--f16"], 0.02, 0.02),
}


def main():
    program, run, manifest, *rest = sys.argv[1:]
    wanted = rest[0].split(",") if rest else list(FORMS)
    runtimes = rest[1].split(",") if rest[1:] else ["onnxruntime", "OpenVINO"]
    classes, reference = predictions(program, run, manifest)
    images = list(reference)
    expected = np.array(list(reference.values()))
    print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}, openvino {openvino.__version__}; {len(images)} images")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for form in wanted:
            options, *bounds = FORMS[form]
            path = str(Path(folder) / "classifier.onnx")
            subprocess.run([program, "export", run, "-o", path, "--overwrite", *options], check=True, stdout=subprocess.DEVNULL)
            model = onnx.load(path)
            onnx.checker.check_model(model, full_check=True)
            onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
            metadata = {entry.key: entry.value for entry in model.metadata_props}
            assert json.loads(metadata["headstart.labels"]) == classes
            for (name, session), bound in zip(sessions(path), bounds):
                if name in runtimes:
                    # One after another: photographs need not fit into memory together.
                    found = np.array([session(prepare(Image.open(image).convert("RGB"), metadata)) for image in images])
                    failed |= not tell(f"{form}, {name}", expected, found, bound)
    sys.exit(failed)


def predictions(program, run, manifest):
    """The classes, and by image the run's own probabilities of them."""
    said = subprocess.run([program, "predict", run, manifest, "--format", "jsonl", "--top", "1000", "--quiet"],
                          check=True, capture_output=True, text=True)
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    [form] = [entry.value for entry in exported_head(program, run).metadata_props if entry.key == "headstart.labels"]
    classes = json.loads(form)
    probabilities = [{one["class"]: one["probability"] for one in answer["top"]} for answer in answers]
    return classes, {a["path"]: [p[name] for name in classes] for a, p in zip(answers, probabilities)}


def exported_head(program, run):
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "head.onnx")
        subprocess.run([program, "export", run, "-o", path, "--head-only"], check=True, stdout=subprocess.DEVNULL)
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        onnxruntime.InferenceSession(path)
        return model


def prepare(image, metadata):
    """What the form takes: pixels, or what the recipe of the project's own backbone makes of them."""
    if metadata["headstart.form"] == "image":
        return np.asarray(image)[np.newaxis]
    recipe = json.loads(metadata["headstart.recipe"])
    assert recipe["filter"] == "bilinear" and recipe["channels"] == "bgr" and recipe["layout"] == "nchw", recipe
    size = recipe["resize"]["stretch"]
    pixels = np.asarray(image.resize((size["width"], size["height"]), Image.Resampling.BILINEAR), np.float32)
    return np.ascontiguousarray((pixels[..., ::-1] - np.float32(recipe["mean"])).transpose(2, 0, 1))[np.newaxis]


def sessions(path):
    session = onnxruntime.InferenceSession(path)
    name = session.get_inputs()[0].name
    yield "onnxruntime", lambda one: session.run(None, {name: one})[0][0]
    # By itself OpenVINO computes in bf16 where the processor has it.
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    yield "OpenVINO", lambda one: model(one)[0][0]


def tell(name, expected, found, bound):
    apart = np.abs(expected - found).max(axis=1)
    best = np.sort(expected, axis=1)
    margin = best[:, -1] - best[:, -2]
    other = expected.argmax(axis=1) != found.argmax(axis=1)
    good = bool(apart.max() <= bound and not (other & (margin > bound)).any())
    print(f"{name}: at most {apart.max():.1e} (allowed {bound:.0e}), another class for {other.sum()} images; "
          f"{'good' if good else 'BEYOND THE BOUND'}", flush=True)
    return good


main()
