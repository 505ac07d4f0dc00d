"""The forms of a page as a program sees them, and what markup in an answer would run a script.

Knows HTML. Never knows which forms there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

TYPED = ("text", "search", "email", "number", "password", "date", "datetime-local", "tel", "url")
WRITABLE = (*TYPED, "textarea", "select")
SCHEMES_THAT_RUN = ("javascript:", "vbscript:", "data:text/html")
ADDRESSES = ("href", "src", "action", "formaction", "data")
PLAIN = {"number": "1", "date": "2026-06-01", "datetime-local": "2026-06-01T12:00", "password": "correct horse battery"}
"""What a control of a kind may be filled with, if it is not a text."""

Attributes = dict[str, str]


@dataclass
class Field:
    """A control of a form with the value that it has at first."""

    name: str
    kind: str
    value: str = ""


@dataclass
class Form:
    """A form: where it goes, how, and with which controls."""

    action: str
    method: str
    kind: str
    fields: list[Field] = field(default_factory=list)

    def values(self) -> dict[str, str]:
        """Return what a browser would send if nobody touched it; files are left out."""
        return {one.name: one.value for one in self.fields if one.kind != "file"}

    def filled(self) -> dict[str, str]:
        """Return what somebody would send who fills every control with something plain."""
        return {name: value or PLAIN.get(self.kind_of(name), "plain text") for name, value in self.values().items()}

    def kind_of(self, name: str) -> str:
        """Return the kind of the control `name`."""
        return next(one.kind for one in self.fields if one.name == name)

    def writable(self) -> list[str]:
        """Return the names of the controls that a person fills or chooses from."""
        return [one.name for one in self.fields if one.kind in WRITABLE]

    def hidden(self) -> list[str]:
        """Return the names of the controls that only a program changes, without the form's token."""
        return [one.name for one in self.fields if one.kind == "hidden" and one.name != "csrf_token"]

    def files(self) -> list[str]:
        """Return the names of the controls that take a file."""
        return [one.name for one in self.fields if one.kind == "file"]


class Reader(HTMLParser):
    """Collects the forms, the links, and whatever in the markup would run."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.runs: list[str] = []
        self._form: Form | None = None
        self._area: Field | None = None
        self._in_script = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag."""
        said = {name: value or "" for name, value in attrs}
        self._note_what_runs(tag, said)
        if tag == "a" and said.get("href"):
            self.links.append(said["href"])
        if tag == "form":
            self._form = Form(said.get("action", ""), said.get("method", "get").lower(), said.get("enctype", ""))
            self.forms.append(self._form)
        if self._form is not None and tag in ("input", "textarea", "select", "button"):
            self._add_field(tag, said)
        if tag == "option" and self._form is not None and self._form.fields:
            self._choose(said)

    def _add_field(self, tag: str, said: Attributes) -> None:
        assert self._form is not None
        kind = said.get("type", "text") if tag == "input" else tag
        if not said.get("name") or (kind in ("checkbox", "radio") and "checked" not in said):
            return
        made = Field(said["name"], kind, said.get("value", ""))
        self._form.fields.append(made)
        self._area = made if tag == "textarea" else None

    def _choose(self, said: Attributes) -> None:
        assert self._form is not None
        last = self._form.fields[-1]
        if last.kind == "select" and ("selected" in said or not last.value):
            last.value = said.get("value", "")

    def _note_what_runs(self, tag: str, said: Attributes) -> None:
        self._in_script = tag == "script"
        self.runs += [f"<{tag} {name}=...>" for name in said if name.startswith("on") or name in ("srcdoc", "style")]
        addresses = ((name, said.get(name, "").strip().lower()) for name in ADDRESSES)
        self.runs += [f"<{tag} {name}={at}>" for name, at in addresses if at.startswith(SCHEMES_THAT_RUN)]

    def handle_data(self, data: str) -> None:
        """Take text."""
        if self._in_script and data.strip():
            self.runs.append(f"<script>{data.strip()[:60]}")
        if self._area is not None:
            self._area.value += data

    def handle_endtag(self, tag: str) -> None:
        """Take the end of an element."""
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None
        if tag == "script":
            self._in_script = False


def read(page: str) -> Reader:
    """Return what is in a page."""
    reader = Reader()
    reader.feed(page)
    return reader
