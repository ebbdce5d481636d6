"""The command ``fractura``: find the subcommand, and turn errors into exit codes.

Exit codes: 0 done, 1 a bug, 2 usage, 3 data, 4 model, 5 environment, 130 stopped with Ctrl-C, 141 nobody reads stdout.

Only the module of the command that runs is imported, so that ``fractura --help`` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from fractura._version import __version__
from fractura.cli import output
from fractura.cli import terminal_language as languages
from fractura.cli.registry import COMMANDS, INTERRUPTED, find_command
from fractura.cli.translated_parser import TranslatedCommand, TranslatedGroup, translate_help
from fractura.core.errors import DataError, FracturaError
from fractura.core.memory import is_out_of_memory, not_enough_memory
from fractura.core.translation import LANGUAGE_VARIABLE, Code

DEBUG_VARIABLE = "FRACTURA_DEBUG"
_PIPE_CLOSED = 141
"""As shells say of programs that end because nobody reads what they write: ``fractura models | head -1``."""
_OUTPUT_REFUSED = (errno.ENOSPC, errno.EIO, errno.EDQUOT) if sys.platform != "win32" else (errno.ENOSPC, errno.EIO)
"""The disk that stdout is redirected to is full, and the like. Every other file is written by code that says which."""


class LazyGroup(TranslatedGroup):
    """Lists commands from the registry; imports a command's module only when it is about to run."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command behind ``args[0]``, loaded, with the arguments left for it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None or command is None else load_command(name), rest

    def invoke(self, ctx: Any) -> Any:
        """Run the command; Ctrl-C leaves with 130, as shells expect, whatever the release of Typer does with it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            output.complain("stopped")
            raise typer.Exit(INTERRUPTED) from interrupt


# PyTorch's OpenMP threads wait for one another by spinning; on few cores with anything else to do, a step then
# takes two to six times as long. It is read once, when PyTorch is first imported. The user's own choice stays.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def load_command(name: str) -> Any:
    """Import the module of a registered command and build its parser."""
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")
    single.command(name=name, cls=TranslatedCommand, context_settings=CONTEXT)(find_command(name).load())
    command = typer.main.get_command(single)
    if all("--language" not in parameter.opts for parameter in command.params):
        command.params.append(_language_option())
    translate_help(command)
    return command


def _language_option() -> Any:
    """The option of ``fractura`` itself, for its commands: people write it at the end. ``language.chosen`` reads it."""
    [option] = [each for each in typer.main.get_command(app).params if each.name == "language"]
    option.expose_value = False
    return option


CONTEXT = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="fractura",
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings=CONTEXT,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        output.write_line(f"fractura {__version__}")
        raise typer.Exit


@app.callback()
def fractura(
    debug: Annotated[
        bool, typer.Option("--debug", help=f"Show the traceback of an error (or set {DEBUG_VARIABLE}=1).")
    ] = False,
    language: Annotated[
        Code | None,
        typer.Option(envvar=LANGUAGE_VARIABLE, help="Language of the terminal.", show_default="that of the system"),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """From a folder of bone radiographs to a working fracture detector.

    A research tool, not a medical device.
    """
    if debug:
        # Through the environment, so that worker processes know it too.
        os.environ[DEBUG_VARIABLE] = "1"


def _only_listed() -> None:
    """Stands in the list of commands for a command whose module is not imported yet."""


for _command in COMMANDS:
    app.command(name=_command.name, help=_command.summary, rich_help_panel=_command.panel, context_settings=CONTEXT)(
        _only_listed
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line.

    Args:
        arguments: Words after ``fractura``; by default those of this process.

    Returns:
        The exit code. Nothing is raised, not even ``SystemExit``.
    """
    output.use_utf8()
    words = sys.argv[1:] if arguments is None else list(arguments)
    languages.use(languages.chosen(words))
    command = typer.main.get_command(app)
    translate_help(command)
    try:
        with output.showing_warnings():
            command(words, prog_name="fractura")
    except SystemExit as stop:
        return _exit_code(stop)
    except FracturaError as error:
        _complain_of(error)
        _show_traceback_if_wanted()
        return error.exit_code
    except Exception as error:  # the last line of defence
        return _exit_code_of_unforeseen(error)
    return 0


def _exit_code_of_unforeseen(error: Exception) -> int:
    """Say what an error is that nothing below has turned into one of ours."""
    if isinstance(error, OSError) and error.errno in _OUTPUT_REFUSED:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - what is left in it is lost
        hint = "choose a place on a disk with space left"
        output.complain_of(
            DataError(f"the results cannot be written: {error.strerror}", file=error.filename, hint=hint)
        )
        return DataError.exit_code
    if is_out_of_memory(error):  # it may run out anywhere
        _complain_of(shortage := not_enough_memory("", error))
        _show_traceback_if_wanted()
        return shortage.exit_code
    _report_bug(error)
    return 1


def _complain_of(error: FracturaError) -> None:
    try:
        output.complain_of(error)
    except (MemoryError, ImportError):  # memory is too small even for what colours the message
        sys.stderr.write(f"error: {error}\n")


def _exit_code(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.__context__, OSError) and stop.__context__.errno == errno.EPIPE:
        return _PIPE_CLOSED  # click has seen it and says 1, which is a bug here
    return stop.code if isinstance(stop.code, int) else 1


def _debugging() -> bool:
    return os.environ.get(DEBUG_VARIABLE, "") not in ("", "0")


def _show_traceback_if_wanted() -> None:
    if _debugging():
        import traceback

        traceback.print_exc(file=sys.stderr)


def _report_bug(error: Exception) -> None:
    if _debugging():
        _show_traceback_if_wanted()
        output.complain("this is a bug in fractura: please report it with the lines above")
        return
    what = " ".join(f"{type(error).__name__}: {error}".split())
    output.complain(f"this is a bug in fractura ({what}); set {DEBUG_VARIABLE}=1 to see the traceback, and report it")
