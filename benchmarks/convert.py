"""A folder of images with Pascal VOC files → TFRecord: time and memory against a plain copy and the tutorial's script.

    python benchmarks/convert.py FOLDER [--rounds 5]

FOLDER holds ``images/`` and ``annotations/``. All ways run in this one call, in turn, each in a process of its own that
measures itself (imports left out); the median of the rounds counts. The tutorial's way (TensorFlow and OpenCV: decode,
encode again as JPEG) runs only where both can be imported. A copy of the images alone and one of all files are
measured.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

_MEASURE = """
import json, resource, sys, time
from pathlib import Path
source, target = Path(sys.argv[1]), Path(sys.argv[2])
{setup}
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start, cpu = time.perf_counter(), time.process_time()
{work}
print(json.dumps(dict(seconds=time.perf_counter() - start, cpu=time.process_time() - cpu,
    megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    written=sum(f.stat().st_size for f in [target, *target.rglob("*")] if f.is_file()))))
"""

_WAYS = {
    "copy of the images": (
        "import shutil",
        "shutil.copytree(source / 'images', target / 'images')",
    ),
    "copy of images and annotations": (
        "import shutil",
        "shutil.copytree(source, target)",
    ),
    "fractura": (
        "from fractura.formats.tfrecord import write_tfrecord\nfrom fractura.formats import read_voc",
        "write_tfrecord(read_voc(source), target)",
    ),
    "fractura, writing alone": (
        "from fractura.formats.tfrecord import write_tfrecord\nfrom fractura.formats import read_voc\n"
        "data = read_voc(source)",
        "write_tfrecord(data, target)",
    ),
    "tutorial (TensorFlow, OpenCV)": (
        "import cv2, tensorflow as tf\nfrom lxml import etree",
        """
def feature(kind, values):
    return tf.train.Feature(**{kind + "_list": getattr(tf.train, kind.capitalize() + "List")(value=values)})
with tf.io.TFRecordWriter(str(target)) as writer:
    for path in sorted((source / "annotations").glob("*.xml")):
        root = etree.parse(str(path)).getroot()
        name = root.findtext("filename")
        width, height = int(root.findtext("size/width")), int(root.findtext("size/height"))
        image = cv2.cvtColor(cv2.imread(str(source / "images" / name)), cv2.COLOR_BGR2RGB)
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
""",
    ),
}


def measure(way: str, source: Path) -> dict[str, float]:
    """One run of one way, in a process of its own."""
    setup, work = _WAYS[way]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "out"
        script = _MEASURE.format(setup=setup, work=work)
        done = subprocess.run(
            [sys.executable, "-c", script, str(source), str(target)], check=True, capture_output=True, text=True
        )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds images/ and annotations/")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    ways = list(_WAYS)
    missing = [name for name in ("tensorflow", "cv2", "lxml") if find_spec(name) is None]
    if missing:
        ways.remove("tutorial (TensorFlow, OpenCV)")
        print(f"the tutorial's way is left out: {', '.join(missing)} cannot be imported")
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(arguments.rounds):
        for way in ways:
            runs[way].append(measure(way, arguments.folder))
    medians = {
        way: {key: statistics.median(run[key] for run in found) for key in found[0]} for way, found in runs.items()
    }
    print(f"{'way':32}{'seconds':>9}{'cpu s':>8}{'peak MB':>9}{'written MB':>12}{'ratio':>8}")
    for way, metrics in medians.items():
        ratio = metrics["seconds"] / medians["fractura"]["seconds"]
        print(
            f"{way:32}{metrics['seconds']:9.2f}{metrics['cpu']:8.2f}{metrics['megabytes']:9.0f}"
            f"{metrics['written'] / 1e6:12.1f}{ratio:8.2f}"
        )
    print("ratio: time over that of fractura (VOC folder to TFRecord, truncation check on)")


if __name__ == "__main__":
    main()
