"""`fraud-detect`: the commands by name.

Knows the commands. Never knows what they do.
"""

from __future__ import annotations

import click

from fraud_detect import __version__
from fraud_detect.entrypoints import features, reference, simulate, train


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fraud-detect")
def main() -> None:
    """From a labelled table of transactions to a fraud model and an endpoint."""


for _command in (simulate.command, features.command, train.command, *reference.COMMANDS):
    main.add_command(_command)
