"""One golden document for each command: how it is called, its exit codes, and everything that it writes."""

import os
from pathlib import Path

from golden.comparison import normalise, without_numbers
from golden.workshop import Workshop, image, options, voc

# What is read back of each format: the folder, or the file in it.
FORMATS = {
    "voc": "",
    "coco": "/annotations.json",
    "yolo": "",
    "createml": "/annotations.json",
    "csv": "/annotations.csv",
    "tfrecord": "/images.tfrecord",
}


def phantom(shop: Workshop) -> dict:
    return {
        "made": shop.phantoms,
        "too small": shop.run("phantom", "small", "--images", "2", "--short-side", "90", folder="small"),
    }


def check(shop: Workshop) -> dict:
    messy = shop.place / "messy"
    (messy / "annotations").mkdir(parents=True)
    faults = {
        "good": voc("good.png", [("Fractura", 10, 20, 60, 70)]),
        "good_too": voc("good_too.png", [("Fractura", 20, 10, 70, 60)]),
        "outside": voc("outside.png", [("Fractura", 150, 20, 260, 70)]),
        "inside_out": voc("inside_out.png", [("Fractura", 60, 20, 10, 70)]),
        "misspelt": voc("misspelt.png", [("fractura ", 10, 20, 60, 70)]),
        "wrong_size": voc("wrong_size.png", [("Fractura", 10, 20, 60, 70)], width=400),
        "twice": voc("twice.png", [("Fractura", 10, 20, 60, 70)] * 2),
        "malformed": "<annotation><object>",
        "copy_of_good": voc("copy_of_good.png", [("Fractura", 10, 20, 60, 70)]),
        "no_image": voc("no_image.png", [("Fractura", 10, 20, 60, 70)]),
    }
    for number, (name, text) in enumerate(faults.items()):
        if name != "no_image":
            image(messy / "images" / f"{name}.png", 0 if name == "copy_of_good" else number)
        (messy / "annotations" / f"{name}.xml").write_text(text, encoding="utf-8")
    (messy / "images" / "damaged.png").write_bytes(b"\x89PNG damaged")
    image(messy / "images" / "no_label.png", 77)
    words = ["check", "messy", "--html", "report", "--fix", "fixed", "--json"]
    found = shop.run(*words, folder="report")
    found["fixed"] = shop.run("check", "fixed", "--json", folder="fixed", known=["messy"])
    return {
        "messy": found,
        "clean, against itself": shop.run("check", shop.labelled, "--against", shop.labelled, "--json"),
        "no folder": shop.run("check", "nowhere"),
        "no such check": shop.run("check", shop.labelled, "--only", "nothing"),
    }


def convert(shop: Workshop) -> dict:
    made = {}
    for name, file in FORMATS.items():
        target = f"as_{name}"
        words = ["convert", shop.labelled, target + file if name == "tfrecord" else target, "--to", name, "--json"]
        made[name] = shop.run(*words, folder=target, known=["labelled/images"])
        words = ["convert", target + file, f"back_from_{name}", "--to", "voc", "--from", name, "--json"]
        words += ["--label-map", "as_tfrecord/label_map.pbtxt"] if name == "tfrecord" else []
        made[f"back from {name}"] = shop.run(*words, folder=f"back_from_{name}", known=["labelled/images"])
    return {
        **made,
        "shards": shop.run(
            *("convert", shop.labelled, "shards/images", "--to", "tfrecord", "--shards", "2", "--json"), folder="shards"
        ),
        "written twice": shop.run("convert", shop.labelled, "as_voc", "--to", "voc"),
        "no such format": shop.run("convert", shop.labelled, "other", "--to", "pascal"),
        "no source": shop.run("convert", "nowhere", "other", "--to", "voc"),
    }


def split(shop: Workshop) -> dict:
    words = ["split", shop.labelled, "parts", "--val", "0.25", "--test", "0.25", "--seed", "1", "--json"]
    return {
        "in three": shop.run(*words, folder="parts", known=["labelled"]),
        "again": shop.run("split", shop.labelled, "parts"),
        "no source": shop.run("split", "nowhere", "other"),
    }


def fetch(shop: Workshop) -> dict:
    from support.archives import member, tar_gz
    from support.file_server import serving

    os.environ["no_proxy"] = "127.0.0.1"
    name = "zoo:faster_rcnn_inception_resnet_v2_640x640"
    archive = tar_gz(
        member("model/pipeline.config", b"model { }\n"), member("model/checkpoint/ckpt-0.index", b"index")
    )  # fmt: skip
    with serving(archive) as server:
        words = ["fetch", name, "--output", "fetched", "--url", server.address(), "--json"]
        document = shop.run(*words, folder="fetched")
        document["command"] = document["command"].replace(str(server.server_port), "<port>")
        if isinstance(document["printed"].get("url"), str):
            document["printed"]["url"] = document["printed"]["url"].replace(str(server.server_port), "<port>")
    return {"an archive": document, "no such name": shop.run("fetch", "zoo:nothing", "--output", "fetched")}


def configure(shop: Workshop) -> dict:
    new = ["configure", "configured/pipeline.config", "--new", "faster_rcnn_inception_resnet_v2_640x640", "--json"]
    edit = ["configure", "configured/pipeline.config", "--num-classes", "2", "--batch-size", "3", "--num-steps", "500"]
    edit += ["--train-record", "a-*", "--train-record", "b", "--eval-record", "c", "--label-map", "labels.pbtxt"]
    edit += ["--fine-tune-checkpoint", "zoo/ckpt-0", "--fine-tune-checkpoint-type", "detection"]
    (shop.place / "configured").mkdir()
    return {
        "new": shop.run(*new, folder="configured"),
        "edited": shop.run(*edit, "--json", folder="configured"),
        "elsewhere": shop.run(*edit[:4], "--output", "copied/pipeline.config", "--json", folder="copied"),
        "no file": shop.run("configure", "nowhere/pipeline.config", "--num-classes", "2"),
    }


def models(shop: Workshop) -> dict:
    return {"all": shop.run("models", "--json"), "table": shop.run("models")}


def train(shop: Workshop) -> dict:
    document = shop.training
    files = document["files"]
    head, *rows = files["log.csv"]
    files["log.csv"] = [head, *(",".join(row.split(",")[:2]) for row in rows)]  # step and learning rate
    files["card.json"]["metrics"] = without_numbers(files["card.json"]["metrics"])
    for each in (document["printed"], files["training.json"]):
        each["best"], each["validations"] = without_numbers(each["best"]), without_numbers(each["validations"])
        each["best_step"] = "<number>"
    return {
        "two steps": document,
        "no data": shop.run("train", "nowhere", "--output", "other", "--num-steps", "1", "--device", "cpu"),
        "no such setting": shop.run("train", "phantoms/train", "--output", "other", "--set", "num_step=3"),
        "no state": shop.run("train", "--resume", "--output", "other"),
    }


def import_tf(shop: Workshop) -> dict:
    import torch
    from support.pipeline_files import small_config

    from fractura.models import build_from_architecture
    from fractura.tensorflow_od.checkpoint import write_checkpoint
    from fractura.tensorflow_od.pipeline_mapping import detector_settings
    from fractura.tensorflow_od.pipeline_reader import read_pipeline_config
    from fractura.tensorflow_od.variables import model_variables

    source = shop.place / "tensorflow"
    source.mkdir()
    config = small_config(source / "pipeline.config")
    (source / "labels.pbtxt").write_text("item {\n  id: 1\n  name: 'Fractura'\n}\n", encoding="utf-8")
    torch.manual_seed(1)
    detector = build_from_architecture(detector_settings(read_pipeline_config(config)).model_dump(mode="json"))
    write_checkpoint(source / "ckpt-0", model_variables(detector))
    words = ["import-tf", "tensorflow/ckpt-0", "--output", "imported"]
    words += ["--pipeline-config", "tensorflow/pipeline.config"]
    done = shop.run(*words, "--label-map", "tensorflow/labels.pbtxt", "--json", folder="imported")
    for file in (source / "ckpt-0.data-00000-of-00001", shop.place / "imported" / "weights.safetensors"):
        file.unlink()  # a quarter of a gigabyte each
    return {"a checkpoint": done, "no pipeline.config": shop.run("import-tf", "nowhere/ckpt-0", "--output", "other")}


def evaluate(shop: Workshop) -> dict:
    words = ["evaluate", shop.model, shop.labelled, "--seed", "0", "--json"]
    groups = ["--groups", "images.csv", "--without", "hardware", "--rounds", "30", "--output", "evaluated"]
    return {
        "with groups": shop.run(*words, *groups, folder="evaluated"),
        "in Spanish": shop.run(
            *(*words, "--language", "es", "--no-intervals", "--threshold", "0.25", "--fast", "--output", "evaluado"),
            folder="evaluado",
        ),
        "table": shop.run("evaluate", shop.model, shop.labelled, "--no-intervals"),
        "not overwritten": shop.run("evaluate", shop.model, shop.labelled, "--output", "evaluated"),
        "no data": shop.run("evaluate", shop.model, "nowhere"),
        "no model": shop.run("evaluate", "nowhere", shop.labelled),
    }


def compare(shop: Workshop) -> dict:
    words = ["compare", shop.model, shop.other_model, shop.labelled, "--groups", "images.csv", "--rounds", "30"]
    return {
        "two models": shop.run(*words, "--json"),
        "table": shop.run(*words, "--all"),
        "no model": shop.run("compare", shop.model, "nowhere", shop.labelled),
    }


def agree(shop: Workshop) -> dict:
    words = ["agree", shop.labelled, shop.second_reading, "--model", shop.model, "--reference", shop.labelled]
    return {
        "two readers, a model and a reference": shop.run(*words, "--rounds", "20", "--json"),
        "no intervals": shop.run("agree", shop.labelled, shop.second_reading, "--rounds", "0", "--json"),
        "no second reader": shop.run("agree", shop.labelled, "nowhere"),
    }


def _ratings(shop: Workshop) -> None:
    header, kinds = "reader,modality,image,rating,fractured", [0, 0, 0, 1, 1, 1]
    given = {"without": ("113245", "211344", "121243"), "with": ("112355", "111445", "121345")}
    lines = [
        f"reader {reader},{modality},{image}.png,{rating},{kinds[image]}"
        for modality, readers in given.items()
        for reader, ratings in enumerate(readers, start=1)
        for image, rating in enumerate(ratings)
    ]
    (shop.place / "ratings.csv").write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")


def reader_study(shop: Workshop) -> dict:
    _ratings(shop)
    words = ["reader-study", "ratings.csv", "--positive-from", "3"]
    return {
        "three readers": shop.run(*words, "--json"),
        "table": shop.run(*words),
        "no table": shop.run("reader-study", "nowhere.csv"),
    }


def sample_size(shop: Workshop) -> dict:
    _ratings(shop)
    words = ["sample-size", "ratings.csv", "--effect", "0.1", "--readers", "4", "--readers", "9"]
    return {
        "from three readers": shop.run(*words, "--json"),
        "table": shop.run(*words),
        "no such figure": shop.run(*words, "--figure", "wafroc"),
    }


def calibrate(shop: Workshop) -> dict:
    words = ["calibrate", shop.model, shop.labelled]
    isotonic = [*words, "--output", "isotonic/model.onnx", "--aim", "image_sensitivity=0.5", "--json"]
    temperature = [*words, "--output", "warm/model.onnx", "--aim", "fp_per_image=1", "--json"]
    temperature += ["--method", "temperature"]
    for folder in ("isotonic", "warm"):
        (shop.place / folder).mkdir()
    return {
        "isotonic": shop.run(*isotonic, folder="isotonic"),
        "temperature": shop.run(*temperature, folder="warm"),
        "aim out of reach": shop.run(*words, "--output", "never.onnx", "--aim", "sensitivity=0.99"),
        "no such aim": shop.run(*words, "--output", "never.onnx", "--aim", "most"),
    }


def export(shop: Workshop) -> dict:
    words = ["export", shop.trained, "--images", "phantoms/val", "--output", "exported/model.onnx", "--json"]
    done = shop.run(*words, folder="exported")
    done["printed"]["size"] = "<size>"
    done["printed"]["parity"] = {
        key: "<number>" if isinstance(value, float) else value for key, value in done["printed"]["parity"].items()
    }
    card = done["files"]["model.onnx"]["metadata"]
    for value in card.values():
        if isinstance(value, dict) and "metrics" in value:
            value["metrics"] = without_numbers(value["metrics"])
    words = ["detect", "phantoms/val", "--threshold", "0.3", "--json"]
    return {
        "onnx": done,
        "found by the file": shop.run(*words, "--model", "exported/model.onnx", "--output", "by_file"),
        "found by the folder": shop.run(*words, "--model", shop.trained, "--output", "by_folder"),
        "no such format": shop.run("export", shop.trained, "--to", "onxx"),
        "no model": shop.run("export", "nowhere"),
    }


def detect(shop: Workshop) -> dict:
    words = ["detect", shop.labelled, shop.dicom_image, "--model", shop.model]
    (shop.place / "bad").mkdir()
    (shop.place / "bad" / "bad.png").write_bytes(b"x")
    image(shop.place / "bad" / "=good.png", 3)
    skip = ["detect", "bad", "--model", shop.model, "--on-error", "skip", "--tile", "--tile-size", "512"]
    return {
        "labelled": shop.run(*words, "--output", "detected", "--json", folder="detected"),
        "fast, calibrated": shop.run(
            *("detect", shop.labelled, "--model", _calibrated(shop), "--fast", "--threshold", "0.2"),
            *("--output", "detected_fast", "--json"),
            folder="detected_fast",
        ),
        "a bad image skipped": shop.run(*skip, "--output", "skipped", "--json", folder="skipped"),
        "a bad image stops": shop.run("detect", "bad", "--model", shop.model, "--output", "stopped"),
        "not overwritten": shop.run(*words, "--output", "detected"),
        "no image": shop.run("detect", "nowhere", "--model", shop.model),
        "no model": shop.run("detect", shop.labelled, "--model", "nowhere.onnx"),
        "no such threshold": shop.run("detect", shop.labelled, "--threshold", "1.5"),
    }


def _calibrated(shop: Workshop) -> str:
    words = ["calibrate", shop.model, shop.labelled, "--output", "calibrated.onnx", "--method", "temperature"]
    assert shop.run(*words)["exit_code"] == 0
    return "calibrated.onnx"


def label(shop: Workshop) -> dict:
    from golden.session import label_session

    return {"no folder": shop.run("label", "nowhere", "--no-browser"), "session": label_session(shop)}


def serve(shop: Workshop) -> dict:
    from golden.session import schema, serve_session

    return {
        "no model": shop.run("serve", "--model", "nowhere.onnx", "--no-browser"),
        "open to others": shop.run("serve", "--model", shop.model, "--host", "0.0.0.0", "--no-browser"),
        "session": serve_session(shop),
        "schema": schema(shop),
    }


def node(shop: Workshop) -> dict:
    from fractura.node.queue import Queue

    queue = Queue(shop.place / "queue")
    for number, data in ((1, b"waits"), (2, b"is damaged"), (3, b"is done")):
        queue.receive(f"1.2.3.{number}", data)
    first, second, third = (queue.next_image() for _ in range(3))
    queue.give_back(first)
    queue.fail(second, "is a damaged DICOM: its header cannot be read")
    queue.store_results(third, [("1.2.3.4", b"report")], ["archive"], keep=False)
    queue.close()
    (shop.place / "node.yaml").write_text("folder: queue\ncallers: PACS\n", encoding="utf-8")
    return {
        "status": shop.run("node", "--folder", "queue", "--status"),
        "retry": shop.run("node", "--folder", "queue", "--retry"),
        "no queue": shop.run("node", "--folder", "nowhere", "--status"),
        "no folder": shop.run("node", "--status"),
        "wrong settings": shop.run("node", "--settings", "node.yaml"),
        "unsafe": shop.run("node", "--folder", "queue", "--host", "0.0.0.0"),
    }


def doctor(shop: Workshop) -> dict:
    return {"no folder": shop.run("doctor", "nowhere")}  # all else depends on the machine


COMMANDS = {
    "phantom": phantom,
    "label": label,
    "check": check,
    "convert": convert,
    "split": split,
    "fetch": fetch,
    "configure": configure,
    "models": models,
    "train": train,
    "import-tf": import_tf,
    "evaluate": evaluate,
    "compare": compare,
    "agree": agree,
    "reader-study": reader_study,
    "sample-size": sample_size,
    "calibrate": calibrate,
    "export": export,
    "detect": detect,
    "serve": serve,
    "node": node,
    "doctor": doctor,
}
EXPECTED = Path(__file__).parent / "expected"


def document(command: str, shop: Workshop) -> dict:
    """The golden document of a command."""
    return normalise({"usage": options(command), **COMMANDS[command](shop)}, shop.place)
