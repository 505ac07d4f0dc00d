"""deploy/compose.yaml: the server alone on this machine, by TLS with and without API keys, and with the console."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker_engine import REPOSITORY, Answer, inspect, wait_until

from running_server import a_free_port

pytestmark = pytest.mark.docker

CSV = (REPOSITORY / "local_test/payload.csv").read_bytes()
KEY, OTHER_KEY = "a-key-of-the-tests-0123456789", "another-key-of-the-tests-012345"
EVERY_PROFILE = ("--profile", "tls", "--profile", "console")
PROJECT = f"fraud-detect-tests-{os.getpid()}"


@dataclass(frozen=True)
class Project:
    """The compose file with a model, a certificate for `localhost`, and ports of its own."""

    folder: Path
    environment: Mapping[str, str]
    http_port: int
    tls_port: int
    console_port: int

    def compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Docker's compose."""
        plugin = subprocess.run(["docker", "compose", "version"], check=False, capture_output=True).returncode == 0
        program = ["docker", "compose"] if plugin else ["docker-compose"]
        options = ["--file", REPOSITORY / "deploy/compose.yaml", "--project-name", PROJECT]
        return subprocess.run(
            [*program, *options, *arguments],
            env={**os.environ, **self.environment},
            check=False,
            capture_output=True,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        """Run it, and return what it prints; raise if it fails."""
        done = self.compose(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self) -> str:
        """Return what the proxy has said."""
        return self.run("--profile", "tls", "logs", "proxy")

    def container(self, service: str) -> Any:
        """Return what Docker knows of the container of a service."""
        return inspect(self.run(*EVERY_PROFILE, "ps", "--quiet", service).strip())

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request by TLS, the certificate verified."""
        verified = ssl.create_default_context(cafile=self.folder / "certificate.pem")
        return answer(f"https://localhost:{self.tls_port}{path}", body, headers, verified)

    def has_keys(self, text: str) -> None:
        """Let the proxy start with a file of keys."""
        (self.folder / "api-keys").write_text(text)
        (self.folder / "api-keys").chmod(0o644)
        self.run("--profile", "tls", "restart", "proxy")


def answer(url: str, body: bytes | None, headers: Mapping[str, str], context: ssl.SSLContext | None) -> Answer:
    named = {"Content-Type": "text/csv"} | {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers=named)  # noqa: S310 (localhost)
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as reply:  # noqa: S310
            return Answer(reply.status, reply.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.read().decode())
    except OSError:
        return Answer(0, "")


@pytest.fixture(scope="module")
def server(image: str, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Give the project after a plain `up`."""
    folder = tmp_path_factory.mktemp("tls")
    folder.chmod(0o755)
    http_port, tls_port, console_port = a_free_port(), a_free_port(), a_free_port()
    environment = {
        "IMAGE": image,
        "MODEL_FOLDER": str(trained / "model"),
        "TLS_FOLDER": str(folder),
        "HTTP_ADDRESS": f"127.0.0.1:{http_port}",
        "TLS_ADDRESS": f"127.0.0.1:{tls_port}",
        "REPORT_FOLDER": str(trained / "output/data"),
        "CONSOLE_FOLDER": str(a_folder_of_user_10001(tmp_path_factory)),
        "CONSOLE_ADDRESS": f"127.0.0.1:{console_port}",
    }
    project = Project(folder, environment, http_port, tls_port, console_port)
    try:
        project.run("up", "--detach", "--wait")
        yield project
    finally:
        project.compose(*EVERY_PROFILE, "down", "--volumes", "--timeout", "5")


def a_folder_of_user_10001(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("console")
    folder.chmod(0o777)
    return folder


@pytest.fixture(scope="module")
def console(server: Project) -> Project:
    """Return the project after `--profile console up`."""
    server.run("--profile", "console", "up", "--detach", "--wait")
    return server


@pytest.fixture(scope="module")
def proxy(server: Project) -> Project:
    """Return the project after `--profile tls up`, with a certificate and no keys."""
    make_certificate(server.folder)
    server.run("--profile", "tls", "up", "--detach", "--wait")
    return server


def make_certificate(folder: Path) -> None:
    """Write a certificate for `localhost` that nobody has signed, and its key."""
    assert shutil.which("openssl"), "the tests of TLS need openssl on the PATH"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"]
    name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"]
    subprocess.run(["openssl", "req", "-x509", *kind, *name, *files], check=True, capture_output=True)
    for path in folder.iterdir():
        path.chmod(0o644)


def test_server_alone_answers_on_this_machine(server: Project) -> None:
    answered = answer(f"http://127.0.0.1:{server.http_port}/invocations", CSV, {}, None)

    assert answered.status == 200, answered.body
    assert len(answered.body.splitlines()) == len(CSV.splitlines())
    assert server.run("ps", "--services").split() == ["server"]


def test_tls_without_keys_answers_anyone(proxy: Project) -> None:
    answered = proxy.ask("/invocations", CSV)

    assert answered.status == 200, answered.body
    assert len(answered.body.splitlines()) == len(CSV.splitlines())
    assert "no api-keys" in proxy.log()


def test_only_scores_and_health_are_passed_on(proxy: Project) -> None:
    statuses = {path: proxy.ask(path).status for path in ("/ping", "/metrics", "/execution-parameters", "/")}

    assert statuses == {"/ping": 200, "/metrics": 404, "/execution-parameters": 404, "/": 404}


def test_errors_of_the_server_come_through(proxy: Project) -> None:
    answered = proxy.ask("/invocations", b"1,2,3\n")

    assert answered.status == 400
    assert '"remedy"' in answered.body


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("service", ["server", "proxy", "console"])
def test_containers_are_confined(console: Project, service: str) -> None:
    container = console.container(service)
    host = container["HostConfig"]

    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["NanoCpus"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert container["Config"]["User"] == "10001:10001"


def test_console_answers_on_this_machine(console: Project) -> None:
    answered = answer(f"http://127.0.0.1:{console.console_port}/log-in", None, {}, None)

    assert answered.status == 200, answered.body
    assert "<h1>Log in</h1>" in answered.body


def test_console_reaches_the_server(console: Project) -> None:
    """By the name and port of its `--endpoint`."""
    command = console.container("console")["Config"]["Cmd"]
    asked = f"import urllib.request; print(urllib.request.urlopen('{command[2]}/ping').status)"

    assert console.run("--profile", "console", "exec", "-T", "console", "python3", "-c", asked).strip() == "200"


def test_account_of_the_console_is_made_by_a_command(console: Project) -> None:
    variable = ("-e", "FRAUD_DETECT_PASSWORD=three plain words")
    command = ("console", "fraud-detect", "accounts", "add", "anna")

    said = console.run("--profile", "console", "exec", "-T", *variable, *command)

    assert said == "The account anna has the role admin.\n"


def test_keys_are_asked_for_where_there_are_some(proxy: Project) -> None:
    proxy.has_keys(f"# two clients\n{KEY}\n\n{OTHER_KEY}\n")
    wait_until(lambda: proxy.ask("/ping").status == 200, "the proxy with keys")

    statuses = {
        key: proxy.ask("/invocations", CSV, X_Api_Key=key).status
        for key in (KEY, OTHER_KEY, KEY.upper(), KEY[:-1], f"{KEY}0", "# two clients", "")
    }

    assert statuses == {key: 200 if key in (KEY, OTHER_KEY) else 401 for key in statuses}
    assert "X-Api-Key" in proxy.ask("/invocations", CSV).body
    assert KEY not in proxy.log()


@pytest.mark.parametrize(
    ("keys", "said"),
    [("", "has no key"), ("# nothing but this\n", "has no key"), (f"{KEY}\nshort\n", "1 lines of")],
    ids=["empty", "a comment", "one too short"],
)
def test_a_file_without_keys_answers_nobody(proxy: Project, keys: str, said: str) -> None:
    """It may have been meant to keep strangers out."""
    before = proxy.log().count(said)

    proxy.has_keys(keys)

    wait_until(lambda: proxy.log().count(said) > before, "the reason")
    assert proxy.ask("/ping").status == 0
