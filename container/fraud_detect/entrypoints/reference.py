"""Commands that print what is declared: hyperparameters, metric definitions.

Knows the declared tables. Never knows training.
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


COMMANDS = (hyperparameters_command, metric_definitions_command)
