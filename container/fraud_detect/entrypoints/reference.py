"""Commands that print what is declared: hyperparameters, metric definitions, settings, the endpoint.

Knows the declared tables. Never knows training, servers.
"""

from __future__ import annotations

import click

from fraud_detect.sagemaker import hyperparameters, metrics

FORMATS = {"markdown": hyperparameters.as_markdown, "sagemaker": hyperparameters.as_sagemaker}


@click.command("hyperparameters")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="markdown", show_default=True)
def hyperparameters_command(form: str) -> None:
    """Print the table of hyperparameters, as a page or as SageMaker's CreateAlgorithm wants it."""
    click.echo(FORMATS[form](), nl=False)


@click.command("metric-definitions")
def metric_definitions_command() -> None:
    """Print SageMaker's MetricDefinitions for the lines that training prints, as JSON."""
    click.echo(metrics.definitions(), nl=False)


@click.command("specification")
def specification_command() -> None:
    """Print all that SageMaker can be told of training, as JSON: hyperparameters, metrics, ranges to search."""
    from fraud_detect.sagemaker import specification

    click.echo(specification.as_json(), nl=False)


@click.command("settings")
def settings_command() -> None:
    """Print the table of the variables that set up `serve`, as a page."""
    from fraud_detect.serving import settings

    click.echo(settings.as_markdown(), nl=False)


@click.command("openapi")
def openapi_command() -> None:
    """Print the description of the endpoint in OpenAPI, as JSON."""
    from fraud_detect.serving import openapi

    click.echo(openapi.as_json(), nl=False)


COMMANDS = (
    hyperparameters_command,
    metric_definitions_command,
    specification_command,
    settings_command,
    openapi_command,
)
