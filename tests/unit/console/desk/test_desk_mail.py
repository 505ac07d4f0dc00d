"""Mails about alerts: what they say, how many there are, and that a lost server holds up nothing."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from console_factories import a_console
from desk_factories import Program, a_transaction
from fraud_detect.console.desk.filing import Filed
from fraud_detect.console.desk.mail import Limit, Mailer, message
from fraud_detect.console.settings import Smtp
from fraud_detect.entrypoints import smtp
from fraud_detect.errors import SettingError
from training_factories import REPOSITORY

HOST = {"FRAUD_DETECT_SMTP_HOST": "mail.example.org"}
ADDRESSES = {
    "FRAUD_DETECT_SMTP_SENDER": "desk@example.org",
    "FRAUD_DETECT_SMTP_RECIPIENTS": "a@example.org, b@example.org",
}


def a_server(**overrides: Any) -> Smtp:
    given = {"host": "localhost", "port": 25, "sender": "desk@example.org", "recipients": ("ann@example.org",)}
    return Smtp(**{**given, "starttls": False, **overrides})


def an_alert(number: int = 7, expected_loss: float = 10.0) -> Filed:
    return Filed(number, 0.97, alert=True, expected_loss=expected_loss, state="open")


class _Session(socketserver.StreamRequestHandler):
    """One session of a mail server that takes everything (RFC 5321)."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.mails.append(self._mail())  # type: ignore[attr-defined]
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 well\r\n")
            if command == b"QUIT":
                return

    def _mail(self) -> str:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line.decode())
        return "".join(lines)


@contextmanager
def a_mail_server() -> Iterator[tuple[int, list[str]]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.mails = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], server.mails  # type: ignore[attr-defined]
        server.shutdown()


def waited_for(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_an_alert_is_mailed_with_number_score_and_link_and_nothing_else(tmp_path: Path) -> None:
    with a_mail_server() as (port, mails):
        server = a_server(host="127.0.0.1", port=port, console_url="https://console.example.org/")
        Program(a_console(tmp_path, smtp=server)).send(customer="Jane Roe", amount=4.25)
        waited_for(lambda: mails)
    assert "Case 1: probability 0.986" in mails[0]
    assert "https://console.example.org/cases/1" in mails[0]
    assert ("Jane" in mails[0], "4.25" in mails[0]) == (False, False)


def test_alerts_at_once_are_one_mail(tmp_path: Path) -> None:
    with a_mail_server() as (port, mails):
        program = Program(a_console(tmp_path, smtp=a_server(host="127.0.0.1", port=port)))
        program.send({"transactions": [a_transaction()] * 30})
        waited_for(lambda: mails)
    assert "Subject: 30 fraud alerts" in mails[0]
    assert "10 more are on the desk." in mails[0]


def test_what_the_limit_holds_back_comes_as_a_summary() -> None:
    sent: list[EmailMessage] = []
    limit = _Gate()
    mailer = Mailer(a_server(), send=lambda _, mail: sent.append(mail), limit=limit, gather_seconds=0.0)
    mailer.tell([an_alert()])
    waited_for(lambda: len(sent) == 1)
    limit.closed_seconds = 0.5
    for number in range(5):
        mailer.tell([an_alert(number)])
        time.sleep(0.02)
    waited_for(lambda: len(sent) == 2)
    assert sent[1]["Subject"] == "5 fraud alerts"


class _Gate(Limit):
    closed_seconds = 0.0

    def __init__(self) -> None:
        super().__init__(1)

    def wait_seconds(self) -> float:
        return self.closed_seconds


def test_so_many_go_in_an_hour() -> None:
    now = [0.0]
    limit = Limit(2, lambda: now[0])
    limit.note()
    now[0] = 600.0
    limit.note()
    assert limit.wait_seconds() == 3000.0
    now[0] = 3600.0
    assert limit.wait_seconds() == 0.0


def test_a_server_that_is_not_there_is_logged_and_holds_up_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens on it
        app = a_console(tmp_path, smtp=a_server(host="127.0.0.1", port=taken.getsockname()[1]))
        assert Program(app).send().status_code == 201
        waited_for(lambda: "was not sent" in caplog.text)


def test_a_server_that_cannot_encrypt_gets_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with a_mail_server() as (port, mails):
        Mailer(a_server(host="127.0.0.1", port=port, starttls=True), gather_seconds=0.0).tell([an_alert()])
        waited_for(lambda: "was not sent: SMTPNotSupportedError" in caplog.text)
        assert mails == []


def test_the_largest_losses_are_named_first() -> None:
    text = message(a_server(), [an_alert(1, 5.0), an_alert(2, 50.0)]).get_content()
    assert text.index("Case 2") < text.index("Case 1")


def test_without_a_host_there_are_no_mails() -> None:
    assert smtp.of({}) is None


def test_the_environment_sets_it_up() -> None:
    found = smtp.of({**HOST, **ADDRESSES, "FRAUD_DETECT_SMTP_STARTTLS": "false"})
    assert found == Smtp(
        "mail.example.org", 587, "desk@example.org", ("a@example.org", "b@example.org"), starttls=False
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SENDER", ""),
        ("SENDER", "a@example.org\nBcc: b@example.org"),
        ("RECIPIENTS", "a@example.org,b"),
        ("PORT", "0"),
        ("PORT", "x"),
        ("STARTTLS", "perhaps"),
        ("MAILS_AN_HOUR", "0"),
        ("PASSWORD", "a\nb"),
    ],
)
def test_a_variable_that_does_not_fit_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"FRAUD_DETECT_SMTP_{name} is"):
        smtp.of({**HOST, **ADDRESSES, f"FRAUD_DETECT_SMTP_{name}": value})


def test_the_page_has_the_table_of_the_variables() -> None:
    assert smtp.as_markdown() in (REPOSITORY / "docs" / "console-desk.md").read_text()
