"""Print what TensorBoard finds in a folder, as JSON: scalars, texts and settings of each run, by TensorBoard's own reader."""

import json
import math
import sys

from tensorboard.backend.event_processing.event_multiplexer import EventMultiplexer
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.util import tensor_util


def settings(content):
    start = hparams.parse_session_start_info_plugin_data(content)
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in start.hparams.items()}


def number(value):
    """JSON has no number for what is none."""
    return None if isinstance(value, float) and math.isnan(value) else value


def main(folder):
    runs = EventMultiplexer().AddRunsFromDirectory(folder).Reload()
    found = {}
    for run, kinds in runs.Runs().items():
        plugin = {tag: runs.SummaryMetadata(run, tag).plugin_data.plugin_name for tag in kinds["tensors"]}
        values = {
            tag: [[event.step, number(tensor_util.make_ndarray(event.tensor_proto).tolist())] for event in runs.Tensors(run, tag)]
            for tag in plugin
        }
        found[run] = {
            "scalars": {tag: values[tag] for tag in plugin if plugin[tag] == "scalars"},
            "texts": {tag: values[tag][0][1].decode() for tag in plugin if plugin[tag] == "text"},
        }
        contents = runs.GetAccumulator(run).PluginTagToContent("hparams") if "hparams" in plugin.values() else {}
        if hparams.SESSION_START_INFO_TAG in contents:
            found[run]["settings"] = settings(contents[hparams.SESSION_START_INFO_TAG])
            end = contents.get(hparams.SESSION_END_INFO_TAG)
            found[run]["status"] = end and hparams.parse_session_end_info_plugin_data(end).status
    print(json.dumps(found))


main(sys.argv[1])
