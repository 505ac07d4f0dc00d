"""An endpoint at an address of HTTP: good answers, bad ones, slow ones and none."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from fraud_detect.console.endpoint import EndpointError, Reason, RowsRefused, Unreachable, exchange
from fraud_detect.console.endpoint import http as over_http
from fraud_detect.console.endpoint.http import HttpEndpoint
from fraud_detect.console.endpoint.open import opened
from fraud_detect.errors import SettingError
from running_server import a_free_port
from slow_servers import Conversation, a_server, reply, request_of, saying

ROW = {"amount": 1.5, "online": True, "kind": None}
REFUSAL = {"error": "Row 1, column 'amount'", "expected": "a number", "remedy": "Correct it."}
SHORT = 0.3


def predictions(*probabilities: object, **more: object) -> bytes:
    return json.dumps({"predictions": [{"probability": each, **more} for each in probabilities]}).encode()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no answer take longer than `SHORT`."""
    for name in ("QUICK_SECONDS", "LONG_SECONDS", "PATIENCE_SECONDS"):
        monkeypatch.setattr(exchange, name, SHORT)


def heard(*replies: bytes, reasons: int = 0) -> tuple[Any, Sequence[bytes]]:
    """Return the scores of `ROW` that a server which says `replies` gives, and the requests that it got."""
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        for each in replies:
            requests.append(request_of(connection))
            connection.sendall(each)

    with a_server(talk) as address:
        return HttpEndpoint(address).score([ROW], reasons=reasons), requests


def test_rows_go_as_json_and_scores_come_back() -> None:
    (score,), (request,) = heard(reply(predictions(0.25, predicted_label=0)))
    headers, _, body = request.partition(b"\r\n\r\n")
    assert headers.startswith(b"POST /invocations HTTP/1.1")
    assert json.loads(body) == {"instances": [ROW]}
    assert (score.probability, score.label, score.reasons) == (0.25, 0, ())


def test_reasons_are_asked_for_and_read() -> None:
    reason = {"feature": "amount", "value": 1.5, "contribution": 2.0, "direction": "raises", "text": "High"}
    answer = predictions(0.9, reasons=[reason], raw_score=2.2, base_value=0.1, other_contributions=0.1)
    (score,), (request,) = heard(reply(answer), reasons=3)
    assert b"explain=3" in request
    assert score.reasons == (Reason("amount", 1.5, 2.0, "High"),)
    assert (score.raw_score, score.base_value, score.other_contributions) == (2.2, 0.1, 0.1)


def test_a_model_that_cannot_explain_is_asked_for_reasons_once() -> None:
    cannot = reply(json.dumps(REFUSAL).encode(), "406 Not Acceptable")
    good = reply(predictions(0.9))
    with a_server(saying(cannot, good, good)) as address:
        endpoint = HttpEndpoint(address)
        assert [endpoint.score([ROW], reasons=3)[0].probability for _ in range(2)] == [0.9, 0.9]


def test_a_csv_is_sent_as_it_is() -> None:
    with a_server(saying(reply(predictions(0.1, 0.2)))) as address:
        assert HttpEndpoint(address).score_csv(b"amount\n1\n2\n") == [0.1, 0.2]


def test_an_address_may_have_a_path() -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        requests.append(request_of(connection))
        connection.sendall(reply(predictions(0.1)))

    with a_server(talk) as address:
        HttpEndpoint(f"{address}/fraud/").score([ROW])
    assert requests[0].startswith(b"POST /fraud/invocations ")


def test_rows_that_the_endpoint_refuses_are_told_in_its_words() -> None:
    with pytest.raises(RowsRefused, match=r"column 'amount'; expected a number\. Correct it\."):
        heard(reply(json.dumps(REFUSAL).encode(), "400 Bad Request"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"0.5\n",
        b"[]",
        b'{"predictions": {}}',
        b'{"predictions": [0.5]}',
        b'{"predictions": [[0.5]]}',
        predictions(),
        predictions(0.1, 0.2),
        predictions(None),
        predictions("often"),
        predictions(1.5),
        predictions(-0.1),
        predictions(0.5, reasons=[{}]),
        predictions(0.5, reasons=3),
        predictions(0.5, raw_score="x"),
        predictions(0.5)[:-1],
    ],
    ids=[
        *(
            "empty",
            "csv",
            "list",
            "object",
            "numbers",
            "lists",
            "none",
            "too many",
            "null",
            "text",
            "above 1",
            "below 0",
        ),
        *("reason", "number", "raw score", "cut"),
    ],
)
def test_an_answer_that_is_no_scores_is_the_endpoints_fault(body: bytes) -> None:
    with pytest.raises(EndpointError) as caught:
        heard(reply(body))
    assert not isinstance(caught.value, Unreachable)


@pytest.mark.parametrize(
    ("status", "body", "later"),
    [
        ("500 Internal Server Error", json.dumps(REFUSAL).encode(), False),
        ("404 Not Found", b"<html>", False),
        ("404 Not Found", b'{"error": "x"}', False),
        ("302 Found", b"", False),
        ("503 Service Unavailable", json.dumps(REFUSAL).encode(), True),
        ("429 Too Many Requests", b"", True),
    ],
    ids=["fault", "page", "other json", "elsewhere", "busy", "too many"],
)
def test_other_statuses_are_the_endpoints_fault(status: str, body: bytes, later: bool) -> None:
    with pytest.raises(EndpointError, match=status[:3]) as caught:
        heard(reply(body, status, "Location: /elsewhere"))
    assert isinstance(caught.value, Unreachable) is later


def test_a_redirect_is_not_followed() -> None:
    with a_server(saying(reply(predictions(0.5)))) as elsewhere, pytest.raises(EndpointError, match="307"):
        heard(reply(b"", "307 Temporary Redirect", f"Location: {elsewhere}/invocations"))


def test_nobody_at_the_address_is_said() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        HttpEndpoint(f"http://127.0.0.1:{a_free_port()}").score([ROW])


def test_a_name_that_nobody_has_is_said() -> None:
    with pytest.raises(Unreachable, match="does not answer"):
        HttpEndpoint("http://nobody.invalid").score([ROW])


def test_a_connection_that_was_kept_and_is_gone_is_opened_anew() -> None:
    with a_server(saying(reply(predictions(0.1))), saying(reply(predictions(0.2)))) as address:
        endpoint = HttpEndpoint(address)
        assert [endpoint.score([ROW])[0].probability for _ in range(2)] == [0.1, 0.2]


def test_a_server_that_hangs_up_twice_does_not_answer() -> None:
    with a_server(saying()) as address, pytest.raises(Unreachable):
        HttpEndpoint(address).score([ROW])


def silent(connection: socket.socket) -> None:
    request_of(connection)
    connection.recv(1)


def dripping(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(SHORT / 10)


def cut(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(reply(predictions(0.5))[:-5])


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("talk", [silent, dripping, cut])
def test_a_server_that_does_not_come_to_an_end_is_left(talk: Conversation) -> None:
    began = time.monotonic()
    with a_server(talk) as address, pytest.raises(Unreachable):
        HttpEndpoint(address).score([ROW])
    assert time.monotonic() - began < 10 * SHORT


def test_an_answer_of_endless_length_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_http, "LARGEST_ANSWER_BYTES", 1000)
    with pytest.raises(EndpointError, match="more than"):
        heard(reply(b" " * 2000))


@pytest.mark.usefixtures("impatient")
def test_a_slow_endpoint_holds_a_bounded_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CONNECTIONS", 1)
    monkeypatch.setattr(exchange, "QUICK_SECONDS", 20 * SHORT)
    let_go = threading.Event()

    def holding(connection: socket.socket) -> None:
        request_of(connection)
        let_go.wait(30)
        connection.sendall(reply(predictions(0.5)))

    with a_server(holding) as address:
        endpoint = HttpEndpoint(address)
        first = threading.Thread(target=lambda: endpoint.score([ROW]))
        first.start()
        time.sleep(SHORT)
        with pytest.raises(Unreachable, match="wait for the endpoint"):
            endpoint.score([ROW])
        let_go.set()
        first.join(30)
        assert endpoint.score([ROW])[0].probability == 0.5


def test_connections_are_kept() -> None:
    connections: list[None] = []

    def counting(connection: socket.socket) -> None:
        connections.append(None)
        saying(*[reply(predictions(0.5))] * 20)(connection)

    with a_server(counting) as address:
        endpoint = HttpEndpoint(address)
        for _ in range(20):
            endpoint.score([ROW])
    assert len(connections) == 1


@pytest.mark.parametrize(
    "address",
    [
        *("localhost:8080", "ftp://host", "http://", "http://host:port", "http://host:99999", "http://[::1"),
        *("http://host?x=1", "http://host#x", "http://me:secret@host"),
    ],
)
def test_what_is_no_address_is_refused_and_no_password_shown(address: str) -> None:
    with pytest.raises(SettingError) as caught:
        opened(address)
    assert "secret" not in str(caught.value)


def test_an_endpoint_is_called_as_the_user_did() -> None:
    assert str(opened("http://localhost:8080/")) == "http://localhost:8080"
