"""Errors become messages and exit codes; the help lists every command."""

import io
import json
import os
import subprocess
import sys
from types import ModuleType

import pytest
import typer

from fractura.cli import output
from fractura.cli.main import main
from fractura.cli.registry import COMMANDS
from fractura.core.errors import DataError, FracturaError, MissingDependencyError, ModelError, UsageError


def run(*words, **environment):
    return subprocess.run(
        [sys.executable, "-m", "fractura", *words],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "110", **environment},
        check=False,
    )


@pytest.fixture
def command(monkeypatch):
    """Put a function in the place of the command ``check``."""

    def put(function):
        module = ModuleType("fractura.cli.commands.check")
        module.check = function
        monkeypatch.setitem(sys.modules, "fractura.cli.commands.check", module)

    monkeypatch.delenv("FRACTURA_DEBUG", raising=False)
    return put


def raising(error):
    def function() -> None:
        """Raise."""
        raise error

    return function


def test_help_lists_every_command_with_its_summary():
    answer = run("--help", COLUMNS="160")
    assert answer.returncode == 0
    for entry in COMMANDS:
        assert entry.name in answer.stdout
        assert entry.summary in answer.stdout


def test_help_imports_no_command_and_nothing_heavy():
    code = "import sys; from fractura.cli.main import main; main(['--help']); sys.stderr.write(' '.join(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(answer.stderr.split())
    assert "fractura.cli.registry" in loaded
    assert not [name for name in loaded if name.startswith("fractura.cli.commands.")]
    assert not loaded & {"numpy", "torch", "pydantic", "PIL", "onnxruntime", "matplotlib", "faster_coco_eval"}


@pytest.mark.parametrize(
    ("words", "offered"),
    [("fractura tr", "train"), ("fractura do", "doctor"), ("fractura detect --thr", "--threshold")],
)
def test_the_shell_completes_commands_and_options(words, offered):
    completing = {"_FRACTURA_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    answer = run(**completing)
    assert offered in answer.stdout.split()


def test_version_goes_to_stdout(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("fractura 0.")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FracturaError("x"), 1),
        (UsageError("x"), 2),
        (DataError("no images here", file="images [3]", hint="give another folder"), 3),
        (ModelError("x"), 4),
        (MissingDependencyError("x"), 5),
    ],
)
def test_an_error_is_a_message_and_its_exit_code(command, capsys, error, code):
    command(raising(error))
    assert main(["check"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {error}\n"
    assert "Traceback" not in captured.err


def test_an_unexpected_exception_is_one_line_that_says_it_is_a_bug(command, capsys):
    command(raising(RuntimeError("two\nlines")))
    assert main(["check"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "bug" in error
    assert "RuntimeError: two lines" in error
    assert "FRACTURA_DEBUG=1" in error


@pytest.mark.parametrize("words", [["--debug", "check"], ["check"]])
@pytest.mark.parametrize("error", [RuntimeError("odd"), DataError("odd")])
def test_debug_shows_the_traceback(command, capsys, monkeypatch, words, error):
    # setenv first, so that what --debug sets is undone after the test
    monkeypatch.setenv("FRACTURA_DEBUG", "0" if "--debug" in words else "1")
    command(raising(error))
    assert main(words) == (3 if isinstance(error, DataError) else 1)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_interrupted_is_130(command, capsys):
    command(raising(KeyboardInterrupt()))
    assert main(["check"]) == 130
    assert capsys.readouterr().err == "error: stopped\n"


def test_a_command_may_leave_with_its_own_code(command):
    command(raising(typer.Exit(3)))
    assert main(["check"]) == 3


@pytest.mark.parametrize("words", [["chek"], ["--nonsense"], ["check", "--nonsense"], ["check", "surplus"]])
def test_wrong_usage_is_2(command, capsys, words):
    command(raising(RuntimeError("must not run")))
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err


def test_a_mistyped_command_is_suggested(capsys):
    assert main(["dettect"]) == 2
    assert "detect" in capsys.readouterr().err


def test_every_command_of_the_table_exists_and_explains_itself(capsys):
    for entry in COMMANDS:
        assert entry.load().__doc__, entry.name
        assert main([entry.name, "--help"]) == 0
        assert entry.name in capsys.readouterr().out


def test_json_is_one_document_and_refuses_what_json_cannot_say(capsys, tmp_path):
    output.write_json({"file": tmp_path, "name": "Fraktür"})
    assert json.loads(capsys.readouterr().out) == {"file": str(tmp_path), "name": "Fraktür"}
    with pytest.raises(ValueError, match="JSON"):
        output.write_json({"value": float("nan")})
    with pytest.raises(TypeError, match="does not go into JSON"):
        output.write_json({"value": object()})
    assert capsys.readouterr().out == ""


def test_a_table_shows_user_text_as_it_is(capsys):
    output.write_table(["image", "AP"], [["[bold]a.png", 0.5], ["b.png", None]], title="[red]t", numeric=["AP"])
    shown = capsys.readouterr().out
    assert "[bold]a.png" in shown
    assert "[red]t" in shown
    assert "–" in shown


@pytest.mark.parametrize("unit", ["items", "bytes"])
def test_progress_keeps_stdout_clean(capsys, unit):
    with output.CONSOLE.progress("counting [x]", unit) as progress:
        progress(1, None)
        progress(2, 3)
    assert capsys.readouterr().out == ""


def test_progress_on_a_terminal_says_what_is_counted(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with output.CONSOLE.progress("counting [x]") as progress:
        progress(2, 3)
        assert output.CONSOLE.live is not None
        output.warn("in between [y]")
        between = screen.getvalue()
    assert output.CONSOLE.live is None
    assert "counting [x]" in screen.getvalue()
    assert "2/3" in screen.getvalue()
    line = between.index("warning: in between [y]")
    assert "counting [x]" in between[line:], "the bar is drawn again below the line"


def test_output_is_utf8_under_another_code_page():
    code = "from fractura.cli import output; output.use_utf8(); output.write_line('→ Ä'); output.warn('→ \\udcff')"
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
    assert answer.stdout.decode("utf-8").strip() == "→ Ä"
    assert answer.stderr.decode("utf-8").strip() == "warning: → \\udcff"


def test_no_color_is_obeyed():
    code = "from fractura.cli import output; output.complain('x')"
    for setting, coloured in (({"FORCE_COLOR": "1"}, True), ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False)):
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
        environment |= {"TERM": "xterm-256color", **setting}
        answer = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, env=environment)
        assert (b"\x1b[1;31m" in answer.stderr) is coloured
