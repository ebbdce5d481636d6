"""The whole chain on phantoms, as a user would type it: phantom, check, train, evaluate, export, detect.

Run by `make demo`; needs the extra `train`. Everything lands in one folder, which is this recipe's own. Run again, it
keeps the phantoms and the trained model (a training that was stopped goes on), and does the rest anew.
"""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

TRAIN_IMAGES, VAL_IMAGES, SEED = 300, 60, 7
STEPS = 300
TRAINING = ["--num-steps", str(STEPS), "--batch-size", "4", "--eval-every", "150", "--seed", "0"]


def run(*words: str | Path) -> None:
    """Show a command and run it; stop the demo with its exit code if it fails."""
    print(f"\n$ fractura {' '.join(str(word) for word in words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fractura", *map(str, words)], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def main(folder: Path) -> None:
    """Run every step and say where its results are."""
    started = time.monotonic()
    data, model, onnx = folder / "data", folder / "model", folder / "model" / "model.onnx"
    run("phantom", data, "--images", str(TRAIN_IMAGES), "--val-images", str(VAL_IMAGES), "--seed", str(SEED))
    run("check", data / "train", "--against", data / "val")
    state = model / "training.json"
    done = json.loads(state.read_text(encoding="utf-8"))["step"] if state.exists() else 0
    if done < STEPS and (model / "last").exists():
        run("train", "--resume", "--output", model)
    elif done < STEPS:
        if model.exists():
            shutil.rmtree(model)
        run("train", data / "train", "--val", data / "val", *TRAINING, "--output", model)
    run("evaluate", model, data / "val", "--output", folder / "evaluation", "--overwrite")
    run("export", model, "--to", "onnx", "--output", onnx, "--images", data / "val")
    run("detect", data / "val" / "images", "--model", onnx, "--output", folder / "detections", "--overwrite")

    metrics = json.loads((folder / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
    found = {key: metrics["metrics"][key]["value"] for key in ("AP50", "AP30")}
    print(
        f"\nDone in {(time.monotonic() - started) / 60:.1f} minutes. On {VAL_IMAGES} phantoms the detector never saw: "
        f"AP50 {found['AP50']:.2f}, AP at IoU 0.3 {found['AP30']:.2f}.\n"
        f"  pictures with boxes   {folder / 'detections' / 'pictures'}\n"
        f"  report of the metrics {folder / 'evaluation' / 'report.html'}  (open it in a browser)\n"
        f"  trained model         {model}  (card.json says what it is)\n"
        f"  the same in one file  {onnx}\n"
        "Your own images: put LabelImg's XML next to them and run the same commands with your folder."
    )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo"))
