"""Print what NumPy, pandas, pyarrow and safetensors find in the exports in a folder, pyarrow in a segment of a cache, and what the head
there says of the features, as JSON."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import safetensors
import safetensors.numpy


def texts(frame):
    """The columns of text, with None for what is missing."""
    columns = frame[["path", "label", "split", "key"]].astype(object)
    return columns.where(columns.notna(), None).to_dict("list")


def table(frame):
    rows = np.stack(frame["features"].to_list())
    assert rows.dtype == np.float32, rows.dtype
    return {**texts(frame), "features": rows.tolist()}


def npy(folder):
    features = np.load(folder / "f.npy", mmap_mode="r")
    assert features.dtype == np.float32 and features.flags.c_contiguous
    return {**texts(pd.read_csv(folder / "f.csv", dtype=str)), "features": features.tolist()}


def tensors(folder):
    path = folder / "g.safetensors"
    found = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, "np") as file:
        classes = json.loads(file.metadata()["classes"])
    labels = [classes[label] if label >= 0 else None for label in found["labels"].tolist()]
    assert found["features"].dtype == np.float32
    beside = texts(pd.read_csv(folder / "g.csv", dtype=str))
    assert beside["label"] == labels
    return {**beside, "features": found["features"].tolist()}


def head(folder):
    """As docs/heads.md computes it."""
    path = folder / "head.safetensors"
    layers = safetensors.numpy.load_file(path)
    with safetensors.safe_open(path, "np") as file:
        config = json.loads(file.metadata()["headstart.head"])["config"]
    features = np.load(folder / "f.npy")
    hidden = np.maximum(features @ layers["dense.kernel"] + layers["dense.bias"], 0)
    logits = hidden @ layers["dense_1.kernel"] + layers["dense_1.bias"]
    return {"config": config, "logits": logits.tolist()}


def segment(path):
    reader = pa.ipc.open_stream(path)
    metadata = {name.decode(): value.decode() for name, value in reader.schema.metadata.items()}
    rows = reader.read_all()
    rows.validate(full=True)
    features = rows.column("features")
    return {
        "metadata": metadata,
        "types": [str(field.type) for field in rows.schema],
        "key": [key.as_py().hex() for key in rows.column("key")],
        "view": rows.column("view").to_pylist(),
        "features": [[float(number) for number in row.as_py()] for row in features],
    }


def main(folder, segments):
    folder = Path(folder)
    parquet = folder / "f.parquet"
    assert pa.parquet.read_schema(parquet).field("features").type == pa.list_(pa.field("item", pa.float32(), False), 3)
    found = {
        "npy": npy(folder),
        "safetensors": tensors(folder),
        "parquet": table(pd.read_parquet(parquet)),
        "arrow": table(pd.read_feather(folder / "f.arrow")),
        "pyarrow": table(pa.ipc.open_file(folder / "f.arrow").read_all().to_pandas()),
        "head": head(folder),
        "segments": [segment(path) for path in segments],
    }
    print(json.dumps(found))


main(sys.argv[1], sys.argv[2:])
