"""A folder of images with Pascal VOC files to TFRecord, as whole processes.

    python -m benchmarks.convert [--images FOLDER] [--rounds 5]

FOLDER holds ``images/`` and ``annotations/``; 1,000 phantoms are used without it. Peers: the tutorial's way (decode,
encode again as JPEG, ``tf.train.Example``) with TensorFlow, and a plain copy of the images.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.contest import in_turn, keep
from fractura.phantom import make_phantoms

_COPY = "import shutil, sys; shutil.copytree(sys.argv[1] + '/images', sys.argv[2])"
_TUTORIAL = """
import sys
from pathlib import Path
from xml.etree import ElementTree
import tensorflow as tf
source = Path(sys.argv[1])
def feature(kind, values):
    return tf.train.Feature(**{kind + "_list": getattr(tf.train, kind.capitalize() + "List")(value=values)})
with tf.io.TFRecordWriter(sys.argv[2]) as writer:
    for path in sorted((source / "annotations").glob("*.xml")):
        root = ElementTree.parse(str(path)).getroot()
        name = root.findtext("filename")
        width, height = int(root.findtext("size/width")), int(root.findtext("size/height"))
        image = tf.io.decode_image((source / "images" / name).read_bytes(), channels=3)
        boxes = [[int(each.findtext("bndbox/" + key)) for key in ("xmin", "ymin", "xmax", "ymax")]
                 for each in root.iter("object")]
        texts = [each.findtext("name").encode() for each in root.iter("object")]
        columns = {key: [box[i] / (height if i % 2 else width) for box in boxes]
                   for i, key in enumerate(("xmin", "ymin", "xmax", "ymax"))}
        writer.write(tf.train.Example(features=tf.train.Features(feature={
            "image/encoded": feature("bytes", [tf.io.encode_jpeg(image).numpy()]),
            "image/filename": feature("bytes", [name.encode()]),
            "image/height": tf.train.Feature(int64_list=tf.train.Int64List(value=[height])),
            "image/width": tf.train.Feature(int64_list=tf.train.Int64List(value=[width])),
            **{"image/object/bbox/" + key: feature("float", values) for key, values in columns.items()},
            "image/object/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[1] * len(boxes))),
            "image/object/class/text": feature("bytes", texts),
        })).SerializeToString())
"""


def seconds(source: Path, *words: str) -> float:
    """The time of one process that writes what ``{out}`` in its words names."""
    with tempfile.TemporaryDirectory() as folder:
        target = f"{folder}/out"
        started = time.perf_counter()
        given = [str(source) if word == "{in}" else target if word == "{out}" else word for word in words]
        subprocess.run([sys.executable, *given], check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="holds images/ and annotations/; phantoms without it")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        source = arguments.images or Path(place) / "phantoms"
        if arguments.images is None:
            make_phantoms(source, images=1000, seed=1)
        count = len(list((source / "annotations").glob("*.xml")))
        what = f"{count:,} images with Pascal VOC files to TFRecord, whole process"
        convert = ("-m", "fractura", "convert", "{in}", "{out}", "--to", "tfrecord")
        for line, name, peer, goal in (
            ("convert-tutorial", "TensorFlow script as the tutorial's", ("-c", _TUTORIAL, "{in}", "{out}"), 10.0),
            ("convert-copy", "copy of the images", ("-c", _COPY, "{in}", "{out}"), 1.0),
        ):
            ours, theirs = in_turn(
                lambda: seconds(source, *convert), lambda peer=peer: seconds(source, *peer), arguments.rounds
            )
            keep(line, what, ("fractura", ours), (name, theirs), goal=goal)


if __name__ == "__main__":
    main()
