"""The training step of other frameworks, measured on request: the other end of bench/train.py.

    python train_peers.py torch|tensorflow FILE

FILE holds rows of 2048 little-endian float32. The head is 2048-256-10 with ReLU and dropout 0.5, the loss softmax
cross-entropy on logits, the optimizer Adam. A step gathers its rows in an order that is new in each epoch, and neither looks
at its loss nor counts hits. A request is a line such as `variant=fused,2 batch=32 rows=1000 warm=8 steps=160 seconds=2`: `warm`
steps that nobody counts, then `steps` steps or as many as fit into `seconds`; the answer is a line with milliseconds per step.
"""

import sys
import time

import numpy as np

DIM, HIDDEN, CLASSES = 2048, 256, 10


def batches(rows, batch):
    """Indices, batch by batch; the last of an epoch takes what is left."""
    rng = np.random.default_rng(0)
    while True:
        order = rng.permutation(rows)
        for start in range(0, rows, batch):
            yield order[start : start + batch]


def torch_peer(file):
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    def session(variant, rows, batch):
        """`fused,2`: Adam's way, then threads; `compiled,2`: the fused way, forward and backward by torch.compile."""
        way = variant.split(",")[0]
        x = torch.from_numpy(np.fromfile(file, np.float32, rows * DIM).reshape(rows, DIM))
        y = torch.arange(rows) % CLASSES
        model = nn.Sequential(nn.Linear(DIM, HIDDEN), nn.ReLU(), nn.Dropout(0.5), nn.Linear(HIDDEN, CLASSES))
        ways = {"foreach": {"foreach": True}, "plain": {"foreach": False}}
        adam = torch.optim.Adam(model.parameters(), lr=3e-4, **ways.get(way, {"fused": True}))

        def loss(features, labels):
            return cross_entropy(model(features), labels)

        if way == "compiled":
            loss = torch.compile(loss, dynamic=False)

        def step(indices):
            indices = torch.from_numpy(indices)
            adam.zero_grad(set_to_none=True)
            loss(x[indices], y[indices]).backward()
            adam.step()

        return step

    return f"torch {torch.__version__}", session, lambda variant: torch.set_num_threads(int(variant.split(",")[1]))


def tensorflow_peer(file):
    import keras
    import tensorflow as tf

    def session(variant, rows, batch):
        """`eager`, `function` or `xla`."""
        x = tf.constant(np.fromfile(file, np.float32, rows * DIM).reshape(rows, DIM))
        y = tf.range(rows) % CLASSES
        layers = keras.layers
        model = keras.Sequential(
            [
                keras.Input((DIM,)),
                layers.Dense(HIDDEN, activation="relu"),
                layers.Dropout(0.5),
                layers.Dense(CLASSES),
            ]
        )
        adam = keras.optimizers.Adam(3e-4)
        adam.build(model.trainable_variables)
        cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

        def step(indices):
            features, labels = tf.gather(x, indices), tf.gather(y, indices)
            with tf.GradientTape() as tape:
                loss = cross_entropy(labels, model(features, training=True))
            adam.apply_gradients(zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables))
            return loss

        if variant == "eager":
            return step
        compiled = tf.function(step, jit_compile=variant == "xla")
        return lambda indices: compiled(tf.constant(indices))

    return f"tensorflow {tf.__version__}, keras {keras.__version__}", session, lambda variant: None


def main():
    framework, file = sys.argv[1:]
    # What a framework prints must not get among the answers.
    answers, sys.stdout = sys.stdout, sys.stderr
    name, session, prepare = {"torch": torch_peer, "tensorflow": tensorflow_peer}[framework](file)
    print("ready", name, file=answers, flush=True)
    sessions = {}
    for line in sys.stdin:
        asked = dict(word.split("=") for word in line.split())
        variant = asked["variant"]
        rows, batch, warm, steps, seconds = (int(asked[name]) for name in ("rows", "batch", "warm", "steps", "seconds"))
        prepare(variant)
        key = (variant, rows, batch)
        if key not in sessions:
            sessions[key] = session(variant, rows, batch), batches(rows, batch)
        step, indices = sessions[key]
        for _ in range(warm):
            step(next(indices))
        started = time.perf_counter()
        for done in range(1, steps + 1):
            last = step(next(indices))
            if time.perf_counter() - started > seconds:
                break
        # A tensor may be promised before it is there.
        if last is not None:
            last.numpy()
        print((time.perf_counter() - started) / done * 1e3, file=answers, flush=True)


if __name__ == "__main__":
    main()
