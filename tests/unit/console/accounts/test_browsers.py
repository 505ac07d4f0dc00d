"""What browsers call themselves, in people's words."""

from __future__ import annotations

import pytest

from fraud_detect.console.accounts.browsers import name_of

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
NAMES = {
    CHROME: "Chrome on Linux",
    f"{CHROME} Edg/140.0": "Edge on Linux",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0": "Firefox on Windows",
    IPHONE: "Safari on iPhone",
    "curl/8.5.0": "curl/8.5.0",
    "": "unknown",
}


@pytest.mark.parametrize("agent", list(NAMES), ids=list(NAMES.values()))
def test_browsers_are_named_as_people_know_them(agent: str) -> None:
    assert name_of(agent) == NAMES[agent]
