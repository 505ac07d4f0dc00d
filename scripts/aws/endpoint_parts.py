"""What belongs to an endpoint: found by tag, described, removed.

Knows how SageMaker lists, describes and deletes. Never knows the command line, how endpoints are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from endpoint_requests import ENDPOINT_TAG
from faults import Fault, aws_faults
from session import Aws

LONGEST_PREFIX = 43
"""How much of an endpoint's name begins the names of its models and configurations: 63 less the time."""


def prefix(endpoint: str) -> str:
    """Return how the names of the endpoint's models and configurations begin."""
    return endpoint[:LONGEST_PREFIX].rstrip("-")


@dataclass(frozen=True)
class Present:
    """An endpoint in service with one production variant, and its configuration, as SageMaker describes them."""

    name: str
    endpoint: Mapping[str, Any]
    config: Mapping[str, Any]

    @property
    def config_name(self) -> str:
        """The name of its configuration."""
        return str(self.endpoint["EndpointConfigName"])

    @property
    def variant(self) -> dict[str, Any]:
        """The production variant's part of the configuration, with as many instances as there are now."""
        made = dict(self.config["ProductionVariants"][0])
        now = self.endpoint["ProductionVariants"][0].get("DesiredInstanceCount")
        # SageMaker wants at least one to begin with, also where scaling went down to none.
        return {**made, "InitialInstanceCount": max(now, 1)} if now is not None else made

    @property
    def models(self) -> set[str]:
        """The names of its models, the challenger's among them."""
        return {made["ModelName"] for made in [*self.config["ProductionVariants"], *self.shadows]}

    @property
    def shadows(self) -> list[dict[str, Any]]:
        """The shadow variants' part of the configuration."""
        return list(self.config.get("ShadowProductionVariants") or [])


def find_endpoint(aws: Aws, name: str) -> Mapping[str, Any] | None:
    """Return the endpoint as SageMaker describes it, or None if there is none."""
    try:
        with aws_faults():
            found: Mapping[str, Any] = aws.client("sagemaker").describe_endpoint(EndpointName=name)
    except Fault as fault:
        if is_absent(fault):
            return None
        raise
    return found


def present(aws: Aws, name: str) -> Present:
    """Return the endpoint; raise `Fault` unless it is in service with one production variant."""
    found = find_endpoint(aws, name)
    if found is None:
        raise Fault(
            f"There is no endpoint '{name}' in {aws.region}",
            expected="one that is in service",
            remedy="Correct the name or --region, or make it: scripts/aws/deploy.py without --update.",
        )
    if found["EndpointStatus"] != "InService":
        raise Fault(
            f"Endpoint '{name}' is {found['EndpointStatus']}",
            expected="InService",
            remedy="Wait until it is; one that Failed can only be deleted: scripts/aws/delete.py.",
        )
    with aws_faults():
        config = aws.client("sagemaker").describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    if len(config["ProductionVariants"]) != 1:
        names = ", ".join(variant["VariantName"] for variant in config["ProductionVariants"])
        raise Fault(
            f"Endpoint '{name}' has the production variants {names}",
            expected="one, as scripts/aws/deploy.py makes",
            remedy="Change it with the tool that made it.",
        )
    return Present(name, found, config)


def is_absent(fault: Fault) -> bool:
    """Return whether AWS refused since there is nothing of that name."""
    error = getattr(fault.__cause__, "response", {}).get("Error", {})
    code, message = error.get("Code"), str(error.get("Message", "")).lower()
    missing = any(words in message for words in ("could not find", "does not exist", "not found", "no scalable target"))
    return code in {"ResourceNotFound", "ObjectNotFoundException"} or (code == "ValidationException" and missing)


def configs_of(aws: Aws, endpoint: str) -> list[str]:
    """Return the names of the configurations that were made for the endpoint."""
    return sorted(_tagged(aws, endpoint, "EndpointConfig", "list_endpoint_configs"))


def models_of(aws: Aws, endpoint: str) -> list[str]:
    """Return the names of the models that were made for the endpoint."""
    return sorted(_tagged(aws, endpoint, "Model", "list_models"))


def alarms_of(aws: Aws, endpoint: str) -> list[str]:
    """Return the names of the alarms that were made for the endpoint."""
    client = aws.client("cloudwatch")
    with aws_faults():
        pages = client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{endpoint}-")
        alarms = [alarm for page in pages for alarm in page.get("MetricAlarms", [])]
        found = {alarm["AlarmName"]: client.list_tags_for_resource(ResourceARN=alarm["AlarmArn"]) for alarm in alarms}
    return sorted(name for name, tags in found.items() if _has_tag(tags["Tags"], endpoint))


def _tagged(aws: Aws, endpoint: str, noun: str, operation: str) -> Iterator[str]:
    client = aws.client("sagemaker")
    with aws_faults():
        for page in client.get_paginator(operation).paginate(NameContains=prefix(endpoint)):
            for found in page[f"{noun}s"]:
                if found[f"{noun}Name"].startswith(prefix(endpoint)) and is_of(aws, endpoint, found[f"{noun}Arn"]):
                    yield found[f"{noun}Name"]


def is_of(aws: Aws, endpoint: str, arn: str) -> bool:
    """Return whether what has that ARN was made for the endpoint; in a dry run, yes."""
    if aws.dry is not None and not aws.dry.asks:
        return True
    with aws_faults():
        pages = aws.client("sagemaker").get_paginator("list_tags").paginate(ResourceArn=arn)
        return _has_tag([tag for page in pages for tag in page["Tags"]], endpoint)


def _has_tag(tags: list[Mapping[str, str]], endpoint: str) -> bool:
    return any(tag["Key"] == ENDPOINT_TAG and tag["Value"] == endpoint for tag in tags)


def arn_of_model(aws: Aws, name: str) -> str:
    """Return the model's ARN."""
    with aws_faults():
        return str(aws.client("sagemaker").describe_model(ModelName=name)["ModelArn"])


def remove_config(aws: Aws, name: str) -> None:
    """Delete the configuration."""
    with aws_faults():
        aws.client("sagemaker").delete_endpoint_config(EndpointConfigName=name)


def remove_model(aws: Aws, name: str) -> None:
    """Delete the model: SageMaker's entry, not its model.tar.gz."""
    with aws_faults():
        aws.client("sagemaker").delete_model(ModelName=name)
