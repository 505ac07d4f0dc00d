"""`console`: the web console of a model and its endpoint.

Knows the environment, the console's parts, gunicorn. Never knows pages.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from gunicorn.app.base import BaseApplication

from fraud_detect import log
from fraud_detect.artifact import bundle
from fraud_detect.artifact.examples import examples_of
from fraud_detect.console import key_file, secrets_at_rest
from fraud_detect.console.api import document
from fraud_detect.console.app import create_app
from fraud_detect.console.desk.part import desk_of
from fraud_detect.console.endpoint.open import opened
from fraud_detect.console.key_file import SHORTEST_KEY
from fraud_detect.console.settings import Settings
from fraud_detect.console.storage.database import Database
from fraud_detect.console.worker import Worker
from fraud_detect.entrypoints import smtp
from fraud_detect.errors import SettingError, UserError
from fraud_detect.sagemaker.job import OUR_FAULT, USER_FAULT
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout

THIS_MACHINE, EVERY_ADDRESS = "127.0.0.1", "0.0.0.0"  # noqa: S104 - a container's port is reached from outside it
KEY_VARIABLE, DATABASE_VARIABLE = "FRAUD_DETECT_CONSOLE_KEY", "FRAUD_DETECT_CONSOLE_DATABASE"
EARLIER_KEY_VARIABLE = "FRAUD_DETECT_CONSOLE_EARLIER_KEY"
FOLDER, KEY_FILE, DATABASE_FILE = "console", "key", "console.sqlite"
THREADS = 128
"""Each browser that listens to the desk holds one, each request whose transactions are being filed another."""
GRACE_SECONDS = 20
SWITCH_SECONDS = 0.0005
"""How long a thread computes while others wait, a tenth of Python's own: a transaction waits some twenty times."""
IDLE_SECONDS = 5
"""How long a connection may be silent before a request or amid its headers; it holds no thread meanwhile."""

logger = logging.getLogger(__name__)

root_option = click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Folder that stands in for /opt/ml: model/ and output/data/ are in it, and console/ is made there.",
)
database_option = click.option(
    "--database",
    help=f"sqlite:/// or postgresql:// address.  [default: {DATABASE_VARIABLE}, or a file in ROOT/console]",
)


@click.command("console", short_help="Serve the web console.")
@click.option("--endpoint", required=True, help="http://HOST:PORT of a server, or sagemaker:NAME.")
@root_option
@database_option
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port to listen on.")
@click.option(
    "--host", default=THIS_MACHINE, show_default=True, help=f"Address to listen on; {EVERY_ADDRESS} for every one."
)
@click.option("--https", is_flag=True, help="Browsers come by HTTPS, through a proxy in front: cookies need it then.")
def command(endpoint: str, root: Path, database: str | None, port: int, host: str, *, https: bool) -> None:
    """Serve the web console of the model in ROOT/model, which ENDPOINT scores with, until a signal comes."""
    log.configure()
    with contextlib.ExitStack() as until_the_end:
        try:
            until_the_end.enter_context(key_file.used(_made(root / FOLDER) / KEY_FILE, to_change_it=False))
            settings = settings_of(root, database, os.environ, behind_https=https)
            examples_of(bundle.read(settings.model_folder))
            opened(endpoint)
            _migrated(settings)
        except UserError as error:
            logger.error("%s", error)  # noqa: TRY400 - its text says all
            sys.exit(USER_FAULT)
        except Exception:
            logger.exception("Bug in fraud-detect; please report it")
            sys.exit(OUR_FAULT)
        logger.info("the console is on http://%s:%d and scores with %s", host, port, endpoint)
        # Uploads pass through files, and the root of a container may be read-only.
        tempfile.tempdir = str(settings.folder)
        Server(settings, endpoint, {"bind": f"{host}:{port}"}).run()


@click.command("console-openapi")
def openapi_command() -> None:
    """Print the description of the console's API in OpenAPI, as JSON."""
    click.echo(document.as_json(), nl=False)


def main() -> None:
    """Run the executable `console` of the image, which listens on every address."""
    command.main(prog_name="console", default_map={"host": EVERY_ADDRESS})


def settings_of(
    root: Path, database: str | None, environment: Mapping[str, str], *, behind_https: bool = False
) -> Settings:
    """Return the settings of a console under `root`, whose folder and key are made where there are none."""
    folder = _made(root / FOLDER)
    address = database or environment.get(DATABASE_VARIABLE) or f"sqlite:///{folder / DATABASE_FILE}"
    layout = Layout(root)
    key, *earlier = _keys(folder / KEY_FILE, environment)
    return Settings(
        model_folder=layout.model,
        report_folder=layout.output_data,
        folder=folder,
        database_url=address,
        secret_key=key,
        earlier_keys=tuple(earlier),
        behind_https=behind_https,
        smtp=smtp.of(environment),
    )


def _made(folder: Path) -> Path:
    """Return `folder`, made where it is not there; raise SettingError unless it can be read and written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        if (folder / KEY_FILE).exists():
            (folder / KEY_FILE).read_bytes()
    except OSError as error:
        raise SettingError(
            f"The console cannot write in {folder} as user {os.getuid()} ({error.strerror})",
            expected="a folder of this user's own, in which its accounts, cases and key are kept",
            remedy="Let this user own it and what is in it, mount it without `:ro`, or name another --root.",
        ) from error
    return folder


def _keys(file: Path, environment: Mapping[str, str]) -> Sequence[bytes]:
    """Return the present key and earlier ones: of the environment, or else of `file`."""
    if not environment.get(KEY_VARIABLE):
        return key_file.read(file)
    names = (KEY_VARIABLE, EARLIER_KEY_VARIABLE)
    given = {name: environment[name] for name in names if environment.get(name)}
    for name, key in given.items():
        if len(key) < SHORTEST_KEY:
            raise SettingError(
                f"{name} has {len(key)} characters",
                expected=f"at least {SHORTEST_KEY}, drawn at random",
                remedy="Draw one: python3 -c 'import secrets; print(secrets.token_hex(32))'.",
            )
    return [key.encode() for key in given.values()]


def _migrated(settings: Settings) -> None:
    database = Database(settings.database_url)
    database.migrate()
    with database.reading() as rows:
        secrets_at_rest.check(rows, settings.sealed)
    database.close()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with one process of many threads: most of them wait, for a browser or for the endpoint."""

    def __init__(self, settings: Settings, endpoint: str, configuration: Mapping[str, Any]) -> None:
        self._settings, self._endpoint, self._configuration = settings, endpoint, configuration
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's settings."""
        chosen = {
            "workers": 1,
            "worker_class": Worker,
            "threads": THREADS,
            "keepalive": IDLE_SECONDS,
            "sendfile": False,  # it would wait for ever for a client that takes nothing
            "graceful_timeout": GRACE_SECONDS,
            "proc_name": "fraud-detect console",
            "control_socket_disable": True,
            "forwarder_headers": "",
            "post_worker_init": _end_streams_on_stop,
            "worker_int": lambda worker: desk_of(worker.wsgi).hub.stop(),
            **self._configuration,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return the application, in the process that answers."""
        sys.setswitchinterval(SWITCH_SECONDS)
        return create_app(self._settings, opened(self._endpoint), desk_endpoint=opened(self._endpoint))


def _end_streams_on_stop(worker: Any) -> None:
    """Let SIGTERM end the desk's streams, too: the worker waits for requests, and they would not end by themselves."""
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:
        desk_of(worker.wsgi).hub.stop()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)
