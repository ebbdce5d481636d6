"""Training step of Inception ResNet V2's first stage at batch 2 on the CPU: PyTorch here, TensorFlow there.

    python -m benchmarks.inception_training [--rounds 3]

Minutes. The TensorFlow Object Detection API cannot be installed on a current Python; the peer is the same first stage
(to the end of the 20 blocks at stride 16) of ``keras.applications``, forward and backward, with batch statistics and
frozen. Each runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from benchmarks.contest import in_turn, keep

_TAIL = """
step()
times = []
for _ in range(3):
    started = time.perf_counter()
    step()
    times.append(time.perf_counter() - started)
print(json.dumps({"seconds": sorted(times)[1], "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}))
"""
_OURS = (
    """
import json, resource, sys, time
import torch
from fractura.models.faster_rcnn.inception_resnet_v2 import InceptionResNetV2
from fractura.training.devices import use_all_cores
use_all_cores(1)
network = InceptionResNetV2(batch_norm_trainable=sys.argv[1] == "batch")
network = network.to(memory_format=torch.channels_last).train()
canvas = torch.rand(2, 3, 640, 640) * 255
def step():
    network.zero_grad(set_to_none=True)
    network.proposal_features(canvas)[0].square().mean().backward()
"""
    + _TAIL
)
_KERAS = (
    """
import json, resource, sys, time
import tensorflow as tf
whole = tf.keras.applications.InceptionResNetV2(weights=None, include_top=False, input_shape=(640, 640, 3))
network = tf.keras.Model(whole.input, whole.get_layer("block17_20_ac").output)
batch = sys.argv[1] == "batch"
canvas = tf.random.uniform((2, 640, 640, 3), -1, 1)
@tf.function
def gradients():
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(network(canvas, training=batch)))
    return tape.gradient(loss, network.trainable_variables)
def step():
    [float(tf.reduce_sum(each)) for each in gradients()[:1]]
"""
    + _TAIL
)


def measured(script: str, norm: str) -> dict[str, float]:
    """One process: a step of warm-up, the median of three."""
    done = subprocess.run([sys.executable, "-c", script, norm], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Both ways of batch normalisation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    for norm, said in (("batch", "batch statistics"), ("frozen", "frozen norms")):
        ours, peer = in_turn(lambda norm=norm: measured(_OURS, norm), lambda norm=norm: measured(_KERAS, norm), rounds)
        for key, unit, goal, name in (("seconds", "s", 1 / 0.7, "time"), ("gigabytes", "GB", 1 / 0.8, "peak memory")):
            keep(
                f"inception-training-{norm}-{key}",
                f"training step of Inception ResNet V2's first stage, batch 2, {said}: {name}",
                ("PyTorch", [each[key] for each in ours]),
                ("TensorFlow (Keras)", [each[key] for each in peer]),
                unit=unit,
                goal=round(goal, 2),
            )


if __name__ == "__main__":
    main()
