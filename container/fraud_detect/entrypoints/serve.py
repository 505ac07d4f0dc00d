"""`serve`: a trained model behind HTTP.

Knows the environment, the machine, and how the parts of the server fit together. Never knows Flask, requests.
"""

from __future__ import annotations

import grp
import logging
import os
import pwd
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import click

from fraud_detect import log
from fraud_detect.artifact import bundle
from fraud_detect.artifact.archive import unpack
from fraud_detect.artifact.manifest import MANIFEST
from fraud_detect.errors import SettingError, UserError
from fraud_detect.sagemaker.job import OUR_FAULT, USER_FAULT
from fraud_detect.sagemaker.layout import DEFAULT_ROOT, Layout
from fraud_detect.serving import gunicorn, listener, nginx
from fraud_detect.serving.cpus import available_cpus
from fraud_detect.serving.memory import available_bytes
from fraud_detect.serving.model_memory import budget_mb
from fraud_detect.serving.request_log import relayed
from fraud_detect.serving.run_directory import candidates, run_directory
from fraud_detect.serving.settings import GRACE_SECONDS, Settings, read_settings
from fraud_detect.serving.supervisor import Program, Signals, supervise

EVERY_ADDRESS = "0.0.0.0"  # noqa: S104 - a container's port is reached from outside it
THIS_MACHINE = "127.0.0.1"
ARCHIVE = "model.tar.gz"

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
    """Serve the model in ROOT/model over HTTP until a signal comes; with SAGEMAKER_MULTI_MODEL=true, models by name."""
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
    log.configure(settings.log_level, settings.log_format)
    with ExitStack() as stack:
        folder = stack.enter_context(run_directory(candidates()))
        settings = _within_memory(settings) if settings.multi_model else _with_model(settings, folder)
        stack.enter_context(relayed(folder / nginx.REQUEST_LOG))
        programs, before_stop = stack.enter_context(_programs(settings, folder))
        logger.info(
            "serving %s on http://%s:%d with %s, workers: %d",
            "the models that are loaded" if settings.multi_model else settings.model_folder,
            listener.address(settings.host),
            settings.port,
            " behind ".join(program.name for program in programs),
            settings.workers,
        )
        return supervise(programs, signals, grace_seconds=GRACE_SECONDS, before_stop=before_stop)


def _with_model(settings: Settings, folder: Path) -> Settings:
    """Return `settings` with the folder of a model that can be served; one that lies packed is unpacked in `folder`."""
    packed = settings.model_folder / ARCHIVE
    if packed.is_file() and not (settings.model_folder / MANIFEST).exists():
        logger.info("unpacking %s", packed)
        unpack(packed, folder / "model")
        settings = settings.model_copy(update={"model_folder": folder / "model"})
    bundle.read(settings.model_folder).verify()
    return settings


def _within_memory(settings: Settings) -> Settings:
    """Return `settings` with a limit for the memory of all models, which is logged.

    Raises
    ------
    SettingError
        If the workers leave nothing for models, or the system does not say how much there is.
    """
    if settings.multi_model_memory_mb == 0:
        available = available_bytes()
        if available is None:
            raise SettingError(
                "The system does not say how much memory is free",
                expected="Linux, or a limit of your own",
                remedy="Set FRAUD_DETECT_MULTI_MODEL_MEMORY_MB.",
            )
        budget = budget_mb(available, workers=settings.workers, max_body_mb=settings.max_body_mb)
        settings = settings.model_copy(update={"multi_model_memory_mb": budget})
    logger.info("models may take %d MB in all workers together", settings.multi_model_memory_mb)
    return settings


@contextmanager
def _programs(settings: Settings, folder: Path) -> Iterator[tuple[Sequence[Program], Callable[[], None] | None]]:
    """Give gunicorn, and nginx in front of it where it is installed; and what is to be done before they are stopped.

    Their configuration lies in `folder`. The port is bound before anything starts, so it is ours or the user hears.
    """
    environment = gunicorn.environment(os.environ, folder)
    program = shutil.which("nginx")
    mode = gunicorn.ALONE if program is None else gunicorn.BEHIND_NGINX
    workers = Program("gunicorn", gunicorn.command(settings, folder, mode), environment, signal.SIGTERM)
    with listener.bound(settings.host, settings.port) as port:
        if program is None:
            logger.warning(
                "nginx is not on the PATH: gunicorn listens alone, and many slow clients can keep others waiting"
            )
            port.close()
            yield [workers], None
            return
        (folder / nginx.CONFIGURATION).write_text(nginx.render(settings, folder, _user(), open_files=_allow_files()))
        inherited = nginx.environment(environment, port.fileno())
        command = nginx.command(program, folder)
        front = Program(
            "nginx",
            command,
            inherited,
            signal.SIGQUIT,
            descriptors=[port.fileno()],
            patient=True,
            after=folder / nginx.PING_SOCKET,
        )
        yield [workers, front], partial(_drain, folder, port)


def _drain(folder: Path, port: socket.socket) -> None:
    nginx.drain(folder)
    listener.close_gently(port)


def _allow_files() -> int:
    """Let nginx open as many files as it has use for, or as the system permits, and return their number."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = nginx.OPEN_FILES if most == resource.RLIM_INFINITY else min(nginx.OPEN_FILES, most)
    if allowed in range(wanted):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
    return wanted


def _user() -> str | None:
    """Return root's name and group if this is root: else nginx would become a user that cannot enter the folder."""
    if os.geteuid() != 0:
        return None
    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(0).gr_name}"
