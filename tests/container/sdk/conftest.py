"""A client of the image for each of SageMaker's two SDKs, for a module of tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from closed_world import closed_world
from sdk_client import Client, environment_of


@pytest.fixture(scope="module")
def sdk2(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a client with SageMaker's SDK 2."""
    python = environment_of(".venv-sdk2", "scripts/setup sdk2")
    with closed_world() as outside:
        client = Client(python, tmp_path_factory.mktemp("sdk2"), image, outside)
        yield client
        client.clean_up()


@pytest.fixture(scope="module")
def sdk3(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Return a client with SageMaker's SDK 3."""
    python = environment_of(".venv-aws", "scripts/setup aws")
    with closed_world() as outside:
        client = Client(python, tmp_path_factory.mktemp("sdk3"), image, outside)
        yield client
        client.clean_up()
