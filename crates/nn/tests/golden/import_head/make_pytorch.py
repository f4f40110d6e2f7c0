"""Write heads of PyTorch as safetensors files, and what PyTorch says of some features: pytorch_*.safetensors and pytorch.json, beside
this script.

    python make_pytorch.py

Needs torch and safetensors. Same seed, same files.
"""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

SEED = 12
INPUTS = 12
HERE = Path(__file__).parent


def heads():
    # In the file `answer` comes before `hidden`; the sizes tell the order.
    yield "named", "tanh", nn.Sequential(OrderedDict(
        hidden=nn.Linear(INPUTS, 7), tanh=nn.Tanh(), drop=nn.Dropout(0.5), answer=nn.Linear(7, 5)
    ))
    yield "numbered", "relu", nn.Sequential(
        nn.Linear(INPUTS, 12), nn.ReLU(), nn.Dropout(0.2), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3)
    )
    yield "half", "sigmoid", nn.Sequential(nn.Linear(INPUTS, 6), nn.Sigmoid(), nn.Linear(6, 4)).to(torch.bfloat16).float()


def main():
    torch.manual_seed(SEED)
    features = np.random.default_rng(SEED).normal(size=(16, INPUTS)).astype(np.float32)
    cases = []
    for name, activation, model in heads():
        model.eval()
        with torch.no_grad():
            said = model(torch.from_numpy(features)).softmax(dim=1)
        state = model.state_dict()
        if name == "half":
            # The weights were rounded before, so that these are the very numbers.
            state = {key: value.to(torch.bfloat16) for key, value in state.items()}
        safetensors.torch.save_file(state, HERE / f"pytorch_{name}.safetensors")
        cases.append({"file": f"pytorch_{name}.safetensors", "activation": activation, "probabilities": said.tolist()})
    made = {
        "script": "tests/golden/import_head/make_pytorch.py",
        "versions": {"torch": torch.__version__.split("+")[0], "safetensors": safetensors.__version__},
        "seed": SEED,
    }
    text = json.dumps({"made_by": made, "features": features.tolist(), "cases": cases})
    (HERE / "pytorch.json").write_text(text.replace("], [", "],\n[") + "\n")


main()
