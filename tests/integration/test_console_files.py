"""Files in a console that really runs: killed in the middle, cut off, too large, and read while it scores."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from console_process import PASSWORD, ConsoleProcess
from factories import an_artifact
from fraud_detect.console.storage.tables import Role
from running_server import Server, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.alone]

BOUNDARY = "part-of-a-form"
_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class Client:
    """A browser without a window: it keeps cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, bytes, str]:
        """Return status, body and where the answer leads."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **headers}
            connection.request(method, path, body, sent, encode_chunked="Transfer-Encoding" in headers)  # type: ignore[arg-type]
            answer = connection.getresponse()
            for text in answer.headers.get_all("Set-Cookie") or ():
                name, _, value = text.partition(";")[0].partition("=")
                self.cookies[name] = value
            return answer.status, answer.read(), answer.headers.get("Location", "")
        finally:
            connection.close()

    def token(self, page: str) -> str:
        """Return the token of the form on `page`."""
        found = _TOKEN.search(self.ask("GET", page)[1].decode())
        assert found, page
        return found[1]

    def log_in(self, name: str) -> None:
        """Log in by the form."""
        form = {"csrf_token": self.token("/log-in"), "name": name, "password": PASSWORD}
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert self.ask("POST", "/log-in", urllib.parse.urlencode(form), **kind)[0] == 302

    def form(self, content: bytes) -> bytes:
        """Return the body of a form with a file."""
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{self.token("/files")}\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\n'
        )
        return head.encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()

    def upload(self, body: object, **headers: str) -> tuple[int, bytes, str]:
        """Return the answer to such a form."""
        return self.ask(
            "POST", "/files", body, **{"Content-Type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
        )

    def state(self, address: str) -> dict[str, object]:
        """Return how far a file is."""
        told: dict[str, object] = json.loads(self.ask("GET", f"{address}/progress")[1])
        return told


@pytest.fixture
def console(tmp_path: Path) -> Iterator[ConsoleProcess]:
    """Give a console over a small model, and the server that it scores with."""
    (tmp_path / "model").mkdir()
    an_artifact(tmp_path / "model")
    with (
        Server(tmp_path, "alone", log=tmp_path / "server.log") as server,
        ConsoleProcess(tmp_path, f"http://127.0.0.1:{server.port}") as running,
    ):
        yield running


@pytest.fixture
def client(console: ConsoleProcess) -> Client:
    """Return a browser that an analyst is logged in with."""
    made = Client(console.port)
    made.log_in(console.account("ada", Role.ANALYST))
    return made


def rows_of(count: int) -> bytes:
    return b"id,amount,hour\n" + b"".join(b"%d,%d,1\n" % (number, number % 7 - 3) for number in range(count))


def files_of(console: ConsoleProcess) -> list[str]:
    return [path.name for path in (console.root / "console/files").rglob("*") if path.is_file()]


def test_a_file_survives_a_kill_and_is_whole_afterwards(console: ConsoleProcess, client: Client) -> None:
    rows = 150_000
    _, _, address = client.upload(client.form(rows_of(rows)))
    wait_until(lambda: client.state(address)["state"] == "scoring" and client.state(address)["rows"] != 0)
    console.kill()
    assert "scored.csv" not in files_of(console)
    console.start()
    wait_until(lambda: client.state(address)["state"] == "done")
    text = client.ask("GET", f"{address}/scored.csv")[1].decode()
    found = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in found] == [str(number) for number in range(rows)]
    assert all(row["probability"] for row in found)


def test_an_upload_that_is_cut_off_leaves_nothing(console: ConsoleProcess, client: Client) -> None:
    body = client.form(rows_of(50_000))
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    connection.putrequest("POST", "/files")
    for name, value in {
        "Cookie": "; ".join(f"{name}={value}" for name, value in client.cookies.items()),
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Content-Length": str(len(body)),
    }.items():
        connection.putheader(name, value)
    connection.endheaders(body[: len(body) // 2])
    wait_until(lambda: files_of(console) != [])
    connection.close()
    wait_until(lambda: files_of(console) == [])


def test_a_kill_while_a_file_comes_leaves_nothing_after_the_next_start(console: ConsoleProcess, client: Client) -> None:
    body = client.form(rows_of(50_000))
    connection = http.client.HTTPConnection("127.0.0.1", console.port, timeout=60)
    connection.putrequest("POST", "/files")
    connection.putheader("Cookie", "; ".join(f"{name}={value}" for name, value in client.cookies.items()))
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body[: len(body) // 2])
    wait_until(lambda: files_of(console) != [])
    console.kill()
    connection.close()
    console.start()
    assert files_of(console) == []


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with its length", "in chunks"])
def test_a_file_above_the_limit_is_answered_and_leaves_nothing(
    console: ConsoleProcess, client: Client, *, is_chunked: bool
) -> None:
    size = 201 << 20

    def body() -> Iterator[bytes]:
        yield client.form(b"")[: -len(f"\r\n--{BOUNDARY}--\r\n")]
        block = b"1,1,1\n" * 20_000
        for _ in range(size // len(block) + 1):
            yield block

    content: object = body() if is_chunked else b"".join(body())
    headers = {"Transfer-Encoding": "chunked"} if is_chunked else {}
    status, page, _ = client.upload(content, Accept="application/json", **headers)
    assert (status, "larger than 200 MB" in json.loads(page)["message"]) == (413, True)
    assert files_of(console) == []
