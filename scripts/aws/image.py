#!/usr/bin/env python3
"""Build the image and push it to ECR.

Knows the command line. How the image is built and pushed knows build_and_push.sh in the repository's root, which runs
without Python as well.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from command_line import Command, click, yes_option
from cost import need_yes

SCRIPT = Path(__file__).parents[2] / "build_and_push.sh"


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("name", default="fraud-detect")
@click.option("--region", metavar="REGION", help="AWS region (your configuration's).")
@click.option("--profile", metavar="NAME", help="Profile of your AWS configuration (AWS_PROFILE's).")
@click.option("--dry-run", is_flag=True, help="Run nothing; print the commands.")
@yes_option
def main(name: str, region: str | None, profile: str | None, dry_run: bool, yes: bool) -> None:
    """Build the image, push it to the ECR repository NAME, which is created if it is missing, and print its URI.

    Needs Docker and the AWS command line.
    """
    click.echo("AWS bills what ECR stores, by GB and month, until the repository's images are deleted.", err=True)
    if not dry_run and not yes:
        need_yes("Go on?")
    chosen = {"--region": region, "--profile": profile}
    options = [word for option, value in chosen.items() if value for word in (option, value)]
    done = subprocess.run([SCRIPT, name, *options, *(["--dry-run"] if dry_run else [])], check=False)  # noqa: S603
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
