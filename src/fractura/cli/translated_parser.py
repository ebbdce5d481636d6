"""Typer's parser in the language of the terminal: what the help says, and what is wrong with a command line."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup

from fractura.cli import terminal_language as language

SAID_BY_TYPER = (
    "Usage:", "[OPTIONS]", "COMMAND [ARGS]...", "Arguments", "Options", "Commands", "Error", "Aborted.", "[required]",
    "[default: {}]", "[env var: {}]", "Try [blue]'{command_path} {help_option}'[/] for help.",
    "Show this message and exit.", "Install completion for the current shell.",
    "Show completion for the current shell, to copy it or customize the installation.",
    "Missing command.", "No such command {name}.", "No such command {name}. Did you mean {suggestions}?",
    "Got unexpected extra argument(s) ({words})", "No such option: {name}",
    "No such option: {name} (Possible options: {names})", "Missing argument '{name}'.", "Missing option '{name}'.",
    "Missing option '{name}'. Choose from: {choices}", "Option '{name}' does not take a value.",
    "Option '{name}' requires an argument.", "Option '{name}' requires {number} arguments.",
    "Invalid value: {reason}", "Invalid value for '{name}': {reason}", "Invalid value for {name}: {reason}",
    "'{value}' is not one of {choices}.", "'{value}' is not a valid int.", "'{value}' is not a valid float.",
    "'{value}' is not a valid integer.", "'{value}' is not a valid int range.", "'{value}' is not a valid float range.",
    "'{value}' is not a valid boolean. Recognized values: {values}", "{value} is not in the range {range}.",
    "Directory '{path}' does not exist.", "File '{path}' does not exist.", "Path '{path}' does not exist.",
    "Directory '{path}' is a file.", "File '{path}' is a directory.",
)  # fmt: skip
"""Sentences of Typer for the catalogue; it gives some to gettext and makes the others itself."""


class _Translated:
    """What a command says of itself."""

    def get_usage(self, ctx: Any) -> str:
        """How it is called."""
        usage: str = super().get_usage(ctx)  # type: ignore[misc]
        return usage.replace("Usage:", language.word("Usage:"), 1)

    def get_help_option(self, ctx: Any) -> Any:
        """The option ``--help``."""
        option = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None and option.help:
            option.help = language.word(option.help)
        return option


class TranslatedCommand(_Translated, TyperCommand):
    """A command."""


class TranslatedGroup(_Translated, TyperGroup):
    """The command that has the others."""

    def make_context(self, *args: Any, **extra: Any) -> Any:
        """Read the words before the command."""
        try:
            return super().make_context(*args, **extra)
        except Exception as error:
            _translate_mistake(error)
            raise

    def invoke(self, ctx: Any) -> Any:
        """Read the command and its words, and run it."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            _translate_mistake(error)
            raise


def _translate_mistake(error: Exception) -> None:
    """Put what Typer says of a wrong command line into the language in use; other errors stay."""
    if language.code() != "en" and hasattr(error, "format_message") and type(error).__name__ != "NoArgsIsHelpError":
        text = language.sentence(error.format_message())
        error.format_message = lambda: text


def paragraphs(text: str) -> list[str]:
    """The paragraphs of a description."""
    return text.split("\n\n")


def translate_help(command: Any) -> None:
    """Put the texts of a command that Typer has built into the language in use."""
    if language.code() == "en":
        return
    command.help = "\n\n".join(language.word(each) for each in paragraphs(command.help or ""))
    for attribute in ("options_metavar", "subcommand_metavar"):
        setattr(command, attribute, language.word(getattr(command, attribute, None) or ""))
    for parameter in command.params:
        parameter.help = language.word(getattr(parameter, "help", None) or "")
        if isinstance(getattr(parameter, "show_default", None), str):
            parameter.show_default = language.word(parameter.show_default)
    for listed in getattr(command, "commands", {}).values():
        listed.help = language.word(listed.help or "")
        listed.rich_help_panel = language.word(listed.rich_help_panel or "")
