"""Follows a walk of `docs/developers/` in a copy of the source: its files, its changes, its commands.

A block with the title of a file makes that file; with ``(end)`` behind the title it goes to the end of the file; a
``diff`` block changes the file, in the one place where its other lines stand. Blocks of ``bash`` are run.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r'^```(python|diff|bash)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Walk:
    """A copy of the source in which a page was followed.

    Attributes:
        folder: Holds ``src`` and ``tests``.
        made: Files that are new, below ``folder``.
        changed: Files that were there, below ``folder``.
        commands: What the page runs, a block each.
    """

    folder: Path
    made: tuple[str, ...]
    changed: tuple[str, ...]
    commands: tuple[str, ...]

    def run(self, *words: str, cwd: Path | None = None) -> str:
        """Run a program on the copy and give what it says; it must succeed."""
        environment = {
            **os.environ,
            "PYTHONPATH": f"{self.folder / 'src'}{os.pathsep}{self.folder / 'tests'}",
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
        }
        done = subprocess.run(
            words,
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,
        )
        assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr


def follow(page: str, folder: Path) -> Walk:
    """Follow a page of ``docs/developers``; its text must hold a test of its own."""
    text = (ROOT / "docs" / "developers" / page).read_text(encoding="utf-8")
    ignored = shutil.ignore_patterns("reference", "*_cache")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    made, changed, commands = [], [], []
    for kind, title, body in _BLOCK.findall(text):
        if kind == "bash":
            commands.append(body)
            continue
        path = folder / title.removesuffix(" (end)")
        if kind == "diff":
            path.write_text(_changed(path.read_text(encoding="utf-8"), body, page), encoding="utf-8")
            changed.append(title)
        elif title.endswith(" (end)"):
            path.write_text(path.read_text(encoding="utf-8") + "\n\n" + body, encoding="utf-8")
            changed.append(title.removesuffix(" (end)"))
        else:
            assert not path.exists(), f"{page} makes {title}, which is there"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body, encoding="utf-8")
            made.append(title)
    assert any(name.startswith("tests/") for name in made), f"{page} has no test"
    return Walk(folder, tuple(made), tuple(changed), tuple(commands))


def _changed(text: str, change: str, page: str) -> str:
    lines = change.splitlines(keepends=True)
    before = "".join(line[1:] or "\n" for line in lines if line[0] in " -\n")
    after = "".join(line[1:] or "\n" for line in lines if line[0] in " +\n")
    assert text.count(before) == 1, f"{page} changes lines that stand {text.count(before)} times:\n{before}"
    return text.replace(before, after)


def fractura_commands(block: str) -> list[list[str]]:
    """The ``fractura`` lines of a block as argument lists of that command."""
    commands = []
    for line in block.splitlines():
        words = line.split("#")[0].split()
        if words:
            assert words[0] == "fractura", line
            commands.append(words[1:])
    return commands
