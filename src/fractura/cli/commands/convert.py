"""``fractura convert``: labelled films from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fractura.cli import output as out
from fractura.errors import FracturaError, UsageError

LABEL_MAP = "label_map.pbtxt"


def convert(
    source: Annotated[Path, typer.Argument(help="Pascal VOC folder, or TFRecord file or pattern.", show_default=False)],
    target: Annotated[Path, typer.Argument(help="TFRecord file, or folder for Pascal VOC.", show_default=False)],
    to: Annotated[Literal["tfrecord", "voc"], typer.Option(help="Format to write.")],
    label_map: Annotated[
        Path | None,
        typer.Option(
            help="Names and ids of the classes. For TFRecord: made, or missing classes are added at its end.",
            show_default=f"{LABEL_MAP} beside TARGET for TFRecord",
        ),
    ] = None,
    shards: Annotated[int | None, typer.Option(min=1, help="Write so many TFRecord files, TARGET-00000-of-…")] = None,
    on_error: Annotated[Literal["stop", "skip"], typer.Option(help="At an unusable film or box.")] = "stop",
    json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Turn labelled films from one format into another. Films keep their bytes: nothing is encoded again."""
    from fractura.formats import read_dataset, read_tfrecord, write_tfrecord, write_voc
    from fractura.formats.label_map import update_label_map
    from fractura.formats.tfrecord_frames import stands_for_files

    if shards is not None and to != "tfrecord":
        raise UsageError("--shards is for --to tfrecord")
    problems: list[FracturaError] = []
    from_records = stands_for_files(source)
    if from_records and label_map is not None and label_map.is_file():
        data = read_tfrecord(source, label_map, on_error=on_error, problems=problems)
    else:
        data = read_dataset(source, on_error=on_error, problems=problems)
    written: list[Path] = [target]
    if to == "tfrecord":
        place = label_map if label_map is not None else target.parent / LABEL_MAP
        ids = update_label_map(place, data.class_names)
        files = write_tfrecord(data, target, shards=shards, label_map=ids, on_error=on_error, problems=problems)
        written = [*files, place]
    else:
        write_voc(data, target)
    for problem in problems:
        out.warn(str(problem))
    if json:
        out.write_json(
            {
                "written": written,
                "films": len(data),
                "boxes": data.boxes_by_class,
                "problems": [str(problem) for problem in problems],
            }
        )
        return
    for path in written:
        out.write_line(str(path))
    boxes = ", ".join(f"{name} {count}" for name, count in data.boxes_by_class.items())
    out.say(f"{len(data)} films, {data.negatives} of them without boxes; boxes: {boxes}")
