"""The house stands: floors import only from floors below, heavy packages stay in their rooms, files stay short."""

import ast
from collections import Counter
from pathlib import Path

import pytest

import fractura

ROOT = Path(fractura.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Floors from the ground up; packages on one floor must not import each other, except where SAME_FLOOR says so.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("_version",),
    ("core",),
    ("imaging", "fetch", "models"),
    ("formats",),
    ("quality", "phantom"),
    ("inference",),
    ("hospital",),
    ("evaluation",),
    ("training", "export"),
    ("tensorflow_od",),
    ("workflows",),
    ("cli", "web", "node"),
)
# Allowed neighbours on one floor: (importing package, imported package).
SAME_FLOOR: set[tuple[str, str]] = set()
FLOOR_OF = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}

TRAINED_IN_TENSORFLOW_OD = {
    f"tensorflow_od/{name}.py" for name in ("variables", "restoring", "training_checkpoints", "evaluation", "importing")
}
# Packages that the base install does not have, and the rooms that may import them at module level.
HEAVY = {
    "torch": {"models", "training", "export", "inference/runtimes/torch.py", *TRAINED_IN_TENSORFLOW_OD},
    "safetensors": {"models", "training", "export", "inference/runtimes/torch.py"},
    "accelerate": {"training"},
    "transformers": {"models"},
    "scipy": {"models", "training"},
    "onnx": {"export", "training/exported_weights.py"},
    "onnxscript": {"export"},
    "tensorboard": {"training"},
    "psutil": {"training"},
    "simplejpeg": {"tensorflow_od/jpeg.py"},
    "tensorflow": {
        "tensorflow_od",
        "export/aten_tensorflow.py",
        "export/saved_model.py",
        "export/saved_model_graph.py",
        "export/saved_model_inputs.py",
        "inference/runtimes/saved_model.py",
    },
}
MAXIMUM_LINES = 500


def room_of(path):
    """The room a file of the package belongs to; ``""`` for the package's own front door."""
    parts = path.relative_to(ROOT).parts
    name = parts[0] if len(parts) > 1 else path.stem
    return "" if name in ("__init__", "__main__") else name


def imports(tree):
    """Absolute names of all imported modules, each with True if it is imported as soon as the file is."""

    def walk(node, at_once):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                yield from ((name.name, at_once) for name in child.names)
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"line {child.lineno}: relative import"
                yield child.module, at_once
                # `from fractura import boxes` imports a module, too
                yield from ((f"{child.module}.{name.name}", at_once) for name in child.names)
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            else:
                later = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from walk(child, at_once and not later)

    return list(walk(tree, True))


def wrong_imports(path, source):
    """Imports of ``source``, as the file at ``path``, that go up or sideways, or are heavy where they must not be."""
    found = []
    room, relative = room_of(path), path.relative_to(ROOT).as_posix()
    for module, at_once in imports(ast.parse(source)):
        package, _, rest = module.partition(".")
        target = rest.partition(".")[0]
        if package == "fractura" and target in FLOOR_OF and room and target != room:
            below = FLOOR_OF[target] < FLOOR_OF[room]
            if not below and (room, target) not in SAME_FLOOR:
                found.append(f"{relative}: {room} must not import {target}")
        if at_once and package in HEAVY and not any(relative.startswith(place) for place in HEAVY[package]):
            found.append(f"{relative}: imports {package} at module level")
    return sorted(set(found))


def test_every_room_has_its_floor():
    rooms = {room_of(path) for path in FILES} - {""}
    assert rooms <= set(FLOOR_OF), f"no floor for {sorted(rooms - set(FLOOR_OF))}: name it in FLOORS"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down_and_heavy_packages_stay_in_their_rooms(path):
    assert wrong_imports(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "said"),
    [
        ("core/boxes.py", "from fractura.imaging.reader import read_radiograph", "core must not import imaging"),
        ("formats/x.py", "def f():\n    from fractura import cli", "formats must not import cli"),
        ("inference/x.py", "import fractura.evaluation", "inference must not import evaluation"),
        ("cli/x.py", "import torch", "imports torch"),
        ("inference/detect.py", "if True:\n    from torch import nn", "imports torch"),
        ("formats/x.py", "class A:\n    import tensorflow.io", "imports tensorflow"),
    ],
)
def test_the_rule_sees_what_is_wrong(file, source, said):
    assert any(said in line for line in wrong_imports(ROOT / file, source))


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("cli/x.py", "from fractura.core.errors import FracturaError\nfrom fractura.training import train"),
        ("cli/x.py", "def f():\n    import torch"),
        ("inference/runtimes/torch.py", "import torch"),
        ("formats/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        ("imaging/x.py", "from fractura.core.errors import DataError"),
    ],
)
def test_the_rule_lets_pass_what_is_right(file, source):
    assert wrong_imports(ROOT / file, source) == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_one_idea_and_prints_nothing(path):
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAXIMUM_LINES
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    printed = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not printed, f"print( in lines {printed}: results go through fractura.cli.output"


# A module may share its name with others only where it plays the same part in each package.
SAME_PART = {
    "reader": "reads what its package is about",
    "writer": "writes what its package is about",
    "layout": "where the files of one format lie",
    "registry": "the table of what its package offers",
    "settings": "the typed settings of its package",
    "detector": "a detector, and the protocol that detectors keep",
    "family": "what one family of detectors declares",
    "onnx": "one runtime, and the export to it",
    "saved_model": "one runtime, and the export to it",
}
FACES = ("cli/commands", "web/routes", "workflows")  # named after the command or resource that they serve


def test_no_two_modules_of_one_name_mean_different_things():
    paths = [path.relative_to(ROOT).as_posix() for path in FILES if path.stem not in ("__init__", "__main__")]
    names = Counter(Path(path).stem for path in paths if not path.startswith(FACES))
    assert sorted(name for name, count in names.items() if count > 1 and name not in SAME_PART) == []


def module_graph():
    """For each module of the package, the modules that it imports as soon as it is imported."""
    names = {".".join(("fractura", *path.relative_to(ROOT).with_suffix("").parts)): path for path in FILES}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    graph = {}
    for name, path in names.items():
        found = {module for module, at_once in imports(ast.parse(path.read_text(encoding="utf-8"))) if at_once}
        # `from package import module` inside that package needs the module, not what the package offers.
        graph[name] = {module for module in found & set(names) if not name.startswith(f"{module}.")}
    return graph


def circles(graph):
    """Groups of nodes that reach each other (strongly connected components of more than one), by Tarjan's algorithm."""
    order, low, stack, found = {}, {}, [], []

    def visit(node):
        order[node] = low[node] = len(order)
        stack.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
            if other in stack:
                low[node] = min(low[node], low[other])
        if low[node] == order[node]:
            group = [stack.pop()]
            while group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in graph:
        if node not in order:
            visit(node)
    return found


def test_no_modules_import_each_other_in_a_circle():
    assert circles(module_graph()) == []


def test_no_packages_import_each_other_in_a_circle():
    graph = {room_of(path): set() for path in FILES}
    for path in FILES:
        for module, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
            target = module.removeprefix("fractura.").partition(".")[0] if module.startswith("fractura.") else ""
            if target and target in graph and target != room_of(path):
                graph[room_of(path)].add(target)
    graph.pop("")  # the front door knows everybody
    assert circles(graph) == []


def test_circles_are_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [["a", "b", "c"]]
