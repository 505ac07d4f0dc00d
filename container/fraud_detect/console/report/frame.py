"""The report's page as a frame shows it: locked in, and with no script or style but its own.

The page is one file with its style and script in it. It is answered with a policy of its own, which names these by
their checksums: no attribute, address or text that becomes a script later runs. The policy that training wrote into the
page holds as well, and names its template's parts alone: an element that got in by a name of a feature does not run
either. And the frame has an origin of its own (`sandbox` without `allow-same-origin`): its script sees neither the
console's pages nor its cookies, and reaches no network, so that a file that somebody put there does no harm.

Knows HTML and Content-Security-Policy. Never knows Flask, what reports say.
"""

from __future__ import annotations

import base64
import hashlib
from html.parser import HTMLParser

SANDBOX = "allow-scripts"
"""What a frame with the page may do; neither forms, pop-ups nor the console's origin."""
STYLE, SCRIPT = "style", "script"


class _InlineParts(HTMLParser):
    """Collects the texts of styles and scripts, those left out that no browser runs: data, and what `src` fetches."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: dict[str, list[str]] = {STYLE: [], SCRIPT: []}
        self._within: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_run = tag == STYLE or (tag == SCRIPT and "src" not in given and "type" not in given)
        self._within = tag if is_run else None
        if self._within:
            self.texts[self._within].append("")

    def handle_data(self, data: str) -> None:
        if self._within:
            self.texts[self._within][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == self._within:
            self._within = None


def policy(page: bytes) -> str:
    """Return the Content-Security-Policy under which `page`, HTML in UTF-8, is shown."""
    parts = _InlineParts()
    parts.feed(page.decode("utf-8", "replace").replace("\r\n", "\n"))
    parts.close()
    styles, scripts = (_sources(parts.texts[kind]) for kind in (STYLE, SCRIPT))
    return (
        f"default-src 'none'; style-src {styles}; script-src {scripts}; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'self'; sandbox {SANDBOX}"
    )


def _sources(texts: list[str]) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
    return " ".join(f"'sha256-{each}'" for each in dict.fromkeys(hashes)) or "'none'"
