"""The desk's threads end with the test that began them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fraud_detect.console.desk.hub import Hub


@pytest.fixture(autouse=True)
def _hubs_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    hubs: list[Hub] = []
    begin = Hub.__init__

    def noting(self: Hub, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        hubs.append(self)

    monkeypatch.setattr(Hub, "__init__", noting)
    yield
    for hub in hubs:
        hub.stop()
        hub.wait_until_ended()
