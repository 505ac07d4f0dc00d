from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from feature_factories import a_spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Give one session to all tests: it takes seconds to start."""
    with a_spark_session() as session:
        yield session


@pytest.fixture(autouse=True)
def usual_formatters() -> Iterator[None]:
    """Give the log's handlers their formatters back: PySpark replaces them by its own when a query fails."""
    before = [(handler, handler.formatter) for handler in logging.getLogger().handlers]
    yield
    for handler, formatter in before:
        handler.setFormatter(formatter)
