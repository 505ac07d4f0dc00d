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
    "hyperparameters": ("reference", "hyperparameters_command"),
    "metric-definitions": ("reference", "metric_definitions_command"),
    "specification": ("reference", "specification_command"),
    "settings": ("reference", "settings_command"),
    "openapi": ("reference", "openapi_command"),
}


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
        command: click.Command = getattr(import_module(f"fraud_detect.entrypoints.{module}"), attribute)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fraud-detect")
def main() -> None:
    """From a labelled table of transactions to a fraud model and an endpoint."""
