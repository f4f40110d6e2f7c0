"""Make tensorboard_events.bin: an event file by TensorBoard's own writer and messages, every time set by hand.

    python tests/golden/make_tensorboard.py

Needs tensorboard 2.21.0 (with protobuf 7.36.2 and numpy 2.4.6 when the file was made). No seed.
"""

import io
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2, summary_v2 as hparams
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb
from tensorboard.summary.writer.record_writer import RecordWriter

SETTINGS = {
    "activation": "relu", "dropout": 0.5, "epochs": 3, "hidden": "[256, 64]", "learning_rate": 1e-3,
    "momentum": 0.0, "shuffle": True, "staircase": False,
}  # fmt: skip


def session_start():
    summary = hparams.hparams_pb(SETTINGS, start_time_secs=1700000000.25)
    data = metadata.parse_session_start_info_plugin_data(summary.value[0].metadata.plugin_data.content)
    # The writer's group is a hash of the settings; ours leaves each training on its own.
    data.group_name = ""
    return with_content(summary, plugin_data_pb2.HParamsPluginData(session_start_info=data))


def session_end():
    """As the package's own `session_end_pb` has it, which asks for TensorFlow."""
    summary = hparams.hparams_pb({"a": 1}, start_time_secs=1)
    summary.value[0].tag = metadata.SESSION_END_INFO_TAG
    info = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=1700000009.5)
    return with_content(summary, plugin_data_pb2.HParamsPluginData(session_end_info=info))


def with_content(summary, message):
    # Maps have no order of their own: sorted, the bytes are always the same.
    summary.value[0].metadata.plugin_data.content = message.SerializeToString(deterministic=True)
    return Summary.FromString(summary.SerializeToString())


def main():
    first = Event(wall_time=1700000000.0, file_version="brain.Event:2")
    first.source_metadata.writer = "headstart"
    summaries = [
        (0, session_start()),
        (0, text_pb("settings", "    epochs = 3\n    name = \"Zürich\"\n")),
        (0, scalar_pb("epoch_loss", 0.0)),
        (1, scalar_pb("epoch_loss", 1.6180340051651)),
        (70000, scalar_pb("epoch_accuracy", 1e-40)),
        (0, session_end()),
    ]
    out = io.BytesIO()
    writer = RecordWriter(out)
    writer.write(first.SerializeToString(deterministic=True))
    for number, (step, summary) in enumerate(summaries):
        event = Event(wall_time=1700000001.5 + number, step=step, summary=summary)
        writer.write(event.SerializeToString(deterministic=True))
    (Path(__file__).parent / "tensorboard_events.bin").write_bytes(out.getvalue())


main()
