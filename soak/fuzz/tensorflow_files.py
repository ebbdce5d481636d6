"""Readers of TensorFlow's files: label map, pipeline.config, TFRecord, checkpoint; SavedModel is among the models."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Sequence
from pathlib import Path

import google_crc32c
import numpy as np

from fractura.core.dataset import Dataset
from fractura.core.errors import FracturaError
from fractura.formats.label_map import label_map_of, read_label_map
from fractura.formats.protobuf.wire import WireError, fields, varint
from fractura.formats.tfrecord.frames import mask_crc32c, masked_crc32c, read_frames, write_frame
from fractura.formats.tfrecord.reader import read_tfrecord
from fractura.formats.tfrecord.writer import write_tfrecord
from fractura.tensorflow_od.checkpoint import CheckpointReader, write_checkpoint
from fractura.tensorflow_od.checkpoint_entries import encode_entries, read_entries
from fractura.tensorflow_od.checkpoint_index import read_table, write_table
from fractura.tensorflow_od.checkpoint_state import latest_checkpoint
from fractura.tensorflow_od.object_graph import GRAPH_KEY, encode_graph, graph_of_keys
from fractura.tensorflow_od.pipeline_edit import PipelineChanges, edit_pipeline_config
from fractura.tensorflow_od.pipeline_mapping import (
    detector_settings,
    eval_config,
    eval_readers,
    input_reader,
    train_settings,
)
from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
from fractura.tensorflow_od.pipeline_writer import zoo_pipeline
from soak.fuzz.annotations import is_sound
from soak.fuzz.harness import Read, Reader, Seed
from soak.fuzz.mutations import change_bytes, change_protobuf, change_text
from soak.fuzz.seeds import shared_files, small_dataset

_TEXT = (change_text, change_text, change_text, change_bytes)
_MODES = ("stop", "skip", "skip-all")


def _prepare_label_map(folder: Path) -> tuple[Sequence[Seed], Read]:
    path = folder / "label_map.pbtxt"
    seeds = [
        Seed(label_map_of(["Fractura", "luxación", "a 'b'"]).to_text().encode()),
        Seed(b"item <id: 2, name: \"a\\303\\261\" 'b'; display_name: 'x'>\nitem:{name:'c' id:0x1} # no\n"),
        Seed(b"item { id: 0 name: 'background' } item { id: 1 name: '/m/01' display_name: 'x' keypoints { id: 1 } }"),
        *shared_files("cases/tensorflow/**/*.pbtxt"),
    ]

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        found = read_label_map(path)
        path.write_text(found.to_text(), encoding="utf-8")
        again = read_label_map(path)
        assert (again.class_names, again.ids) == (found.class_names, found.ids), "it reads otherwise once written again"
        return f"{len(found.items)} {len(found.notes)}"

    return seeds, read


def _prepare_pipeline(folder: Path) -> tuple[Sequence[Seed], Read]:
    path = folder / "pipeline.config"
    whole = zoo_pipeline("faster_rcnn_inception_resnet_v2_640x640", 1, 2, 100)
    short = (
        "model { faster_rcnn { num_classes: 1 image_resizer { fixed_shape_resizer { height: 64 width: 64 } }\n"
        "feature_extractor { type: 'faster_rcnn_resnet50_keras' } } }\n"
        "train_config { batch_size: 2 num_steps: 10 optimizer { momentum_optimizer { learning_rate {\n"
        "cosine_decay_learning_rate { learning_rate_base: 0.04 total_steps: 10 } } } use_moving_average: false }\n"
        "data_augmentation_options { random_horizontal_flip { } } }\n"
        "train_input_reader { label_map_path: 'l.pbtxt' tf_record_input_reader { input_path: 'a.record' } }\n"
    )
    seeds = [Seed(short.encode())] * 4 + [Seed(whole.encode())]
    seeds += [*shared_files("cases/tensorflow/*.config", "reference/configs/*.config")]

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        found = read_pipeline_config(path)
        text = found.document.text
        edited, _ = edit_pipeline_config(text, PipelineChanges(batch_size=4, label_map="ñ'\".txt"), path)
        path.write_bytes(edited.encode())
        again = read_pipeline_config(path)
        assert again.root.section("train_config")["batch_size"] == 4, "what was edited is not there"
        assert input_reader(again) is not None
        input_reader(found)
        eval_config(found)
        eval_readers(found)
        detector_settings(found)
        return f"{len(found.without_effect)} {train_settings(found, folder, folder, {'num_steps': 5}).batch_size}"

    return seeds, read


def _example(dataset: Dataset, folder: Path) -> list[bytes]:
    path = folder / "written.record"
    write_tfrecord(dataset, path)
    return [frame.payload for frame in read_frames(path)]


def _prepare_tfrecord(folder: Path) -> tuple[Sequence[Seed], Read]:
    from support.tutorial_tfrecord import TUTORIAL_TFRECORD

    dataset = small_dataset(folder / "images")
    path, written = folder / "a.record", folder / "again.record"
    path.write_bytes(TUTORIAL_TFRECORD)
    tutorial = [frame.payload for frame in read_frames(path)]
    good = _example(dataset, folder)
    seeds = [Seed(payload, "example") for payload in (*good, *tutorial) if len(payload) < 4000]
    seeds += [Seed((folder / "written.record").read_bytes(), "file")]
    seeds += [Seed(each.data, "file") for each in shared_files("cases/tensorflow/records/*.record", largest=1 << 14)]

    def read(data: bytes, name: str) -> str:
        number = zlib.crc32(data)
        if name == "example":
            stream = io.BytesIO()
            write_frame(stream, good[0])
            write_frame(stream, data)
            path.write_bytes(stream.getvalue())
        else:
            path.write_bytes(data)
        names = ("Fractura", "luxación", "yeso 2") if number % 2 else None
        found = read_tfrecord(path, class_names=names, on_error=_MODES[number % 3], problems=[])
        is_sound(found)
        for record in found:
            assert record.read_bytes()
        if number % 16 == 0:
            write_tfrecord(found, written, on_error="skip-all", problems=[])
            again = read_tfrecord(written, class_names=found.class_names, problems=[])
            same = {record.name: record for record in again}
            for record in found:
                if record.name in same:
                    assert np.allclose(same[record.name].boxes.xyxy, record.boxes.xyxy, atol=1e-2), "other boxes"
        return f"{len(found)} {sum(len(record.boxes) for record in found)}"

    return seeds, read


def _repair_frames(data: bytes, draw: random.Random) -> bytes:
    """Right checksums, where what is repaired is a file of frames and not an example."""
    del draw
    out, position = bytearray(), 0
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 8], "little")
        if length > len(data) - position - 16:
            return data
        payload = data[position + 12 : position + 12 + length]
        out += data[position : position + 8] + masked_crc32c(data[position : position + 8]).to_bytes(4, "little")
        out += payload + masked_crc32c(payload).to_bytes(4, "little")
        position += 16 + length
    return bytes(out) + data[position:]


def _exercise(checkpoint: CheckpointReader) -> str:
    nodes = len(checkpoint.object_graph)
    checkpoint.key_at("model/a")
    checkpoint.key_at("save_counter")
    kinds = sorted({variable.dtype for variable in checkpoint.variables.values()})
    problems = set()
    for key, variable in checkpoint.variables.items():
        try:
            value = checkpoint.read(key)
        except FracturaError as error:
            problems.add(error.problem[:20])
            continue
        assert value.shape == variable.shape, "a value of another shape than the index says"
    return f"{nodes} {kinds} {sorted(problems)}"


def _prepare_index(folder: Path) -> tuple[Sequence[Seed], Read]:
    from support.snappy_tables import compressed, table_with
    from support.tensorflow_checkpoint import DATA, INDEX, write_files

    prefix = write_files(folder)
    index = prefix.with_name("ckpt-1.index")
    table = read_table(INDEX, index)
    keys = sorted(table)
    seeds = [Seed(INDEX, "index"), Seed(compressed(list(table.items())), "index")]
    seeds += [Seed(table[key], f"entry {number}") for number, key in enumerate(keys)]
    seeds += [Seed(encode_graph(graph_of_keys([key.decode() for key in keys[1:] if b"/." in key], {})), "graph")]
    block = INDEX[: INDEX.index(b"\0\0\0\0\1\0\0\0")] if b"\0\0\0\0\1\0\0\0" in INDEX else INDEX[:200]
    seeds += [Seed(block + b"\0\0\0\0\1\0\0\0", "block"), Seed(b"\x08\x00a\x0d\x01", "snappy")]
    seeds += [
        Seed(
            varint(len(block) + 8) + b"\xf4" + (len(block) + 7).to_bytes(2, "little") + block + b"\0\0\0\0\1\0\0\0",
            "snappy",
        )
    ]
    seeds += [Seed(each.data, "index") for each in shared_files("cases/tensorflow/**/*.index", largest=1 << 13)]

    def read(data: bytes, name: str) -> str:
        kind, _, number = name.partition(" ")
        whole = DATA
        if kind == "index":
            content = data
        elif kind == "entry":
            content = write_table([(key, data if i == int(number) else table[key]) for i, key in enumerate(keys)])
        elif kind == "graph":
            packed = varint(len(data)) + mask_crc32c(google_crc32c.value(len(data).to_bytes(4, "little"))).to_bytes(
                4, "little"
            )
            whole = DATA + packed + data
            crc = google_crc32c.value(len(data).to_bytes(4, "little"))
            crc = google_crc32c.extend(google_crc32c.extend(crc, packed[-4:]), data)
            entry = next(iter(read_entries(index)[1].values())).__class__(
                number=7, shape=(), shard=0, offset=len(DATA), size=len(packed) + len(data), checksum=mask_crc32c(crc)
            )
            single = read_table(encode_entries({GRAPH_KEY: entry}), index)
            content = write_table(sorted({**table, **single}.items()))
        else:
            content = table_with(data, 1 if kind == "snappy" else 0)
        try:
            index.write_bytes(content)
            if whole is not DATA:
                prefix.with_name("ckpt-1.data-00000-of-00001").write_bytes(whole)
            return _exercise(CheckpointReader(prefix))
        finally:
            index.write_bytes(INDEX)
            if whole is not DATA:
                prefix.with_name("ckpt-1.data-00000-of-00001").write_bytes(DATA)

    return seeds, read


def _prepare_data(folder: Path) -> tuple[Sequence[Seed], Read]:
    """Damaged values; most of the time under an index that gives them the right checksum."""
    from support.tensorflow_checkpoint import DATA, INDEX, write_files

    prefix = write_files(folder)
    index, values = prefix.with_name("ckpt-1.index"), prefix.with_name("ckpt-1.data-00000-of-00001")
    _, entries = read_entries(index)
    ours = folder / "ckpt-2"
    write_checkpoint(
        ours, {"model/a/.ATTRIBUTES/VARIABLE_VALUE": np.arange(8.0), "s/.ATTRIBUTES/VARIABLE_VALUE": np.int64(3)}
    )
    # Of the strings, the lengths' own checksum and that of all are wrong then: both ways to notice are tried.
    fitted = {}

    def read(data: bytes, _name: str) -> str:
        values.write_bytes(data)
        if zlib.crc32(data) % 4:
            for key, entry in entries.items():
                part = data[entry.offset : entry.offset + entry.size]
                fitted[key] = type(entry)(**{**vars(entry), "checksum": _checksum(part, entry.number)})
            index.write_bytes(encode_entries(fitted))
        else:
            index.write_bytes(INDEX)
        return _exercise(CheckpointReader(prefix))

    return [Seed(DATA), Seed(DATA[: len(DATA) // 2] + DATA[: len(DATA) // 2])], read


def _checksum(part: bytes, number: int) -> int:
    if number != 7:
        return mask_crc32c(google_crc32c.value(part))
    try:
        (_, _, length, end), *_ = fields(b"\x08" + part, 0, len(part) + 1)
    except (WireError, ValueError):
        return 0
    fixed = (length if isinstance(length, int) else 0).to_bytes(8, "little")[:4]
    del end
    return mask_crc32c(google_crc32c.extend(google_crc32c.value(fixed), part[1:]))


def _prepare_state(folder: Path) -> tuple[Sequence[Seed], Read]:
    from support.tensorflow_checkpoint import write_files

    write_files(folder)
    path = folder / "checkpoint"
    names = ("ckpt-1", "ckpt-0", "/x/ckpt-1")
    text = f'model_checkpoint_path: "{names[0]}"\n' + "".join(
        f'all_model_checkpoint_paths: "{each}"\n' for each in names
    )

    def read(data: bytes, _name: str) -> str:
        path.write_bytes(data)
        return str(latest_checkpoint(folder))

    return [Seed(text.encode()), *shared_files("cases/tensorflow/**/checkpoint")], read


TENSORFLOW_FILES = (
    Reader("label-map", "label map", _prepare_label_map, _TEXT),
    Reader(
        "pipeline-config",
        "pipeline.config",
        _prepare_pipeline,
        _TEXT,
        found="whole numbers of 400 digits, 2 of 5,457 (`test_errors_name_the_line_and_have_a_hint`)",
    ),
    Reader(
        "tfrecord",
        "TFRecord file",
        _prepare_tfrecord,
        (change_protobuf, change_protobuf, change_protobuf, change_bytes, change_text),
        repair=_repair_frames,
    ),
    Reader(
        "checkpoint-index",
        "index of a TensorFlow checkpoint",
        _prepare_index,
        (change_protobuf, change_protobuf, change_bytes),
        found="an object graph that is a number: TypeError (`test_checkpoint.py`); an array of no values and an "
        "axis beyond all memory, 1 of 100,000 (`test_shapes_that_no_array_has_are_named`)",
    ),
    Reader("checkpoint-data", "data file of a TensorFlow checkpoint", _prepare_data, (change_bytes,)),
    Reader("checkpoint-state", "list of TensorFlow checkpoints", _prepare_state, _TEXT),
)
