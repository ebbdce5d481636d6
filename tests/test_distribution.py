"""What is published holds what it must and nothing else, and is always the same bytes."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest

from fractura import __version__

ROOT = Path(__file__).resolve().parents[1]
NAME = f"fractura-{__version__}"
EPOCH = 1_700_000_000  # any moment long before this test runs


def tracked(*places):
    listed = subprocess.run(["git", "ls-files", "-z", *places], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def copy_of_the_sources(folder, modified, mode):
    """What git has, in its own folder, with its own times and permissions, and with a few things that must not ship."""
    for name in tracked():
        if not name.startswith("tests/reference/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
            (folder / name).chmod(mode)
            os.utime(folder / name, (modified, modified))
    for name in (
        "node_modules/a.js",
        "demo/data/a.jpg",
        "src/fractura/__pycache__/a.pyc",
        ".venv/a.py",
        "patients/b.dcm",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("not ours to ship")
    return folder


def build(source, output, *what):
    """Build offline, with the hatchling of this environment."""
    command = [sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", output, source]
    done = subprocess.run(
        command, env={**os.environ, "SOURCE_DATE_EPOCH": str(EPOCH)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return output


@pytest.fixture(scope="module")
def distributions(tmp_path_factory):
    """A folder with the source distribution and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("distributions")
    return build(copy_of_the_sources(folder / "sources", EPOCH + 5, 0o644), folder / "dist")


@pytest.fixture(scope="module")
def wheel(distributions):
    [path] = distributions.glob("*.whl")
    assert path.name == f"{NAME}-py3-none-any.whl"
    return path


def test_the_wheel_is_the_same_from_another_folder_time_and_permissions(wheel, tmp_path):
    source = copy_of_the_sources(tmp_path / "elsewhere" / "fractura", EPOCH + 40_000_000, 0o600)
    build(source, tmp_path / "dist", "--wheel")
    assert (tmp_path / "dist" / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        assert {info.date_time for info in archive.infolist()} == {(2023, 11, 14, 22, 13, 20)}
    ours = {name.removeprefix("src/") for name in tracked("src/fractura")}
    scripts = {f"{NAME}.data/scripts/{name}" for name in ("model_main_tf2.py", "exporter_main_v2.py")}
    about = {
        f"{NAME}.dist-info/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
    }
    assert names == ours | scripts | about
    for kind in (
        "py.typed",
        "page/index.html",
        "swagger/index.html",
        ".js",
        ".css",
        ".mo",
        "templates/report.html",
        ".onnx",
    ):
        assert any(name.endswith(kind) for name in ours), kind


def test_its_metadata_are_those_of_the_project(wheel):
    with zipfile.ZipFile(wheel) as archive:
        fields = HeaderParser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())
        commands = archive.read(f"{NAME}.dist-info/entry_points.txt").decode()
    assert (fields["Name"], fields["Version"]) == ("fractura", __version__)
    assert (fields["License-Expression"], fields["Requires-Python"]) == ("Apache-2.0", ">=3.11")
    assert {"train", "heic", "word", "tensorflow"} <= set(fields.get_all("Provides-Extra"))
    assert fields.get_payload().startswith("# fractura")
    assert commands == "[console_scripts]\nfractura = fractura.cli.main:main\n"


def test_the_source_distribution_has_what_the_wheel_needs_and_nothing_else(distributions):
    with tarfile.open(distributions / f"{NAME}.tar.gz") as archive:
        names = {member.name.removeprefix(f"{NAME}/") for member in archive if member.isfile()}
    beside = {"PKG-INFO", ".gitignore", "pyproject.toml", "LICENSE", "README.md", "README.es.md", "CHANGELOG.md"}
    assert names == {*tracked("src", "scripts"), *beside, "SECURITY.md"}


@pytest.mark.slow
def test_the_wheel_works_outside_the_sources(wheel, tmp_path):
    """In its own environment; only what it depends on is borrowed from this one."""
    venv.create(tmp_path / "fresh", with_pip=False)
    programs = tmp_path / "fresh" / ("Scripts" if sys.platform == "win32" else "bin")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        programs / "python",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    subprocess.run([*pip, wheel], check=True)
    place = [programs / "python", "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    own = Path(subprocess.run(place, capture_output=True, text=True, check=True).stdout.strip())
    # Of two installs, Python takes the first on its path; files of this kind inside a borrowed folder are not read.
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command):
        command = [str(part) for part in command]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run(programs / "python", "-c", "import fractura; print(fractura.__file__)")
    assert Path(where.strip()) == own / "fractura" / "__init__.py"
    assert run(programs / "fractura", "--version").strip().endswith(__version__)
    run(programs / "fractura", "phantom", "phantoms", "--images", "1", "--val-images", "0")
    found = json.loads(run(programs / "fractura", "detect", "phantoms/train/images", "--output", "found", "--json"))
    assert len(found["images"]) == 1
    assert (tmp_path / "found" / found["images"][0]["picture"]).is_file()
    assert "Uso: fractura" in run(programs / "fractura", "--help", "--language", "es")  # the catalogue came along
    for script in ("model_main_tf2.py", "exporter_main_v2.py"):
        assert "pipeline_config_path" in run(programs / "python", programs / script, "--help")
