#!/usr/bin/env python3
"""Score a table of any length: by an endpoint, by an asynchronous one, or by a server on this machine.

Runs in the environment that `scripts/setup aws` makes; `--help` has the options, docs/endpoints.md the permissions.

Knows the command line. Never knows how a body is divided or sent.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import payloads
from asking import Wish, answers_of, ask_asynchronously, ask_endpoint, ask_local, wait_for
from command_line import Command, checked, click
from faults import Fault, aws_faults
from payloads import FORMS, Answer, Body, Limits
from s3_address import Address, parse
from session import Aws, open_aws
from values import name_at

MB = 1 << 20
EXPLAINED_ROWS = 2000
LARGEST_ASYNCHRONOUS = 1 << 30
_BY_EXTENSION = {".csv": "csv", ".json": "json", ".jsonl": "jsonlines"}
_EXTENSIONS = {"text/csv": ".csv", "application/json": ".json", "application/jsonlines": ".jsonl"}


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("endpoint", metavar="[ENDPOINT]", required=False)
@click.argument("table", metavar="[FILE]", default="-")
@click.option("--local", metavar="URL", help="Ask the server at this address, such as http://localhost:8080, not AWS.")
@click.option("--format", "form", type=click.Choice(list(FORMS)), help="Of the input (by FILE's extension; else csv).")
@click.option(
    "--answer", type=click.Choice(list(FORMS)), help="Form of the answers (that of the input; explained, json)."
)
@click.option(
    "--explain", type=click.IntRange(1, 1000), metavar="N", help="Add the N largest contributions to each row."
)
@click.option(
    "--output", type=click.Path(dir_okay=False), metavar="FILE", help="Write the answers there (standard output)."
)
@click.option(
    "--header",
    type=click.Choice([payloads.AUTO, payloads.PRESENT, payloads.ABSENT]),
    default=payloads.AUTO,
    show_default=True,
    help="Whether the first line of CSV names the columns; auto: it does if it is all text.",
)
@click.option(
    "--max-mb",
    type=click.FloatRange(0, 100, min_open=True),
    default=4.0,
    show_default=True,
    help="The largest request: real time allows 25, serverless 4.",
)
@click.option("--max-rows", type=click.IntRange(1), metavar="N", help="Rows in a request (any; explained, 2000).")
@click.option("--variant", metavar="NAME", help="The production variant that is to answer.")
@click.option("--custom-attributes", metavar="TEXT", help="Sent along, and given to the endpoint's log.")
@click.option("--asynchronous", is_flag=True, help="The endpoint is asynchronous: upload FILE, wait for the answer.")
@click.option(
    "--upload-to",
    metavar="S3",
    callback=checked(parse, option="--upload-to"),
    help="Asynchronous: where FILE goes (below the answers). FILE may be an address in S3 too.",
)
@click.option("--poll-seconds", type=float, default=5.0, show_default=True, help="Asynchronous: between questions.")
@click.option("--region", metavar="REGION", help="AWS region (your configuration's).")
@click.option("--profile", metavar="NAME", help="Profile of your AWS configuration (AWS_PROFILE's).")
@click.option("--dry-run", is_flag=True, help="Send nothing; print the requests as JSON.")
def main(endpoint: str | None, table: str, dry_run: bool, **given: Any) -> None:
    """Score the rows of FILE, or of standard input, by ENDPOINT, and write the answers.

    A table that is larger than a request may be is sent in several, a header with each; the answers come out as one.
    With --local, ENDPOINT is left out and FILE is the only argument.
    """
    if given["local"]:
        table = endpoint if endpoint and table == "-" else table
        _local(table, dry_run, given)
        return
    if not endpoint:
        raise Fault(
            "No endpoint is named", expected="its name, or --local", remedy="Pass the name deploy.py was given."
        )
    aws = open_aws(given["region"], given["profile"], dry_run=dry_run)
    if given["asynchronous"]:
        _asynchronously(aws, endpoint, table, given)
    else:
        _at_once(aws, endpoint, table, given)
    if aws.dry is not None:
        click.echo(aws.dry.text())


def _local(table: str, dry_run: bool, given: Mapping[str, Any]) -> None:
    wish = _wish(given)
    if not dry_run:
        _score(table, given, lambda body: ask_local(given["local"], body, wish))
        return
    with _opened(table) as source:
        requests = [
            {"url": f"{given['local']}/invocations", "content_type": body.content_type, "rows": body.place}
            for body in _bodies(source, table, given)
        ]
    click.echo(json.dumps(requests, indent=2))


def _at_once(aws: Aws, endpoint: str, table: str, given: Mapping[str, Any]) -> None:
    from botocore.config import Config

    client = aws.session.client("sagemaker-runtime", config=Config(read_timeout=70))
    wish = _wish(given)
    if aws.dry is None:
        _score(table, given, lambda body: ask_endpoint(client, endpoint, body, wish))
        return
    with _opened(table) as source:
        for body in _bodies(source, table, given):
            ask_endpoint(client, endpoint, body, wish)


def _score(table: str, given: Mapping[str, Any], ask: Callable[[Body], Answer]) -> None:
    with _opened(table) as source, _written(given["output"]) as target:
        for text in payloads.joined(_answers(_bodies(source, table, given), ask)):
            target.write(text)


def _answers(bodies: Iterator[Body], ask: Callable[[Body], Answer]) -> Iterator[Answer]:
    """Yield the answers, with a line of progress for each but the first."""
    for number, body in enumerate(bodies, start=1):
        began = time.monotonic()
        answer = ask(body)
        if number > 1:
            seconds = time.monotonic() - began
            click.echo(f"request {number}: {body.place}, {len(body.content) / MB:.1f} MB in {seconds:.1f} s", err=True)
        yield answer


def _bodies(source: BinaryIO, table: str, given: Mapping[str, Any]) -> Iterator[Body]:
    rows = given["max_rows"] or (EXPLAINED_ROWS if given["explain"] else None)
    limits = Limits(int(given["max_mb"] * MB), rows)
    return payloads.bodies(source, _form(table, given), limits, header=given["header"])


def _form(table: str, given: Mapping[str, Any]) -> str:
    return FORMS[given["form"] or _BY_EXTENSION.get(Path(table).suffix.lower(), "csv")]


def _wish(given: Mapping[str, Any]) -> Wish:
    accept = FORMS[given["answer"]] if given["answer"] else None
    if given["explain"]:
        accept = f"{accept or payloads.JSON};explain={given['explain']}"
    return Wish(accept, given["custom_attributes"], given["variant"])


def _opened(table: str) -> Any:
    if table == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(table).open("rb")
    except OSError as error:
        raise Fault(
            f"{table} cannot be read: {error.strerror}", expected="a file of rows", remedy="Correct the path."
        ) from error


@contextmanager
def _written(path: str | None) -> Iterator[BinaryIO]:
    """Give where the answers go; a file is replaced once they are all there."""
    if path is None:
        yield sys.stdout.buffer
        return
    part = Path(f"{path}.part")
    try:
        target = part.open("wb")
    except OSError as error:
        raise Fault(
            f"{path} cannot be written: {error.strerror}", expected="a file to write", remedy="Correct --output."
        ) from error
    try:
        with target:
            yield target
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _asynchronously(aws: Aws, endpoint: str, table: str, given: Mapping[str, Any]) -> None:
    wish, form = _wish(given), _form(table, given)
    source = parse(table, option="FILE") if table.startswith("s3://") else _uploaded(aws, endpoint, table, given, form)
    content_type = form if given["header"] == payloads.AUTO else f"{form}; header={given['header']}"
    asked = ask_asynchronously(aws, endpoint, source, content_type, wish)
    aws.say(f"asked for {source}; the answer will be at {asked.answer}")
    if aws.dry is None:
        content = wait_for(aws, asked, given["poll_seconds"])
        with _written(given["output"]) as target:
            target.write(content)


def _uploaded(aws: Aws, endpoint: str, table: str, given: Mapping[str, Any], form: str) -> Address:
    """Return where the input was uploaded to."""
    below = given["upload_to"] or answers_of(aws, endpoint).below("inputs")
    address = below.below(name_at(datetime.now(UTC), prefix=endpoint) + _EXTENSIONS[form])
    with _opened(table) as source:
        content = source.read()
    if len(content) > LARGEST_ASYNCHRONOUS:
        raise Fault(
            f"The input has {len(content):,} bytes",
            expected=f"at most {LARGEST_ASYNCHRONOUS:,}, which is all an asynchronous request may have",
            remedy="Send parts of it, or use a batch transform: scripts/aws/transform.py.",
        )
    with aws_faults():
        aws.client("s3").put_object(Bucket=address.bucket, Key=address.key, Body=content, ContentType=form)
    return address


if __name__ == "__main__":
    main()
