"""The hosts of a training job.

Knows resourceconfig.json. Never knows training.
"""

from __future__ import annotations

from fraud_detect.errors import SettingError
from fraud_detect.sagemaker.configuration import read_object
from fraud_detect.sagemaker.layout import Layout


def check_single_host(layout: Layout) -> None:
    """Raise `SettingError` if the job has several hosts: each would train a model of its own."""
    hosts = read_object(layout.resource_config).get("hosts", [])
    if isinstance(hosts, list) and len(hosts) > 1:
        raise SettingError(
            f"The job has {len(hosts)} hosts",
            expected="one",
            remedy="Set instance_count to 1, and take a larger instance.",
        )
