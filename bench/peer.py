"""The ways of bench/results_peers.py by name, and a process that stays warm and measures on request."""

import os
import signal
import subprocess
import sys

# The Python that each needs, and its name in a table.
PEERS = {
    "onnxruntime": ("onnx", "Pillow and ONNX Runtime"),
    "openvino": ("onnx", "Pillow and OpenVINO"),
    "openvino-bf16": ("onnx", "Pillow and OpenVINO, bf16"),
    "torch": ("torch", "PyTorch, `DataLoader`"),
    "torch-compiled": ("torch", "PyTorch, `torch.compile`"),
    "keras": ("keras", "Keras, `tf.data` and `predict`"),
}


class Peer:
    """Says `ready NAME` when it is, then answers each line with a line; stopped while it has none to answer, if `stop`."""

    def __init__(self, command, stop):
        self.stop = stop and hasattr(signal, "SIGSTOP")
        # Builds of PyTorch that know graphics cards are to leave them alone.
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "CUDA_VISIBLE_DEVICES": ""}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.name = self.answer().removeprefix("ready ")
        self.pause()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended with status {self.process.wait()}")
        return line.strip()

    def pause(self):
        if self.stop:
            self.process.send_signal(signal.SIGSTOP)

    def ask(self, line):
        """Its answer to a line."""
        if self.stop:
            self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = self.answer()
        self.pause()
        return answer

    def end(self):
        self.process.kill()
        self.process.wait()
