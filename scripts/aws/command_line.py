"""What the commands share on the command line: options, and faults as one line.

Knows Click, and is the one place that imports it, so that its absence is said well. Never knows which job is submitted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce, wraps
from typing import Any

from faults import Fault
from session import open_aws
from values import need_role, pairs

try:
    import click as click  # for the commands too
except ImportError:
    sys.exit(
        f"Error: {sys.executable} has no Click; expected the environment with AWS's SDKs. "
        f"Run `scripts/setup aws`, then .venv-aws/bin/python {sys.argv[0]}."
    )

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class Command(click.Command):
    """A command whose `Fault` is one line on standard error, with exit code 1."""

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Read the options."""
        with _as_one_line():
            return super().make_context(*arguments, **more)

    def invoke(self, context: click.Context) -> Any:
        """Run the command."""
        with _as_one_line():
            return super().invoke(context)


@contextmanager
def _as_one_line() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise click.ClickException(str(fault)) from fault


def command(function: Callable[..., str | None]) -> Command:
    """Make a command of `function(aws, ...)`: with --region, --profile and --dry-run, and the help from its docstring.

    What the function returns is its result, a line for standard output; progress goes to standard error. A dry run
    prints the requests instead, as JSON.
    """

    @wraps(function)
    def run(region: str | None, profile: str | None, dry_run: bool, **given: Any) -> None:
        aws = open_aws(region, profile, dry_run=dry_run)
        result = function(aws, **given)
        if aws.dry is not None:
            result = aws.dry.text()
        if result is not None:
            click.echo(result)

    options = [
        click.option("--region", metavar="REGION", help="AWS region (your configuration's)."),
        click.option("--profile", metavar="NAME", help="Profile of your AWS configuration (AWS_PROFILE's)."),
        click.option("--dry-run", is_flag=True, help="Send nothing; print the requests as JSON."),
    ]
    made = click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
    return made(together(options)(run))


def together(options: Sequence[Decorator]) -> Decorator:
    """Return one decorator of several, which `--help` then shows in this order."""
    return lambda function: reduce(lambda made, option: option(made), reversed(options), function)


def checked(check: Callable[..., Any], **more: Any) -> Callable[..., Any]:
    """Return Click's callback that passes a given value through `check(value, **more)`."""
    return lambda _context, _parameter, value: value if value is None else check(value, **more)


role_option = click.option(
    "--role", required=True, metavar="ARN", callback=checked(need_role), help="Role that SageMaker works as (role.py)."
)
tag_option = click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="KEY=VALUE",
    callback=checked(pairs, option="--tag"),
    help="A tag on what is made; repeatable.",
)
yes_option = click.option("--yes", is_flag=True, help="Go on without asking.")
waiting_options = together(
    [
        click.option("--wait/--no-wait", default=True, show_default=True, help="Wait for the end, with its log lines."),
        click.option(
            "--poll-seconds", type=float, default=10.0, show_default=True, help="Between questions while waiting."
        ),
    ]
)
vpc_options = together(
    [
        click.option("--subnet", "subnets", multiple=True, metavar="ID", help="Subnet to run in; repeatable."),
        click.option(
            "--security-group", "security_groups", multiple=True, metavar="ID", help="Its security group; repeatable."
        ),
    ]
)
