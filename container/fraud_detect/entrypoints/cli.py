"""`fraud-detect`: the commands by name, each imported when it is called.

Knows where the commands are. Never knows what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

from fraud_detect import __version__

COMMANDS: Mapping[str, tuple[str, str]] = {
    "simulate": ("simulate", "command"),
    "features": ("features", "command"),
    "train": ("train", "command"),
    "compare": ("compare", "command"),
    "tune": ("tune", "command"),
    "serve": ("serve", "command"),
    "console": ("console", "command"),
    "accounts": ("accounts", "command"),
    "audit": ("audit", "command"),
    "feedback": ("feedback", "command"),
    "replay": ("replay", "command"),
    "hyperparameters": ("reference", "hyperparameters_command"),
    "metric-definitions": ("reference", "metric_definitions_command"),
    "specification": ("reference", "specification_command"),
    "settings": ("reference", "settings_command"),
    "openapi": ("reference", "openapi_command"),
    "console-openapi": ("console", "openapi_command"),
}
NEED_EXTRA: Mapping[str, str] = dict.fromkeys(
    ("console", "accounts", "audit", "feedback", "replay", "console-openapi"), "console"
)
"""The commands whose libraries come with an extra of the package."""
OURS = __name__.partition(".")[0]


class Commands(click.Group):
    """A group that knows its commands' names before it imports them: `serve` must not wait for what `train` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own signature
        """Return the names in the order of a user's work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command `cmd_name`, or None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        try:
            found = import_module(f"fraud_detect.entrypoints.{module}")
        except ModuleNotFoundError as error:
            if cmd_name not in NEED_EXTRA or error.name is None or error.name.startswith(OURS):
                raise
            return _stand_in(cmd_name, error.name)
        command: click.Command = getattr(found, attribute)
        return command


def _stand_in(name: str, library: str) -> click.Command:
    """Return a command that says what has to be installed first; the help of all commands lists it too."""
    extra = NEED_EXTRA[name]

    def refuse() -> None:
        raise click.ClickException(
            f"`{name}` needs {library}, which is not installed; expected the extra `{extra}`. "
            f"Install it: pip install 'fraud-detect[{extra}]'."
        )

    anything = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    return click.Command(name, callback=refuse, short_help=f"(needs the extra `{extra}`)", context_settings=anything)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fraud-detect")
def main() -> None:
    """From a labelled table of transactions to a fraud model and an endpoint."""
