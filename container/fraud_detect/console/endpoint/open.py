"""An endpoint by what the user called it.

Knows the kinds of endpoints. Never knows what they do.
"""

from __future__ import annotations

from fraud_detect.console.endpoint import Endpoint
from fraud_detect.console.endpoint.http import HttpEndpoint
from fraud_detect.console.endpoint.names import SAGEMAKER


def opened(text: str) -> Endpoint:
    """Return the endpoint at an address of HTTP, or the one on SageMaker that `sagemaker:NAME` names."""
    if text.startswith(SAGEMAKER):
        from fraud_detect.console.endpoint.sagemaker import SageMakerEndpoint  # boto3 takes half a second to import

        return SageMakerEndpoint(text.removeprefix(SAGEMAKER))
    return HttpEndpoint(text)
