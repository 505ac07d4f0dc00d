"""`serve`: a trained model behind HTTP.

Knows the environment, the machine, and how the parts of the server fit together. Never knows Flask, requests.
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from fraud_detect import log
from fraud_detect.artifact import bundle
from fraud_detect.errors import SettingError, UserError
from fraud_detect.sagemaker.job import OUR_FAULT, USER_FAULT
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from fraud_detect.serving import gunicorn, nginx
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.serving.run_directory import candidates, run_directory
from fraud_detect.serving.settings import GRACE_SECONDS, Settings, read_settings
from fraud_detect.serving.supervisor import Program, Signals, supervise

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - a container's port is reached from outside it
THIS_MACHINE = "127.0.0.1"

logger = logging.getLogger(__name__)


@click.command("serve")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=DEFAULT_ROOT,
    show_default=True,
    help="Folder that stands in for /opt/ml: model/ is in it.",
)
@click.option("--port", type=int, help="Port to listen on.  [default: SAGEMAKER_BIND_TO_PORT, or 8080]")
@click.option(
    "--host", default=THIS_MACHINE, show_default=True, help=f"Address to listen on; {EVERY_ADDRESS} for every one."
)
def command(root: Path, port: int | None, host: str) -> None:
    """Serve the model in ROOT/model over HTTP until a signal comes."""
    sys.exit(serve_root(root, {"host": host} if port is None else {"host": host, "port": port}))


def main() -> None:
    """Run the executable `serve` of the image, which listens on every address."""
    command.main(prog_name="serve", default_map={"host": EVERY_ADDRESS})


def serve_root(root: Path, given: dict[str, object]) -> int:
    """Serve the model under `root` and return the exit code: 0 stopped by a signal, 1 the user's fault, 2 ours.

    `given` are the settings of the command line. Where nginx or gunicorn ends of itself, its exit code is returned.
    """
    log.configure()
    try:
        with Signals() as signals:
            given = {**given, "model_folder": Layout(root).model}
            return _serve(read_settings(os.environ, given, cpus=available_cpus()), signals)
    except UserError as error:
        logger.error("%s", error)  # noqa: TRY400 - its text says all; a traceback would bury it
        return USER_FAULT
    except Exception:
        logger.exception("Bug in fraud-detect; please report it")
        return OUR_FAULT


def _serve(settings: Settings, signals: Signals) -> int:
    log.configure(settings.log_level)
    bundle.read(settings.model_folder).verify()
    _check_free(settings.host, settings.port)
    with run_directory(candidates()) as folder:
        programs = _programs(settings, folder)
        logger.info(
            "serving %s on http://%s:%d with %s, %d workers",
            settings.model_folder,
            nginx.address(settings.host),
            settings.port,
            " behind ".join(program.name for program in programs),
            settings.workers,
        )
        return supervise(programs, signals, grace_seconds=GRACE_SECONDS)


def _check_free(host: str, port: int) -> None:
    """Raise `SettingError` if a server could not listen there: its own message would come late and say less."""
    where = f"http://{nginx.address(host)}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        got = f"Port {port} is in use" if error.errno == errno.EADDRINUSE else f"Cannot listen on {where}: {error}"
        raise SettingError(
            got,
            expected="a free port of this machine, above 1023 unless root serves",
            remedy="Choose another with --port or SAGEMAKER_BIND_TO_PORT, or stop what listens there.",
        ) from None


def _programs(settings: Settings, folder: Path) -> Sequence[Program]:
    """Return gunicorn, and nginx in front of it where it is installed, with its configuration written to `folder`."""
    environment = gunicorn.environment(os.environ)
    program = shutil.which("nginx")
    mode = "alone" if program is None else "behind-nginx"
    workers = Program("gunicorn", gunicorn.command(settings, folder, mode), environment, signal.SIGTERM)
    if program is None:
        logger.warning(
            "nginx is not on the PATH: gunicorn listens alone, and many slow clients can keep others waiting"
        )
        return [workers]
    (folder / nginx.CONFIGURATION).write_text(nginx.render(settings, folder, _user()))
    return [workers, Program("nginx", nginx.command(program, folder), environment, signal.SIGQUIT)]


def _user() -> str | None:
    """Return root's name and group if this is root: else nginx would become a user that cannot enter the folder."""
    if os.geteuid() != 0:
        return None
    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name}"
