"""What the documentation names is there: links, modules, files, commands, options, drawings; and the site builds."""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_architecture import FLOORS

import fractura
from fractura.cli.main import load_command
from fractura.cli.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "fractura"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
WALKS = sorted((DOCS / "developers").glob("adding-a-*.md"))
READMES = (ROOT / "README.md", ROOT / "README.es.md", DOCS / "index.md")
BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")


def title(page):
    return page.relative_to(ROOT).as_posix()


def text_of(page):
    return page.read_text(encoding="utf-8")


def blocks(page, kind):
    return [body for found, body in BLOCK.findall(text_of(page)) if found == kind]


def drawing():
    spec = importlib.util.spec_from_file_location("architecture_drawing", DOCS / "images" / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", BLOCK.sub("", text_of(page)), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in titles}


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_links_lead_somewhere(page):
    for link in LINK.findall(BLOCK.sub("", text_of(page))):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", [page for page in PAGES if page not in WALKS], ids=title)
def test_modules_and_files_that_are_named_exist(page):
    text = text_of(page)
    for name in re.findall(r"`(fractura(?:\.\w+)+)`", text):
        assert resolves(name), name
    for path in re.findall(r"`((?:src|tests|docs|benchmarks|recipes|scripts)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def resolves(dotted):
    """A module of the package, or a name that one defines."""
    parts = dotted.split(".")[1:]
    place = SOURCE
    for number, part in enumerate(parts):
        if (place / part).is_dir():
            place /= part
        elif (place / f"{part}.py").is_file():
            place /= f"{part}.py"
        else:
            file = place / "__init__.py" if place.is_dir() else place
            return number == len(parts) - 1 and re.search(rf"\b{part}\b", file.read_text(encoding="utf-8")) is not None
    return True


def command_lines(page):
    """Every ``fractura …`` line of a page, in blocks and in running text, as words."""
    text = text_of(page)
    found = [
        line for kind, body in BLOCK.findall(text) if kind in ("", "bash", "powershell") for line in body.splitlines()
    ]
    found += re.findall(r"`(fractura [^`\n]+)`", BLOCK.sub("", text))
    return [line.split("#")[0].split() for line in found if line.strip().startswith("fractura ")]


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_commands_have_the_options_that_are_named(page):
    known = {command.name for command in COMMANDS}
    for _, name, *words in command_lines(page):
        if name.startswith("-") or name == "COMMAND":
            continue
        assert name in known, name
        options = {option for each in load_command(name).params for option in (*each.opts, *each.secondary_opts)}
        wrong = [word for word in words if word.startswith("-") and word.split("=")[0] not in options]
        assert not wrong, (name, wrong)


def test_commands_are_found_at_all():
    assert len([line for page in PAGES for line in command_lines(page)]) > 60


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python") and page not in WALKS], ids=title)
def test_examples_use_public_names_only(page):
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "fractura":
                assert node.attr in fractura.__all__, node.attr
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fractura"):
                assert node.module == "fractura", node.module


def test_the_first_example_is_the_same_everywhere():
    """Three pages show it; the names of files differ by language only."""
    first = [re.sub(r'"\w+(\.png)"', r'"image\1"', blocks(page, "python")[0]) for page in READMES]
    assert len(set(first)) == 1


def test_the_drawing_of_the_packages_is_the_tree():
    drawn = [tuple(name for name, _ in packages) for _, packages in drawing().PACKAGES]
    assert [set(floor) for floor in reversed(drawn)] == [set(floor) for floor in FLOORS if floor != ("_version",)]
    there = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    assert {name for floor in drawn for name in floor} == there
    architecture = text_of(DOCS / "developers" / "architecture.md")
    assert [name for name in there if f"`{name}`" not in architecture] == []


def test_the_data_paths_go_through_modules_that_are_there():
    for _, modules in drawing().DATA_PATHS:
        assert [path for path, _ in modules if not (SOURCE / path).is_file()] == []


def test_the_drawings_are_drawn_anew():
    made = drawing()
    for name, drawn in (("packages.svg", made.packages_svg()), ("data-paths.svg", made.data_paths_svg())):
        assert (DOCS / "images" / name).read_text(encoding="utf-8") == drawn, "run: python docs/images/architecture.py"


def test_the_table_of_pipeline_fields_is_the_codes():
    spec = importlib.util.spec_from_file_location("pipeline_fields", DOCS / "guide" / "pipeline_fields.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert text_of(module.PAGE) == module.page(), "run: python docs/guide/pipeline_fields.py"


def test_every_package_has_a_page_of_reference():
    packages = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").is_file()} - {"cli"}
    assert packages == {page.stem for page in (DOCS / "reference").glob("*.md")} - {"index", "commands"}


def test_every_command_is_in_the_reference_with_its_function():
    rows = re.findall(
        r"^\| `fractura ([\w-]+)` \| `(\w+)` \|", text_of(DOCS / "reference" / "commands.md"), flags=re.MULTILINE
    )
    assert rows == [(command.name, command.function) for command in COMMANDS]
    assert {function for _, function in rows} <= set(fractura.__all__)


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs", reason="needs the extra docs")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        words, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 40
    for page in pages:
        loaded = re.findall(r'<(?:script|img|link|iframe)\b[^>]*\b(?:src|href)="(https?://[^"]+)"', text_of(page))
        assert loaded == [], page


def test_prompts_stand_under_the_heading_that_the_site_renders():
    """Under ``Example:`` the site takes them for running text, and their brackets for links."""
    files = [
        path for path in SOURCE.rglob("*.py") if re.search(r"\n +Example:\n +>>>", path.read_text(encoding="utf-8"))
    ]
    assert files == []
