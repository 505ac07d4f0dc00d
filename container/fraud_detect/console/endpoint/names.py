"""How a user names an endpoint that has no address of HTTP."""

SAGEMAKER = "sagemaker:"
"""Before the name of an endpoint on SageMaker."""
